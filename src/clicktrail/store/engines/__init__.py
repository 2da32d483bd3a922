"""The engines: DuckDB in this process, or PostgreSQL."""
