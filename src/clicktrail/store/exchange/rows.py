"""Makes the body to import from a row of a file: names, times, and an id that is the same in every run."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from clicktrail.model.ids import sane_second
from clicktrail.model.times import SECOND, render_time
from clicktrail.query.fields import CLICK
from clicktrail.query.imports import match_names
from clicktrail.store.exchange.moments import Moments
from clicktrail.store.exchange.sources import Options, Source
from clicktrail.store.exchange.text import Record

_TIMES = ("time", "createTime", "updateTime")
_ABSENT = (None, "")
_UTC = ("+00:00", "Z")
"""Endings of a time that stays as it is written: to write it again takes longer than to read it."""
_encode = msgspec.json.Encoder().encode
_REMEMBERED = 5_000
"""Number of recent log lines in which equal lines are counted."""


class Body(msgspec.Struct, frozen=True, gc=False):
    number: int
    content: bytes
    has_made_id: bool
    """Whether the file has no id for this row."""


class Refused(msgspec.Struct, frozen=True):
    number: int
    reason: str
    row: Any


Row = Body | Refused


def read_bodies(source: Source, options: Options) -> Iterator[Row]:
    names = Names(source)
    reader = _RowReader(source, options)
    for place, record in enumerate(source.records()):
        if record.reason:
            yield Refused(record.number, record.reason, record.raw)
            continue
        fields = names.pick(record)
        if fields is None:
            yield Refused(record.number, "must be an object of column and value", record.fields)
            continue
        has_made_id = "clickId" not in fields
        try:
            yield Body(record.number, reader.read(fields, place, record.raw), has_made_id)
        except (ValueError, TypeError, RecursionError) as error:
            yield Refused(record.number, str(error), fields)


class Names:
    """Finds the column of each key, once for each set of columns."""

    def __init__(self, source: Source) -> None:
        self._kind = source.kind
        self._given = source.columns
        self._known: dict[tuple[str, ...], dict[str, str]] = {}
        self._keys: list[str] | None = None
        if source.header is not None:
            found = match_names(self._kind, source.header, self._given)
            self._keys = [found.get(name, "") for name in source.header]

    def pick(self, record: Record) -> dict[str, Any] | None:
        """Key -> value, for the keys that the import uses. None if the row is not an object."""
        fields = record.fields
        if self._keys is not None:
            return {key: cell for key, cell in zip(self._keys, fields, strict=True) if key and cell}
        if not isinstance(fields, dict):
            return None
        columns = tuple(fields)
        matched = self._known.get(columns)
        if matched is None:
            given = {key: column for key, column in self._given.items() if column in fields}
            matched = match_names(self._kind, columns, given)
            if len(self._known) < 1_000:
                self._known[columns] = matched
        return {key: fields[column] for column, key in matched.items() if fields[column] not in _ABSENT}


def left_out(source: Source) -> list[str]:
    """The columns of a file that the import does not use."""
    found = match_names(source.kind, source.names, source.columns)
    return [name for name in source.names if name not in found]


class _RowReader:
    def __init__(self, source: Source, options: Options) -> None:
        self._is_click = source.kind == CLICK.name
        self._moments: Moments = options.moments
        self._is_now = options.is_now
        self._clock = options.clock
        self._digest = source.digest
        self._lines: dict[str, int] = {}
        self._written_s = int(source.path.stat().st_mtime)

    def read(self, fields: dict[str, Any], place: int, line: str) -> bytes:
        """Returns the body. Raises ValueError with the reason. `line` is the line of a log, else empty."""
        times: dict[str, int] = {}
        for name in _TIMES:
            if name in fields:
                times[name] = self._read_time(name, fields[name])
        if self._is_click:
            if "time" not in times and "createTime" in times:
                times["time"] = times["createTime"]
            if "time" not in times and not self._is_now:
                raise ValueError("/time is not given; pass --time now to use the time of the import")
            if "clickId" not in fields:
                fields["clickId"] = self._make_id(fields.get("uuid"), times.get("time"), place, line)
        for name, us in times.items():
            written = fields.get(name)
            if not isinstance(written, str) or not written.endswith(_UTC) or written[0].isspace():
                fields[name] = render_time(us)
        return _encode(fields)

    def _read_time(self, name: str, value: Any) -> int:
        try:
            return self._moments.read(value)
        except ValueError as error:
            raise ValueError(f"/{name} {error}") from None

    def _make_id(self, uuid: Any, us: int | None, place: int, line: str) -> str:
        """An id from the click's time and its uuid, its log line, or the file's beginning and the row's place.

        Logs grow, are renamed and are compressed, so the same line is the same click in any file.
        """
        second = sane_second((None if us is None else us // SECOND, self._written_s), self._clock.unix_s())
        if uuid is not None:
            own = f"uuid\0{uuid}".encode(errors="replace")
        elif line:
            own = f"line\0{line}\0{self._count(line)}".encode(errors="replace")
        else:
            own = self._digest + place.to_bytes(8, "big")
        return f"{second:08x}{hashlib.sha256(own).hexdigest()[:16]}"

    def _count(self, line: str) -> int:
        """Number of earlier equal lines. Equal lines name the same second, so they are close to each other."""
        count = self._lines.pop(line, -1) + 1
        self._lines[line] = count
        if len(self._lines) > _REMEMBERED:
            del self._lines[next(iter(self._lines))]
        return count
