"""Uris as browsers read them: the query string of one that a click brought, and the page that one leads to."""

from functools import lru_cache
from urllib.parse import unquote_to_bytes

import can_ada


def read_parameters(uri: str) -> dict[str, str | None]:
    """Parameter in lower case -> its value: of several the last, empty is None. Never raises."""
    _, _, query = uri.partition("#")[0].partition("?")
    found: dict[str, str | None] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if "%" in name or "+" in name:
            name = _decode(name)
        if "%" in value or "+" in value:
            value = _decode(value)
        found[name.lower()] = value or None
    return found


@lru_cache(maxsize=1024)
def normalise_page(url: str) -> str:
    """An http URL as browsers write it (WHATWG), so that it shows where it leads. What is no URL stays as it is."""
    try:
        page: str = can_ada.parse(url).href
    except ValueError:
        return url
    return page


def _decode(text: str) -> str:
    """Percent-decoded as WHATWG does it: what is not UTF-8 becomes U+FFFD. NUL, which no column keeps, is dropped."""
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace").replace("\0", "")
