"""Reads JSON in bounded memory: one value per line, or several values in sequence, also inside arrays."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from clicktrail.store.exchange.text import (
    BROKEN,
    MAX_LINE,
    TOO_LONG,
    Lines,
    Record,
    TextFile,
    is_too_long,
)

_PIECE = 256 * 1024
_between = re.compile(r"[\s,]*").match
REJECT_KEYS = frozenset({"file", "reason", "content"})
"""The keys of a line in a file of refused rows."""
_RAW = 2_000
"""Maximum number of characters shown of an unreadable value."""


def read_lines(lines: Lines) -> Iterator[Record]:
    """NDJSON: one value per line. A line that is not JSON becomes an unreadable row."""
    decode = msgspec.json.Decoder().decode
    for number, line in lines:
        if not line or line.isspace():
            continue
        reason = lines.file.undecoded(line) or (TOO_LONG if is_too_long(line) else "")
        if reason:
            yield Record(number, reason=reason, raw=line[:_RAW].rstrip())
            continue
        try:
            yield Record(number, _unwrap(decode(line)))
        except (ValueError, RecursionError) as error:
            yield Record(number, reason=f"is not JSON: {error}", raw=line[:_RAW].rstrip())
    if lines.trouble is not None:
        yield lines.trouble


def _unwrap(value: Any) -> Any:
    """A row from a file of refused rows, corrected by the user: returns its content."""
    return value["content"] if isinstance(value, dict) and value.keys() >= REJECT_KEYS else value


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def read_values(file: TextFile) -> Iterator[Record]:
    """Values in sequence, or arrays whose items are rows. `number` counts rows.

    A broken value ends the file, because the start of the next value is unknown.
    """
    decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
    text, place, number, depth, is_whole = "", 0, 0, 0, False
    while True:
        place = _skip(text, place)
        if not is_whole and len(text) - place < _PIECE:
            try:
                more = file.read(_PIECE)
            except BROKEN as error:
                yield Record(number + 1, reason=f"the file is damaged from here on: {error}")
                return
            text, place, is_whole = text[place:] + more, 0, not more
            continue
        if place == len(text):
            break
        if (text[place] == "[" and depth == 0) or (text[place] == "]" and depth == 1):
            depth, place = 1 - depth, place + 1
            continue
        try:
            value, end = decode(text, place)
        except (ValueError, RecursionError) as error:
            if not is_whole and len(text) - place <= MAX_LINE:
                text, place, is_whole = _more(file, text[place:])
                continue
            yield _broken(number + 1, text[place:], error)
            return
        number += 1
        reason = file.undecoded(text[place:end])
        yield Record(number, value, reason, text[place:end][:_RAW] if reason else "")
        place = end
    if depth:
        yield Record(number + 1, reason="the file ends inside an array")


def _skip(text: str, place: int) -> int:
    match = _between(text, place)
    return match.end() if match else place


def _more(file: TextFile, rest: str) -> tuple[str, int, bool]:
    """The rest and the text after it; the text is whole if nothing follows."""
    try:
        more = file.read(_PIECE)
    except BROKEN:
        more = ""
    return rest + more, 0, not more


def _broken(number: int, rest: str, error: Exception) -> Record:
    what = TOO_LONG if len(rest) > MAX_LINE else "is not JSON"
    return Record(number, reason=f"{what}; nothing after it can be read: {error}", raw=rest[:_RAW])
