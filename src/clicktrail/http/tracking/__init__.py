"""Links that are followed, page views, the pixel and the snippet: hits that become clicks."""
