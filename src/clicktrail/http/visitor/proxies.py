"""The visitor's address, as only trusted proxies report it."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers

Networks = Sequence[IPv4Network | IPv6Network]
_forwarded_for = re.compile(r'(?:^|[;,\s])for="?\[?([^\]";,\s]+?)\]?(?::\d+)?"?(?=[;,\s]|$)', re.IGNORECASE).findall
_MAX_HOPS = 20


def read_networks(text: str) -> Networks:
    """Comma-separated CIDR blocks or addresses. Raises ValueError that names the invalid one."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def find_visitor(peer: str, headers: Headers, trusted: Networks) -> str:
    """The visitor's address: the nearest one, seen from this server, that is not a trusted proxy.

    Each trusted proxy appends the address that called it to `Forwarded` (RFC 7239) or else to `X-Forwarded-For`.
    Starting from the connection and going backwards, the first address that is not a trusted proxy is the visitor's.
    Any caller can invent the addresses before it. A text that is not an address ends the search.
    """
    address = peer
    for hop in reversed(_hops(headers) if trusted else []):
        if not is_trusted(address, trusted):
            break
        try:
            address = str(ip_address(hop.partition("%")[0]))  # a zone such as %eth0 means nothing on another machine
        except ValueError:
            break
    return address


def _hops(headers: Headers) -> list[str]:
    forwarded = ",".join(headers.getlist("forwarded"))
    if forwarded:
        return _forwarded_for(forwarded)[-_MAX_HOPS:]
    listed = ",".join(headers.getlist("x-forwarded-for"))
    return [hop.strip() for hop in listed.split(",")][-_MAX_HOPS:] if listed else []


def is_trusted(address: str, trusted: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:  # a listener on `::` sees IPv4 addresses so
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)
