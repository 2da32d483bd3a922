"""Whose request it is: the visitor's address behind proxies that are trusted, and by nobody else's word."""

import re
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers

from clicktrail.errors import TooManyRequests
from clicktrail.model.addresses import parse_ip

Networks = Sequence[IPv4Network | IPv6Network]
_forwarded_for = re.compile(r'(?:^|[;,\s])for="?\[?([^\]";,\s]+?)\]?(?::\d+)?"?(?=[;,\s]|$)', re.IGNORECASE).findall
_MAX_HOPS = 20
_SIXTY_FOUR_BITS = 1 + 16
"""Characters of an IPv6 address's key that are its /64: the version and sixteen hex digits."""
_OF_ADDRESSES = frozenset({"address", "stranger"})
"""What is counted for networks: an address's visits, and the codes that it asked for and that are none."""
_MAX_COUNTED = 500_000
"""Addresses, links and sites that are counted at once: some 50 MB. A minute with more begins anew."""


class Minute(Storage):
    """Counts of the present minute, all dropped at its end: a visit costs the same however many addresses came.

    The library's own storage in memory looks through all its keys up to a hundred times a second, in threads.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._ends_at = 0.0

    base_exceptions = ValueError
    """What the library wraps: nothing that happens here."""

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Counts; returns how many there are now."""
        now = time.monotonic()
        if now >= self._ends_at or len(self._counts) >= _MAX_COUNTED:
            self._counts, self._ends_at = {}, now + expiry
        count = self._counts[key] = self._counts.get(key, 0) + amount
        return count

    def get(self, key: str) -> int:
        """How many there are."""
        return self._counts.get(key, 0) if time.monotonic() < self._ends_at else 0

    def get_expiry(self, key: str) -> float:
        """When they are dropped, in seconds since 1970."""
        del key
        return time.time() + max(self._ends_at - time.monotonic(), 0.0)

    def check(self) -> bool:
        """It always works."""
        return True

    def reset(self) -> int:
        """Drops all; returns how many keys there were."""
        dropped, self._counts = len(self._counts), {}
        return dropped

    def clear(self, key: str) -> None:
        """Drops one."""
        self._counts.pop(key, None)


class VisitLimit:
    """Counts visits by address, link, site or partner; more than `most` of a kind in a minute are refused. 0: none.

    An address counts for its network (`network_of`).
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        self._items = {kind: RateLimitItemPerMinute(number, namespace=kind) for kind, number in most.items() if number}
        self._limiter = FixedWindowRateLimiter(Minute())

    def count(self, kind: str, key: str) -> None:
        """Raises TooManyRequests."""
        item = self._items.get(kind)
        if item is not None and not self._limiter.hit(item, network_of(key) if kind in _OF_ADDRESSES else key):
            raise _too_many(kind)

    def refuse_beyond(self, kind: str, key: str) -> None:
        """Raises TooManyRequests where there are too many already; counts none."""
        item = self._items.get(kind)
        if item is not None and not self._limiter.test(item, network_of(key) if kind in _OF_ADDRESSES else key):
            raise _too_many(kind)


def _too_many(kind: str) -> TooManyRequests:
    what = "Too many unknown codes from this address." if kind == "stranger" else f"Too many visits of this {kind}."
    return TooManyRequests(what, headers={"Retry-After": "60"})


@lru_cache(maxsize=65_536)
def network_of(address: str) -> str:
    """What an address counts for: an IPv6 address for its /64, which is one customer's; an IPv4 address for itself.

    IPv4-mapped IPv6 is IPv4. What is no address counts for itself.
    """
    try:
        key = parse_ip(address)
    except ValueError:
        return address
    return key[:_SIXTY_FOUR_BITS] if key[0] == "6" else key


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
