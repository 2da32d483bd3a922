"""Reads the Host header once, and refuses it if it names no host (RFC 9110, section 7.2)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any

from clicktrail.errors import MalformedRequest

_MAX_PORT = 65_535
_match = re.compile(
    rb"(?:(?P<name>[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*)\.?|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])"
    rb"(?::(?P<port>[0-9]{0,5}))?"
).fullmatch
"""A name, an IPv4 address, or an IPv6 address in brackets. A port may follow.

RFC 3986 also allows `%41` and `!$&'()*+,;=` in a name. No real host has these characters. They would allow a second
spelling of a name, or end a header.
"""
_OLD_VERSIONS = ("1", "1.0")
"""HTTP/1.0, which needs no Host header."""


def find_host(scope: Mapping[str, Any]) -> str:
    """The host name of a request: lower case, without port and final dot.

    Empty if a request of HTTP/1.0 names none. Raises MalformedRequest.
    """
    found = [value for name, value in scope["headers"] if name == b"host"]
    if len(found) > 1:
        raise MalformedRequest("The request has more than one Host header.")
    if (not found or not found[0]) and scope["http_version"] in _OLD_VERSIONS:
        return ""
    name = parse_host(found[0]) if found else None
    if name is None:
        raise MalformedRequest("The Host header must be a host name or an IP address; a port may follow.")
    return name


@lru_cache(maxsize=1024)
def parse_host(value: bytes) -> str | None:
    """The name in a Host header, in canonical spelling; None if there is none."""
    parts = _match(value) if len(value) <= 255 else None
    if parts is None or int(parts["port"] or 0) > _MAX_PORT:
        return None
    if parts["six"] is None:
        return str(parts["name"], "ascii").lower()
    try:
        return f"[{IPv6Address(parts['six'].decode())}]"
    except ValueError:
        return None


def own_host(scope: Mapping[str, Any]) -> str:
    """The address and port that received the request, written as in a Host header."""
    address, port = scope["server"]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
