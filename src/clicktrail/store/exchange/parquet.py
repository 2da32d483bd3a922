"""Reads the Parquet files of an export with DuckDB, in bounded memory."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from pathlib import Path

import duckdb

from clicktrail.store.exchange.move import PIECE, MoveRefused
from clicktrail.store.session.protocol import Row

_FILE = "read_parquet(?, file_row_number = true)"


def ask(path: Path, select: str, rest: str = "") -> list[Row]:
    """The rows of a SELECT on a file. `select` ends in FROM, `rest` follows the file. Raises MoveRefused."""
    with _reading(path) as engine:
        return engine.execute(f"{select} {_FILE} {rest}", [_literal(path)]).fetchall()


def read_pieces(path: Path, columns: Sequence[str]) -> Iterator[list[Row]]:
    """The rows of a file, `PIECE` at a time. Raises MoveRefused."""
    with _reading(path) as engine:
        rows = engine.execute(f"SELECT {', '.join(columns)} FROM {_FILE}", [_literal(path)])
        while piece := rows.fetchmany(PIECE):
            yield piece


def unreadable(path: Path, error: Exception) -> MoveRefused:
    return MoveRefused(f"{path} cannot be read: {str(error).splitlines()[0]}")


@contextmanager
def _reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        tempfile.TemporaryDirectory(prefix="clicktrail-") as scratch,
        duckdb.connect(config={"memory_limit": "512MB", "threads": 1, "temp_directory": scratch}) as engine,
    ):
        try:
            yield engine
        except duckdb.Error as error:
            raise unreadable(path, error) from None


def _literal(path: Path) -> str:
    """The path for `read_parquet`, which takes `*`, `?` and `[` for patterns."""
    return escape(str(path))
