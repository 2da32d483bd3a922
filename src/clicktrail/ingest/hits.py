"""The edge: what a site sent, checked once."""

import msgspec

from clicktrail.errors import InvalidBody, MalformedRequest, Mistake
from clicktrail.model.click import Hit
from clicktrail.query.fields import CLICK, MAX_CLICK_TEXT, MAX_TEXT
from clicktrail.query.forms import Values, check_form, decode_json, required_fields
from clicktrail.query.kinds import check_click_time, check_id, check_ip, check_url


class _Form(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /clicks by type alone, for the fast way through `parse_hit`."""

    ip: str
    uri: str
    locale: str | None = None
    referrer: str | None = None
    time: str | None = None
    user_agent: str | None = None
    uuid: str | None = None
    visitor_id: str | None = None


class _BatchForm(_Form):
    """A click of a batch: it may bring its id."""

    click_id: str | None = None


_decode = msgspec.json.Decoder(_Form).decode
_decode_row = msgspec.json.Decoder(_BatchForm).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_BATCH_FIELDS = {**CLICK.writable, "clickId": CLICK.fields[0]}
_REQUIRED = required_fields(CLICK, "POST")
MAX_BATCH = 10_000
"""Clicks of one batch."""
Parsed = Hit | tuple[Mistake, ...]


def parse_hit(body: bytes) -> Hit:
    """The body of POST /clicks -> a hit. Raises MalformedRequest, InvalidBody.

    What is in order takes one typed decode; anything else is read again, slowly, to name every mistake at once.
    """
    if b"\\u0000" not in body:
        try:
            return _read(_decode(body))
        except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
            pass
    return _hit_of(check_form(decode_json(body), CLICK.writable, _REQUIRED))


def split_batch(body: bytes, is_lines: bool) -> list[bytes]:
    """A JSON array, or lines of JSON -> the bodies of its clicks. Raises MalformedRequest, InvalidBody."""
    if is_lines:
        rows = [line for line in body.splitlines() if line.strip()]
    else:
        try:
            rows = [bytes(row) for row in _split(body)]
        except (ValueError, RecursionError):
            decode_json(body)  # says what is wrong where it is no JSON at all
            raise InvalidBody("The body is not valid.", (Mistake("must be an array of clicks", pointer=""),)) from None
    if not 1 <= len(rows) <= MAX_BATCH:
        detail = f"must have 1 to {MAX_BATCH} clicks, has {len(rows)}"
        raise InvalidBody("The body is not valid.", (Mistake(detail, pointer=""),))
    return rows


def parse_row(row: bytes) -> Parsed:
    """One click of a batch -> a hit, or all that is wrong with it."""
    try:
        if b"\\u0000" not in row:
            form = _decode_row(row)
            return _read(form, None if form.click_id is None else check_id(form.click_id))
    except (ValueError, RecursionError):
        pass
    try:
        return _hit_of(check_form(decode_json(row), _BATCH_FIELDS, _REQUIRED))
    except InvalidBody as error:
        return error.mistakes
    except MalformedRequest as error:
        return (Mistake(error.detail, pointer=""),)


def _hit_of(values: Values) -> Hit:
    return Hit(
        values["ip"],
        values["uri"],
        values.get("locale"),
        values.get("referrer"),
        values.get("time"),
        values.get("userAgent"),
        values.get("uuid"),
        values.get("clickId"),
        values.get("visitorId") or None,
    )


def _read(form: _Form, click_id: str | None = None) -> Hit:
    """Raises ValueError for anything that the slow way has to look at."""
    time = None if form.time is None else check_click_time(form.time)
    for text, limit in (
        (form.locale, MAX_CLICK_TEXT),
        (form.referrer, MAX_CLICK_TEXT),
        (form.user_agent, MAX_CLICK_TEXT),
        (form.uuid, MAX_TEXT),
        (form.visitor_id, MAX_TEXT),
    ):
        if text is not None and len(text) > limit:
            raise ValueError
    ip, uri = check_ip(form.ip), check_url(form.uri)
    return Hit(ip, uri, form.locale, form.referrer, time, form.user_agent, form.uuid, click_id, form.visitor_id or None)
