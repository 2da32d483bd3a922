"""Checks the click that a site sent."""

from dataclasses import replace
from typing import NamedTuple

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
FIELDS = {**CLICK.writable, CLICK.id_field.name: replace(CLICK.id_field, kind=kinds.CLICK_ID, nullable=True)}
REQUIRED = required_fields(CLICK, "POST")
_NOTHING: Json = {}
MAX_BATCH = 10_000
"""Maximum number of clicks in a batch."""
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
    """Splits a JSON array, or lines of JSON, into bodies of clicks. Raises MalformedRequest, InvalidBody."""
    if is_lines:
        rows = [line for line in body.splitlines() if line.strip()]
    else:
        try:
            rows = [bytes(row) for row in _split(body)]
        except (ValueError, RecursionError):
            decode_json(body)  # raises the error if it is not JSON
            raise InvalidBody("The body is not valid.", (Mistake("must be an array of clicks", pointer=""),)) from None
    if not 1 <= len(rows) <= MAX_BATCH:
        detail = f"must have 1 to {MAX_BATCH} clicks, has {len(rows)}"
        raise InvalidBody("The body is not valid.", (Mistake(detail, pointer=""),))
    return rows


def parse_row(row: bytes, reading: Reading = STRICT) -> Parsed:
    """One click of a batch -> a hit, or all its mistakes. Read-only keys are ignored."""
    try:
        return parse_plain(row, reading)
    except (ValueError, RecursionError):
        pass
    try:
        return _parse_slowly(row, reading).hit
    except InvalidBody as error:
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
