"""Files of clicks, read in pieces: NDJSON, CSV and Parquet, ours or anybody's with our field names."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from clicktrail.model.times import SECOND, parse_time
from clicktrail.query.fields import CLICK

LINES = (".ndjson", ".jsonl")
TABLES = {".csv": "read_csv(?, header=true, all_varchar=true)", ".parquet": "read_parquet(?)"}
"""Suffix -> how the engine reads it."""
_FIELDS = (*CLICK.writable, "clickId")
_FINGERPRINT_BYTES = 65_536


def count_rows(path: Path) -> int:
    """How many rows a file has. Raises ValueError for a file that cannot be read."""
    if path.suffix.lower() in LINES:
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    with duckdb.connect() as connection:
        return int(_query(connection, "SELECT count(*)", path).fetchall()[0][0])


def read_rows(path: Path, size: int) -> Iterator[list[bytes]]:
    """The file's clicks as bodies of a batch, `size` at a time. Columns that are no fields of a click are left out.

    A row with neither `uuid` nor `clickId` gets an id made of its time, the file's beginning and its place: the same
    file imported again, or from where it was broken off, brings nothing twice. Raises ValueError.
    """
    with path.open("rb") as file:
        fingerprint = hashlib.sha256(file.read(_FINGERPRINT_BYTES)).digest()
    rows = _read_lines(path) if path.suffix.lower() in LINES else _read_table(path, size)
    bodies = (_body(row, fingerprint, place) for place, row in enumerate(rows))
    while piece := list(islice(bodies, size)):
        yield piece


def _read_lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                try:
                    yield msgspec.json.decode(line)
                except (ValueError, RecursionError):
                    yield line  # to be refused with the others, by its number


def _read_table(path: Path, size: int) -> Iterator[Any]:
    with duckdb.connect() as connection:
        rows = _query(connection, "SELECT COLUMNS(*)::VARCHAR", path)
        names = [column[0] for column in rows.description or ()]
        while piece := rows.fetchmany(size):
            yield from (dict(zip(names, row, strict=True)) for row in piece)


def _query(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> duckdb.DuckDBPyConnection:
    source = TABLES.get(path.suffix.lower())
    if source is None:
        raise ValueError(f"{path} must end in one of {', '.join((*LINES, *TABLES))}")
    try:
        return connection.execute(f"{select} FROM {source}", [str(path)])
    except duckdb.Error as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def _body(row: Any, fingerprint: bytes, place: int) -> bytes:
    if not isinstance(row, dict):
        return row if isinstance(row, bytes) else msgspec.json.encode(row)
    fields = {name: row[name] for name in _FIELDS if row.get(name) not in (None, "")}
    if "uuid" not in fields and "clickId" not in fields:
        fields["clickId"] = _make_id(fields.get("time"), fingerprint, place)
    return msgspec.json.encode(fields)


def _make_id(time: Any, fingerprint: bytes, place: int) -> str:
    try:
        second = max(parse_time(time) // SECOND, 0) if isinstance(time, str) else 0
    except ValueError:
        second = 0
    return f"{second & 0xFFFFFFFF:08x}{hashlib.sha256(fingerprint + place.to_bytes(8, 'big')).hexdigest()[:16]}"
