"""Exports from PostgreSQL: it finds the rows, and an engine in memory renders them, as for the embedded store."""

import os
import re
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString, cast

import duckdb
import psycopg
from psycopg import sql

from clicktrail.model.addresses import render_ip
from clicktrail.model.click import Click
from clicktrail.store.copying import copy_statement

_placeholder = re.compile(r"\$(\d+)")
_NUMBERS = {"time": "BIGINT", "update_time": "BIGINT", "latitude": "DOUBLE", "longitude": "DOUBLE"}
_COLUMNS = ", ".join(f"'{name}': '{_NUMBERS.get(name, 'VARCHAR')}'" for name in Click.__struct_fields__)


def copy_rows(
    cursor: "psycopg.RawCursor[Any]", rows: str, params: Sequence[Any], render: str, target: str, kind: str
) -> None:
    """Streams `rows` through a pipe into a rendering engine, which writes `target`; nothing is collected between."""
    banners = cursor.execute("SELECT banner_id, banner_name, cdn_file_url FROM banners").fetchall()
    with tempfile.TemporaryDirectory(prefix="clicktrail-") as folder, duckdb.connect() as rendering:
        pipe = Path(folder) / "rows"
        os.mkfifo(pipe, 0o600)
        rendering.execute("CREATE TABLE banners (banner_id VARCHAR, banner_name VARCHAR, cdn_file_url VARCHAR)")
        if banners:
            rendering.executemany("INSERT INTO banners VALUES (?, ?, ?)", banners)
        rendering.create_function("render_ip", render_ip, ["VARCHAR"], "VARCHAR")
        source = (
            f"read_csv('{pipe}', columns = {{{_COLUMNS}}}, header = false, auto_detect = false, parallel = false, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false)"
        )
        failures: list[BaseException] = []
        thread = threading.Thread(
            target=_render, args=(rendering, copy_statement(render.replace("{clicks}", source), target, kind), failures)
        )
        thread.start()
        try:
            _send(cursor, rows, params, pipe)
        except BrokenPipeError:  # the rendering side ended first, and says why
            pass
        finally:
            thread.join()
    if failures:
        raise failures[0]


def _render(rendering: duckdb.DuckDBPyConnection, statement: str, failures: list[BaseException]) -> None:
    try:
        rendering.execute(statement)
    except duckdb.Error as error:
        failures.append(error)


def _send(cursor: "psycopg.RawCursor[Any]", rows: str, params: Sequence[Any], pipe: Path) -> None:
    query = _with_literals(f"COPY ({rows}) TO STDOUT (FORMAT csv)", params)
    with pipe.open("wb") as out, cursor.copy(query) as copy:
        for piece in copy:
            out.write(piece)


def _with_literals(statement: str, params: Sequence[Any]) -> sql.Composed:
    """COPY takes no placeholders: the driver writes each value as a literal of its type."""
    pieces = _placeholder.split(statement)
    return sql.Composed(
        [
            sql.Literal(params[int(piece) - 1]) if place % 2 else sql.SQL(cast(LiteralString, piece))
            for place, piece in enumerate(pieces)
        ]
    )
