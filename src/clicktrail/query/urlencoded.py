"""Query strings as curl and browsers send them: raw or percent-encoded brackets and values, of limited size."""

import re
from dataclasses import dataclass

from clicktrail.errors import MalformedRequest, Mistake

MAX_PARAMETERS = 500
"""More than a page's worth of filters. It limits the cost of a hostile query string."""
CACHE_BUSTERS = (b"_", b"%5F", b"%5f")
"""The parameter that scripts add to avoid caches. It has no meaning in any operation."""
_bad_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_escape = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One decoded name, and its value decoded in two ways, because `+` means a space or a plus sign."""

    name: str
    value: str
    """`+` means a space, as forms and URLSearchParams write it."""
    literal: str
    """`+` means a plus sign, as curl sends a time's offset or a phone number."""


def parse_parameters(raw: bytes) -> list[Parameter]:
    """A query string -> its parameters in order. Raises MalformedRequest that names every unreadable parameter."""
    if not raw:
        return []
    pairs = [pair for pair in raw.split(b"&") if pair]
    if len(pairs) > MAX_PARAMETERS:
        raise MalformedRequest(f"The query string has more than {MAX_PARAMETERS} parameters.")
    found: list[Parameter] = []
    mistakes: list[Mistake] = []
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        try:
            found.append(Parameter(_decode(_spaced(name)), _decode(_spaced(value)), _decode(value)))
        except ValueError as error:
            mistakes.append(Mistake(str(error), parameter=name.decode("ascii", "backslashreplace")))
    if mistakes:
        raise MalformedRequest("The query string cannot be decoded.", tuple(mistakes))
    return found


def drop_cache_buster(raw: bytes) -> bytes:
    """Removes the parameter `_`."""
    if b"_" not in raw and b"%5" not in raw:
        return raw
    return b"&".join(pair for pair in raw.split(b"&") if pair.partition(b"=")[0] not in CACHE_BUSTERS)


def _spaced(text: bytes) -> bytes:
    return text.replace(b"+", b" ")


def _decode(text: bytes) -> str:
    if _bad_escape(text):
        raise ValueError("has a % that is not followed by two hex digits")
    try:
        return _escape.sub(lambda match: bytes.fromhex(match[1].decode()), text).decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
