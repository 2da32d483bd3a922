"""A file to import: its format, the kind of its rows, its columns, and its rows one by one."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb

from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.query.fields import CLICK
from clicktrail.query.imports import BY_NAME, TAKEN, match_names, recognise
from clicktrail.store.exchange.json_values import read_lines, read_values
from clicktrail.store.exchange.logs import NAMES, read_log
from clicktrail.store.exchange.moments import Moments
from clicktrail.store.exchange.tables import Delimited
from clicktrail.store.exchange.text import Lines, Record, TextFile

FORMATS = ("csv", "tsv", "ndjson", "json", "parquet", "log")
_SUFFIXES = {"jsonl": "ndjson"} | {name: name for name in FORMATS}
_suffix = re.compile(r"\.([a-z]+)(?:[.-]\d+)?(?:\.gz)?\Z").search
_LOOKED_AT = 100
"""Rows of JSON that are read to recognise the kind."""
_PIECE = 5_000
_SHOWN = 40


@dataclass(frozen=True)
class Options:
    """How to read files, from the command line."""

    format: str = ""
    kind: str = ""
    encoding: str = ""
    base_url: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Key -> its column."""
    moments: Moments = field(default_factory=Moments)
    is_now: bool = False
    """Whether a click without a time gets the time of its import."""
    clock: Clock = SYSTEM_CLOCK


class Source:
    """An open file. `kind` is the resource of its rows. Raises ValueError if it cannot be imported."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.columns: Mapping[str, str] = {}
        """Key -> the column that the user named for it."""
        self.skipped: Counter[str] = Counter()
        """Rows that are skipped, by reason."""
        self.format = options.format or find_format(path)
        self.has_lines = self.format not in ("json", "parquet")
        self._header: list[str] | None = None
        self._parquet = Parquet(path) if self.format == "parquet" else None
        self._text = TextFile(path, options.encoding) if self._parquet is None else None
        self.size = self._text.size if self._text is not None else self._parquet.count if self._parquet else 0
        try:
            rows = self._open(options)
            first = list(islice(rows, _LOOKED_AT))
            self._records = chain(first, rows)
            self.names = self._header if self._header is not None else _names_of(first)
            """The columns; for JSON, the columns of the first rows."""
            self.kind = options.kind or recognise([*self.names, *options.columns]) or CLICK.name
            self._check(options)
        except BaseException:
            self.close()
            raise

    @property
    def digest(self) -> bytes:
        """A hash of the file's beginning, to identify the file."""
        return self._text.digest if self._text is not None else self._parquet.digest if self._parquet else b""

    @property
    def position(self) -> int:
        """How much of `size` was read."""
        return self._text.position if self._text is not None else self._parquet.read if self._parquet else 0

    def records(self) -> Iterator[Record]:
        """The rows. Cells are in the order of `header`, if there is one."""
        return self._records

    @property
    def header(self) -> list[str] | None:
        """The names of the cells, in the order of the file; None if each row names its own."""
        return self._header

    def close(self) -> None:
        if self._text is not None:
            self._text.close()
        if self._parquet is not None:
            self._parquet.close()

    def _open(self, options: Options) -> Iterator[Record]:
        if self._parquet is not None:
            self._header = self._parquet.names
            return self._parquet.records()
        assert self._text is not None  # noqa: S101 - one of the two exists
        if self.format == "json":
            return read_values(self._text)
        lines = Lines(self._text)
        if self.format == "ndjson":
            return read_lines(lines)
        if self.format == "log":
            if not options.base_url:
                raise ValueError("is an access log, which names no host; pass --base-url https://shop.example.org")
            self._header = list(NAMES)
            return read_log(lines, options.base_url, self.skipped)
        table = Delimited(lines)
        self._header = table.names
        return table.records()

    def _check(self, options: Options) -> None:
        """Raises ValueError if required columns are missing."""
        found = f"; it has: {', '.join(self.names[:_SHOWN]) or 'none'}"
        if not self.names and self._header is None:  # no row has content
            return
        wanted = TAKEN[self.kind]
        for key, column in options.columns.items():
            if key not in wanted and self.kind in (CLICK.name, options.kind):
                raise ValueError(f"--map {key}=…: there is no such name; allowed: {', '.join(wanted)}")
            if key in wanted and column not in self.names:
                raise ValueError(f"--map {key}={column}: there is no such column{found}")
        self.columns = {key: column for key, column in options.columns.items() if key in wanted}
        if self.kind != CLICK.name:
            return
        keys = set(match_names(self.kind, self.names, self.columns).values())
        missing = [key for key in ("ip", "uri") if key not in keys]
        if missing:
            how = " ".join(f"--map {key}=COLUMN" for key in missing)
            raise ValueError(f"has no column {' and '.join(missing)}{found}. Say which they are: {how}")
        if not options.is_now and not keys & {"time", "createTime"}:
            raise ValueError(f"has no column with times{found}. Say which it is: --map time=COLUMN; or pass --time now")


class Parquet:
    """A Parquet file, read by DuckDB. Raises ValueError."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(config={"memory_limit": "512MB"})
        self.read = 0
        try:
            source = "FROM read_parquet(?)"
            self.count = int(self._connection.execute(f"SELECT count(*) {source}", [str(path)]).fetchall()[0][0])
            self._rows = self._connection.execute(f"SELECT COLUMNS(*)::VARCHAR {source}", [str(path)])
        except duckdb.Error as error:
            self._connection.close()
            raise ValueError(f"cannot be read: {str(error).splitlines()[0]}") from None
        self.names = [column[0] for column in self._rows.description or ()]
        self.digest = digest_of(path)

    def records(self) -> Iterator[Record]:
        """The rows, each value as text."""
        while piece := self._rows.fetchmany(_PIECE):
            for row in piece:
                self.read += 1
                yield Record(self.read, row)

    def close(self) -> None:
        self._connection.close()


def find_format(path: Path) -> str:
    """The format by a file's name. Raises ValueError."""
    match = _suffix(path.name.lower())
    if match is None or match[1] not in _SUFFIXES:
        endings = ", ".join(f".{name}" for name in _SUFFIXES)
        raise ValueError(f"must end in one of {endings}, each maybe with .gz; or pass --format")
    return _SUFFIXES[match[1]]


def digest_of(path: Path) -> bytes:
    """Identifies a binary file by its beginning."""
    file = TextFile(path, "latin-1")
    file.close()
    return file.digest


def _names_of(records: list[Record]) -> list[str]:
    names: dict[str, Any] = {}
    for record in records:
        if isinstance(record.fields, dict):
            names |= record.fields
    return list(names)


KINDS = tuple(BY_NAME)
