"""The embedded store: one DuckDB file, used by one process."""
