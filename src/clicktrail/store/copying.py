"""The statement that has the embedded engine write a file."""

_OPTIONS = {"csv": "FORMAT csv, HEADER", "ndjson": "FORMAT json", "parquet": "FORMAT parquet"}


def copy_statement(query: str, target: str, kind: str) -> str:
    """Writes a query's rows to a file or pipe as `csv`, `ndjson` or `parquet`."""
    quoted = target.replace("'", "''")
    return f"COPY ({query}) TO '{quoted}' ({_OPTIONS[kind]})"
