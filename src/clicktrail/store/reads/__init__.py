"""Questions: pages, counts and single objects, and who may see which rows."""
