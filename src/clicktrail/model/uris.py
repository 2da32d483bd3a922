"""Uris as browsers read them: whether a text is a uri, the query string of a click's uri, and a link's landing page."""

import re
from collections.abc import Container
from functools import lru_cache
from string import ascii_uppercase
from urllib.parse import unquote_to_bytes

import can_ada

NEVER = ("javascript", "data", "vbscript")
"""Schemes of scripts and of inline contents: no visitor arrives there, and a page that shows them as links would run
them.
"""
_parse = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):([^\x00-\x20\x7f\\][^\x00-\x1f\x7f]*)\Z", re.ASCII).match
_find_origin = re.compile(r"https?://[\w.-]+/", re.ASCII).match
"""The start of most URLs, up to the path: it has the same host as the whole URL."""
_is_host_and_port = re.compile(r"(localhost|[^:]*\.[^:]*):\d{1,5}([/?#].*)?\Z", re.ASCII | re.IGNORECASE).match


def is_absolute(uri: str) -> bool:
    """Whether a text is an absolute URI (RFC 3986): a scheme, a colon and more. `host:8080/path` is not."""
    found = _parse(uri)
    return found is not None and found[1].lower() not in NEVER and not _is_host_and_port(uri)


def read_parameters(uri: str, names: Container[str] | None = None) -> dict[str, str | None]:
    """Parameter as `fold_name` gives it -> its value. The last of several counts; an empty value is None. Never raises.

    With `names`, only the parameters of these names: other values are not decoded.
    `store.reads.report_sql.parameter_pattern` reads in the same way. A name alone, without `=`, is no parameter.
    """
    query = uri.partition("#")[0].partition("?")[2]
    found: dict[str, str | None] = {}
    for pair in query.split("&") if query else ():
        written, sign, value = pair.partition("=")
        if not sign:
            continue
        name = _read_short_name(written) if len(written) <= _SHORT else fold_name(_decode(written))
        if names is None or name in names:
            if "%" in value or "+" in value:
                value = _decode(value).replace("\0", "")  # NUL, which no column can store
            found[name] = value or None
    return found


_SHORT = 64
"""Names of parameters up to this length are remembered: the same ones come again and again."""


@lru_cache(maxsize=4096)
def _read_short_name(written: str) -> str:
    return fold_name(_decode(written))


def fold_name(name: str) -> str:
    """The name of a parameter with A to Z in lower case. Other letters stay: engines know other cases of them."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


_LOWER = {ord(letter): letter.lower() for letter in ascii_uppercase}


@lru_cache(maxsize=1024)
def normalise_page(url: str) -> str:
    """An http URL as browsers write it (WHATWG), so that its real target is visible. Any other text is unchanged."""
    try:
        page: str = can_ada.parse(url).href
    except ValueError:
        return url
    return page


def find_host(url: str | None) -> str | None:
    """The host of an http(s) URL as browsers read it: lower case, without port, user and a leading `www.`.

    None for no URL, a URL of another scheme, and any other text. `www.` stays before a name without a dot: `www.com` is
    a domain.
    """
    if url is None or url[:4].lower() != "http":
        return None
    plain = _find_origin(url)
    return _parse_host(plain[0] if plain is not None else url)


@lru_cache(maxsize=4096)
def _parse_host(url: str) -> str | None:
    try:
        parsed = can_ada.parse(url)
    except ValueError:
        return None
    host: str = parsed.hostname if parsed.protocol in ("http:", "https:") else ""
    short = host.removeprefix("www.")
    return (short if "." in short else host) or None


def _decode(text: str) -> str:
    """Decodes percent-encoding as WHATWG does: bytes that are not UTF-8 become U+FFFD."""
    if "%" not in text and "+" not in text:
        return text
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace")
