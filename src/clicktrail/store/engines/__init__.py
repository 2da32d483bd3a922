"""Where the tables lie: DuckDB in this process, or PostgreSQL."""
