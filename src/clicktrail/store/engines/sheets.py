"""A table of a few thousand rows as a file: CSV, NDJSON or Parquet."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from clicktrail.model.cells import neutralise
from clicktrail.store.engines.rendering import copy_statement, renderer

_TYPES = {str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN"}
_PIECE_BYTES = 256 * 1024
Cells = Mapping[str, Any]
"""Column -> value; a missing one is empty."""


def write_csv(columns: Sequence[str], rows: Iterable[Cells], is_raw: bool) -> Iterator[bytes]:
    """Line by line. `is_raw`: cells stay as they are, even if a spreadsheet would run them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for cells in chain([columns], ([_cell(row.get(name), is_raw) for name in columns] for row in rows)):
        writer.writerow(cells)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def _cell(value: Any, is_raw: bool) -> str:
    if value is None or value is True or value is False:
        return "" if value is None else str(value).lower()
    return neutralise(value) if isinstance(value, str) and not is_raw else str(value)


def write_ndjson(rows: Iterable[Any]) -> Iterator[bytes]:
    """Line by line."""
    return (msgspec.json.encode(row) + b"\n" for row in rows)


def write_parquet(columns: Mapping[str, type], rows: Iterable[Cells]) -> Iterator[bytes]:
    """The file as a whole, when it is asked for. `columns`: name -> type of its values. Raises Unavailable."""
    with tempfile.TemporaryDirectory() as folder, renderer() as engine:
        target = Path(folder) / "sheet.parquet"
        quoted = {name: '"' + name.replace('"', '""') + '"' for name in columns}
        declared = ", ".join(f"{quoted[name]} {_TYPES[kind]}" for name, kind in columns.items())
        engine.execute(f"CREATE TABLE sheet ({declared})")
        appender = engine.appender("sheet")
        appender.append_rows([[row.get(name) for name in columns] for row in rows])
        appender.flush()
        engine.execute(copy_statement("SELECT * FROM sheet", str(target), "parquet"))
        content = target.read_bytes()
    yield content


def in_pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are neither short nor long."""
    waiting = bytearray()
    for part in parts:
        for start in range(0, len(part), _PIECE_BYTES):
            waiting += part[start : start + _PIECE_BYTES]
            if len(waiting) >= _PIECE_BYTES:
                yield bytes(waiting)
                waiting.clear()
    if waiting:
        yield bytes(waiting)
