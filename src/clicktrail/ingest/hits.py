"""The edge: what a site sent, checked once."""

import msgspec

from clicktrail.model.click import Hit
from clicktrail.query.fields import CLICK, MAX_CLICK_TEXT, MAX_TEXT
from clicktrail.query.forms import check_form, decode_json, required_fields
from clicktrail.query.kinds import check_click_time, check_ip, check_url


class _Form(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /clicks by type alone, for the fast way through `parse_hit`."""

    ip: str
    uri: str
    locale: str | None = None
    referrer: str | None = None
    time: str | None = None
    user_agent: str | None = None
    uuid: str | None = None


_decode = msgspec.json.Decoder(_Form).decode


def parse_hit(body: bytes) -> Hit:
    """The body of POST /clicks -> a hit. Raises MalformedRequest, InvalidBody.

    What is in order takes one typed decode; anything else is read again, slowly, to name every mistake at once.
    """
    if b"\\u0000" not in body:
        try:
            return _read(_decode(body))
        except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
            pass
    values = check_form(decode_json(body), CLICK.writable, required_fields(CLICK, "POST"))
    return Hit(
        values["ip"],
        values["uri"],
        values.get("locale"),
        values.get("referrer"),
        values.get("time"),
        values.get("userAgent"),
        values.get("uuid"),
    )


def _read(form: _Form) -> Hit:
    """Raises ValueError for anything that the slow way has to look at."""
    time = None if form.time is None else check_click_time(form.time)
    for text, limit in (
        (form.locale, MAX_CLICK_TEXT),
        (form.referrer, MAX_CLICK_TEXT),
        (form.user_agent, MAX_CLICK_TEXT),
        (form.uuid, MAX_TEXT),
    ):
        if text is not None and len(text) > limit:
            raise ValueError
    return Hit(check_ip(form.ip), check_url(form.uri), form.locale, form.referrer, time, form.user_agent, form.uuid)
