"""Renders files in an in-memory DuckDB, one for each file, separate from the store's engine.

So a slow caller blocks only its own engine. In the store's engine it would hold threads and memory: eight files that no
one reads would block all others (docs/adr/0020-exports.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from clicktrail.errors import Unavailable
from clicktrail.model.addresses import render_ip

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",  # usual clicks need 20 MB, the widest possible 400 MB
    "threads": 1,
    "async_threads": 0,  # otherwise unwritten output waits in the engine, up to half its memory
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# One thread keeps the order. Keeping the order by batches would take 128 MB per thread.
_OPTIONS = {
    "csv": "FORMAT csv, HEADER, PRESERVE_ORDER false",
    "ndjson": "FORMAT json, PRESERVE_ORDER false",
    "parquet": "FORMAT parquet, ROW_GROUP_SIZE 20480, PRESERVE_ORDER false",
}


@contextmanager
def renderer() -> Iterator[duckdb.DuckDBPyConnection]:
    """A rendering engine. Its errors are raised as Unavailable: the file is incomplete."""
    with duckdb.connect(config=_CONFIG) as engine:
        engine.create_function("render_ip", render_ip, ["VARCHAR"], "VARCHAR")
        try:
            yield engine
        except duckdb.Error as error:
            raise Unavailable("The file broke off.", headers={"Retry-After": "5"}) from error


def copy_statement(query: str, target: str, kind: str) -> str:
    """Writes a query's rows to a file or pipe as `csv`, `ndjson` or `parquet`."""
    quoted = target.replace("'", "''")
    return f"COPY ({query}) TO '{quoted}' ({_OPTIONS[kind]})"
