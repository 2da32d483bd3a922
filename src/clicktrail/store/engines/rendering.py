"""The engine that renders files: in memory, one for each file, apart from the store's.

A client that reads slowly holds up its own engine alone. The store's would lend its threads and its memory: with eight
unread files nobody else's would be written (docs/adr/0020-exports.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from clicktrail.errors import Unavailable
from clicktrail.model.addresses import render_ip

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",  # ordinary clicks take 20, the widest there can be 400
    "threads": 1,
    "async_threads": 0,  # what is not written waits in the engine else, up to half its memory
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# One thread keeps the order by itself; keeping it by batches would take 128 MB for each thread.
_OPTIONS = {
    "csv": "FORMAT csv, HEADER, PRESERVE_ORDER false",
    "ndjson": "FORMAT json, PRESERVE_ORDER false",
    "parquet": "FORMAT parquet, ROW_GROUP_SIZE 20480, PRESERVE_ORDER false",
}


@contextmanager
def renderer() -> Iterator[duckdb.DuckDBPyConnection]:
    """A rendering engine. Its errors are raised as Unavailable: the file broke off."""
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
