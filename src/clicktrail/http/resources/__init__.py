"""One file for each resource or use case."""
