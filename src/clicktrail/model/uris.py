"""The query string of a uri that a click brought, read as leniently as browsers write it."""

from urllib.parse import unquote_to_bytes


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


def _decode(text: str) -> str:
    """Percent-decoded as WHATWG does it: what is not UTF-8 becomes U+FFFD. NUL, which no column keeps, is dropped."""
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace").replace("\0", "")
