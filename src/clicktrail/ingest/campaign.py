"""What the query string of a click's uri says of its campaign."""

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

UTM = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")


class Campaign(NamedTuple):
    """The five utm fields, the link's code and the banner's id; None where the uri does not say."""

    utm_campaign: str | None
    utm_content: str | None
    utm_medium: str | None
    utm_source: str | None
    utm_term: str | None
    code: str | None
    banner_id: str | None


def find_campaign(uri: str, code_parameter: str, banner_parameter: str) -> Campaign:
    """Reads the query string of `uri`: any letter case of the key, the last one wins, empty is None. Never raises."""
    found: dict[str, str | None] = {}
    _, _, query = uri.partition("#")[0].partition("?")
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if "%" in name or "+" in name:
            name = _decode(name)
        found[name.lower()] = value
    return Campaign._make(_value(found.get(name.lower())) for name in (*UTM, code_parameter, banner_parameter))


def _value(text: str | None) -> str | None:
    if not text:
        return None
    return (_decode(text) if "%" in text or "+" in text else text) or None


def _decode(text: str) -> str:
    """Percent-decoded as WHATWG does it: what is not UTF-8 becomes U+FFFD. NUL, which no column keeps, is dropped."""
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace").replace("\0", "")
