"""Whose request it is: the visitor's address behind proxies that are trusted, and by nobody else's word."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers

Networks = Sequence[IPv4Network | IPv6Network]
_forwarded_for = re.compile(r'(?:^|[;,\s])for="?\[?([^\]";,\s]+?)\]?(?::\d+)?"?(?=[;,\s]|$)', re.IGNORECASE).findall
_MAX_HOPS = 20


def read_networks(text: str) -> Networks:
    """Comma-separated CIDR blocks or addresses. Raises ValueError naming the one that is none."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def find_visitor(peer: str, headers: Headers, trusted: Networks) -> str:
    """The address that the nearest proxy we do not trust was asked from.

    Each trusted proxy says who asked it, at the end of `Forwarded` (RFC 7239) or else `X-Forwarded-For`. Going from the
    connection backwards, the first address that is not a trusted proxy's is the visitor's; what stands before it could
    be anybody's invention. What is no address ends the walk.
    """
    address = peer
    for hop in reversed(_hops(headers) if trusted else []):
        if not is_trusted(address, trusted):
            break
        try:
            address = str(ip_address(hop))
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
    """Whether an address is that of a proxy that is believed."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:  # a listener on `::` sees IPv4 so
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)
