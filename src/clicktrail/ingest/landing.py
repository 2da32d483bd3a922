"""The target of a tracking link: the landing page, with the parameters of the visitor's URL."""

from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from clicktrail.model.uris import normalise_page

MAX_PASSED_BYTES = 4_096
"""Longer query strings of visitors are dropped. The visitor is still redirected, and the click recorded."""
MAX_PASSED_PARAMETERS = 100
_PLAIN = "=&+%;:@/?!$'()*,-._~"
"""Characters that a query string may contain (RFC 3986); all others are percent-encoded."""


@lru_cache(maxsize=1024)
def escape_page(url: str) -> str:
    """A page's URL as browsers read it. Characters that a header cannot contain are percent-encoded."""
    return quote(normalise_page(url), safe=_PLAIN + "#[]")


def find_landing(landing: str, query: str, code_parameter: str, code: str) -> str:
    """The landing page's URL with the visitor's parameters and the link's code.

    Scheme, host, path and fragment come from the landing page: a visitor's parameters only change the query string. The
    page's utm parameters are defaults that the visitor's override. The code is always the link's.
    """
    brought = _pairs(query)
    names = {_name(pair) for pair in brought}
    overruled = {name for name in names if name.startswith("utm_")}
    base, own, fragment = _split(escape_page(landing))
    kept = [pair for pair in own if _name(pair) not in overruled]
    return add_parameter(_join(base, [*kept, *brought], fragment), code_parameter, code)


def add_parameter(url: str, name: str, value: str) -> str:
    """Sets a parameter, replacing any of that name in any letter case."""
    if "%" not in url and "#" not in url and name.lower() not in url.lower():  # the usual case: nothing to replace
        return f"{url}{'&' if '?' in url else '?'}{quote(name, safe='')}={quote(value, safe='')}"
    base, pairs, fragment = _split(url)
    kept = [pair for pair in pairs if _name(pair) != name.lower()]
    return _join(base, [*kept, f"{quote(name, safe='')}={quote(value, safe='')}"], fragment)


def _split(url: str) -> tuple[str, list[str], str]:
    """The part before the query string, its pairs, and the fragment with its `#`."""
    page, mark, fragment = url.partition("#")
    base, _, query = page.partition("?")
    return base, [pair for pair in query.split("&") if pair], mark + fragment


def _join(base: str, pairs: list[str], fragment: str) -> str:
    return f"{base}?{'&'.join(pairs)}{fragment}" if pairs else base + fragment


def _pairs(query: str) -> list[str]:
    if len(query) > MAX_PASSED_BYTES or query.count("&") >= MAX_PASSED_PARAMETERS:
        return []
    return [quote(pair, safe=_PLAIN) for pair in query.split("&") if pair]


def _name(pair: str) -> str:
    return unquote_to_bytes(pair.partition("=")[0].replace("+", " ")).decode(errors="replace").lower()
