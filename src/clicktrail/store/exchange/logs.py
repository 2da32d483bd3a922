"""Access logs in the common and the combined format: selects the requests that are clicks, and reads them."""

import calendar
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from clicktrail.store.exchange.text import TOO_LONG, Lines, Record, is_too_long

NAMES = ("ip", "time", "uri", "referrer", "userAgent")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_line = re.compile(
    rf"(\S+) \S+ .*?\[(\d\d)/(\w{{3}})/(\d{{4}}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\] {_QUOTED} (\d{{3}}) \S+"
    rf"(?: {_QUOTED} {_QUOTED})?"
).match
_escape = re.compile(r"((?:\\x[0-9a-fA-F]{2})+)|\\(.)")
_MONTHS = {name: place for place, name in enumerate(calendar.month_abbr) if place}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "v": "\v"}
_is_file = re.compile(
    r"\.(css|m?js|map|json|xml|txt|ico|png|jpe?g|gif|svg|webp|avif|bmp|woff2?|ttf|otf|eot|mp3|mp4|webm|ogg|wav|zip|gz|wasm"
    r"|webmanifest)\Z",
    re.IGNORECASE,
).search
"""Endings of paths that are not pages."""


def read_log(lines: Lines, base_url: str, skipped: Counter[str]) -> Iterator[Record]:
    """The requests that are clicks: GET, answered 2xx or 3xx, for a page. `skipped` counts the others by reason."""
    for number, line in lines:
        if not line or line.isspace():
            continue
        reason = lines.file.undecoded(line) or (TOO_LONG if is_too_long(line) else "")
        match = _line(line) if not reason else None
        if match is None:
            reason = reason or "is not a line of a common or combined access log"
            yield Record(number, reason=reason, raw=line.rstrip("\r"))
            continue
        ip, day, month, year, clock, hours, minutes, request, status, referrer, agent = match.groups()
        target, why_not = _target(_unescape(request), status)
        if why_not:
            skipped[why_not] += 1
            continue
        time = f"{year}-{_MONTHS.get(month, 0):02}-{day}T{clock}{hours}:{minutes}"
        uri = base_url + target if target.startswith("/") else target
        yield Record(number, [ip, time, uri, _text(referrer), _text(agent)], raw=line.rstrip("\r"))
    if lines.trouble is not None:
        yield lines.trouble


def _target(request: str, status: str) -> tuple[str, str]:
    """The path and query of a request that is a click; or the reason why it is not."""
    parts = request.split(" ")
    if len(parts) != 3 or parts[0] != "GET":
        return "", "not GET"
    if status[0] not in "23":
        return "", "not answered with 2xx or 3xx"
    path = parts[1].partition("?")[0].partition("#")[0]
    if _is_file(path):
        return "", "not a page but a file"
    return parts[1], ""


def _text(value: str | None) -> str:
    return "" if value is None or value == "-" else _unescape(value)


def _unescape(value: str) -> str:
    return _escape.sub(_character, value) if "\\" in value else value


def _character(match: "re.Match[str]") -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\x", "")).decode(errors="replace")
    return _ESCAPES.get(match[2], match[2])


def check_base_url(text: str) -> str:
    """Scheme and host for the paths of a log. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a scheme and a host, such as https://shop.example.org")
    return text.rstrip("/")
