"""Exports from PostgreSQL: it finds the rows and sends them through a pipe to the engine that renders them."""

import os
import re
from collections.abc import Sequence
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from clicktrail.store.engines.pipes import pass_on
from clicktrail.store.engines.rendering import copy_statement, renderer
from clicktrail.store.session.protocol import Extract

_placeholder = re.compile(r"\$(\d+)")


def copy_rows(cursor: "psycopg.RawCursor[Any]", extract: Extract, target: str) -> None:
    """Streams an extract's rows to a rendering engine, which writes `target`; nothing is collected between."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in extract.columns.items())

    def render(source: str) -> None:
        rows = (
            f"read_csv('{source}', columns = {{{columns}}}, header = false, auto_detect = false, parallel = false, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, buffer_size = 4194304)"
        )
        with renderer() as engine:
            engine.execute(copy_statement(extract.render.replace("{rows}", rows), target, extract.kind))

    def send(descriptor: int) -> None:
        query = _with_literals(f"COPY ({extract.rows}) TO STDOUT (FORMAT csv)", extract.params)
        with os.fdopen(descriptor, "wb", closefd=False) as out, cursor.copy(query) as copy:
            for piece in copy:
                out.write(piece)

    pass_on(send, render)


def _with_literals(statement: str, params: Sequence[Any]) -> sql.Composed:
    """COPY takes no placeholders: the driver writes each value as a literal of its type."""
    pieces = _placeholder.split(statement)
    return sql.Composed(
        [
            sql.Literal(params[int(piece) - 1]) if place % 2 else sql.SQL(cast(LiteralString, piece))
            for place, piece in enumerate(pieces)
        ]
    )
