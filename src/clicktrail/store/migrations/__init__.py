"""The tables, as forward-only migrations."""
