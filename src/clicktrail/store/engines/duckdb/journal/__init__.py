"""The embedded engine's journal: a click is answered when it is in it, and reaches DuckDB later (ADR 42)."""
