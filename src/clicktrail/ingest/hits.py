"""Checks the click that a site sent."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from clicktrail.errors import InvalidBody, MalformedRequest, Mistake
from clicktrail.model.click import Hit
from clicktrail.model.reading import STRICT, Reading
from clicktrail.model.times import add_offset
from clicktrail.query import kinds
from clicktrail.query.fields import CLICK, MAX_CLICK_TEXT, MAX_TEXT
from clicktrail.query.forms import Json, check_form, decode_json, find_shown, required_fields
from clicktrail.query.kinds import check_id, check_ip, check_time, refuse_future_id, refuse_future_time
from clicktrail.query.texts import check_uri


class Body(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /clicks by type only, for the fast path of `parse_hit`."""

    ip: str
    uri: str
    locale: str | None = None
    referrer: str | None = None
    time: str | None = None
    user_agent: str | None = None
    uuid: str | None = None
    visitor_id: str | None = None
    click_id: str | None = None


class Sent(NamedTuple):
    """A hit, and the read-only keys that its body also had."""

    hit: Hit
    shown: Json


_decode = msgspec.json.Decoder(Body).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_check = msgspec.json.Decoder(msgspec.Raw).decode
_find_lines = re.compile(rb"[^\r\n]+").finditer
FIELDS = {**CLICK.writable, CLICK.id_field.name: replace(CLICK.id_field, kind=kinds.CLICK_ID, nullable=True)}
REQUIRED = required_fields(CLICK, "POST")
_NOTHING: Json = {}
MAX_BATCH = 10_000
"""Maximum number of clicks in a batch."""
MAX_ROW_BYTES = 1 << 20
"""Maximum size of a row of a batch. The body of a single click has the same maximum, unless a setting changes it."""
MOST_MISTAKES = 20
"""A row of a batch names so many mistakes: more than a click has fields. 100 in each of 10,000 rows took 250 MiB."""
_MOST_COMMAS = 64 * MAX_BATCH
"""A JSON array with more commas may have millions of rows: each would take 60 times the memory of its text."""
Parsed = Hit | tuple[Mistake, ...]


def parse_hit(body: bytes, reading: Reading = STRICT) -> Sent:
    """Reads the body of POST /clicks. Raises MalformedRequest, InvalidBody.

    A valid body takes one typed decode. Any other is read again slowly, to report all mistakes at once.
    """
    try:
        return Sent(parse_plain(body, reading), _NOTHING)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return _parse_slowly(body, reading)


def _parse_slowly(body: bytes, reading: Reading) -> Sent:
    data = decode_json(body)
    values = check_form(data, FIELDS, REQUIRED, "", reading, CLICK.read_only)
    return Sent(Hit(**values), {name: value for name, value in find_shown(data, CLICK).items() if name not in FIELDS})


def split_batch(body: bytes, is_lines: bool) -> list[bytes]:
    """Splits a JSON array, or lines of JSON, into bodies of clicks. Rows beyond the maximum take no memory. Raises
    MalformedRequest, InvalidBody."""
    rows = list(islice(_split_lines(body), MAX_BATCH + 1)) if is_lines else _split_array(body)
    if not 1 <= len(rows) <= MAX_BATCH:
        detail = f"must have 1 to {MAX_BATCH} clicks, has {'more' if rows else 0}"
        raise InvalidBody("The body is not valid.", (Mistake(detail, pointer=""),))
    long = (place for place, row in enumerate(rows) if len(row) > MAX_ROW_BYTES)
    if (place := next(long, None)) is not None:
        mistake = Mistake(f"is longer than {MAX_ROW_BYTES} bytes", pointer=f"/{place}")
        raise InvalidBody("The body is not valid.", (mistake,))
    return rows


def _split_lines(body: bytes) -> Iterator[bytes]:
    return (line[0] for line in _find_lines(body) if not line[0].isspace())


def _split_array(body: bytes) -> list[bytes]:
    """The rows of an array, at most one more than a batch may have. Raises MalformedRequest, InvalidBody."""
    try:
        if body.count(b",") <= _MOST_COMMAS:
            return list(map(bytes, _split(body)))
        return [bytes(row) for row in msgspec.structs.astuple(_bounded_split()(body)) if row is not None]
    except (ValueError, RecursionError):
        _check_json(body)
        raise InvalidBody("The body is not valid.", (Mistake("must be an array of clicks", pointer=""),)) from None


@cache
def _bounded_split() -> Callable[[bytes], Any]:
    """Reads as many rows of an array as a struct has fields, and skips all others. It takes 0.1 s to make."""
    names = [f"row{number}" for number in range(MAX_BATCH + 1)]
    return msgspec.json.Decoder(
        msgspec.defstruct("Array", [(name, msgspec.Raw, None) for name in names], array_like=True)
    ).decode


def _check_json(body: bytes) -> None:
    """Raises MalformedRequest. Of many values no objects are made: they would take 60 times the memory of the text."""
    try:
        if body.count(b",") > _MOST_COMMAS:
            _check(body)
            return
    except (ValueError, RecursionError):
        raise MalformedRequest("The body is not JSON.") from None
    decode_json(body)


def parse_row(row: bytes, reading: Reading = STRICT) -> Parsed:
    """One click of a batch -> a hit, or all its mistakes, at most `MOST_MISTAKES` and the word that there are more.
    Read-only keys are ignored."""
    try:
        return parse_plain(row, reading)
    except (ValueError, RecursionError):
        pass
    try:
        return _parse_slowly(row, reading).hit
    except InvalidBody as error:
        if len(error.mistakes) > MOST_MISTAKES:
            return (*error.mistakes[:MOST_MISTAKES], Mistake("has more mistakes", pointer=""))
        return error.mistakes
    except MalformedRequest as error:
        return (Mistake(error.detail, pointer=""),)


def parse_plain(body: bytes, reading: Reading) -> Hit:
    """Reads a plain body of POST /clicks. Raises ValueError or RecursionError if it needs the slow path."""
    if b"\\u0000" in body:
        raise ValueError
    form = _decode(body)
    click_id = check_id(form.click_id) if form.click_id else None
    if click_id is not None:
        refuse_future_id(click_id, reading.clock)
    return read_body(form, click_id, reading)


def read_body(form: Body, click_id: str | None, reading: Reading) -> Hit:
    """Makes a hit with this id from a body of the right types. Raises ValueError if it needs the slow path."""
    text, time = form.time, None
    referrer, user_agent = form.referrer or None, form.user_agent or None
    if text:
        time = check_time(text if reading.naive_zone is None else add_offset(text, reading.naive_zone))
        refuse_future_time(time, reading.clock)
    if referrer is not None and len(referrer) > MAX_CLICK_TEXT:
        referrer = referrer[:MAX_CLICK_TEXT]
    if user_agent is not None and len(user_agent) > MAX_CLICK_TEXT:
        user_agent = user_agent[:MAX_CLICK_TEXT]
    for text, limit in ((form.locale, MAX_CLICK_TEXT), (form.uuid, MAX_TEXT), (form.visitor_id, MAX_TEXT)):
        if text is not None and len(text) > limit:
            raise ValueError
    return Hit(
        ip=check_ip(form.ip),
        uri=check_uri(form.uri),
        locale=form.locale or None,
        referrer=referrer,
        time=time,
        user_agent=user_agent,
        uuid=form.uuid or None,
        click_id=click_id,
        visitor_id=form.visitor_id or None,
    )
