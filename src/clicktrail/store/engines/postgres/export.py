"""Exports from PostgreSQL: the server finds the rows and streams them through a pipe to the rendering engine."""

import os
from itertools import chain
from typing import Any

import psycopg
import psycopg.sql

from clicktrail.store.engines.pipes import pass_on
from clicktrail.store.engines.rendering import copy_statement, renderer
from clicktrail.store.session.protocol import Extract
from clicktrail.store.session.sql import Sql, named, sql


def copy_rows(cursor: "psycopg.RawCursor[Any]", extract: Extract, target: str) -> None:
    """Streams an extract's rows to a rendering engine, which writes `target`. Nothing is collected in memory."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in extract.columns.items())

    def render(source: str) -> None:
        rows = (
            f"read_csv('{source}', columns = {{{columns}}}, header = false, auto_detect = false, parallel = false, "
            "delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, "
            "buffer_size = 4194304)"
        )
        with renderer() as engine:
            engine.execute(copy_statement(extract.render.replace("{rows}", rows), target, extract.kind))

    def send(descriptor: int) -> None:
        # Quotes around the first value keep a U+FEFF at its beginning: DuckDB drops one at the start of a file.
        copying = sql(
            "COPY ({}) TO STDOUT (FORMAT csv, FORCE_QUOTE ({}))", extract.rows, named(next(iter(extract.columns)))
        )
        query = _with_literals(copying)
        with os.fdopen(descriptor, "wb", closefd=False) as out, cursor.copy(query) as copy:
            for piece in copy:
                out.write(piece)

    pass_on(send, render)


def _with_literals(statement: Sql) -> psycopg.sql.Composed:
    """COPY takes no placeholders, so the driver writes each value as a literal of its type."""
    first, *rest = [psycopg.sql.SQL(piece) for piece in statement.pieces()]
    values = map(psycopg.sql.Literal, statement.params)
    return psycopg.sql.Composed([first, *chain.from_iterable(zip(values, rest, strict=True))])
