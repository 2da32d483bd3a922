"""Followed links, page views, the pixel and the snippet: hits that become clicks."""
