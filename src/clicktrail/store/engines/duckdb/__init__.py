"""The embedded store: one DuckDB file of one process."""
