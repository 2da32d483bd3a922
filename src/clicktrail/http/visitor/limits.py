"""Limits the visits per minute, by address, link, site or partner."""

from collections.abc import Mapping
from functools import lru_cache

from clicktrail.errors import TooManyRequests
from clicktrail.model.addresses import parse_ip
from clicktrail.model.clock import SYSTEM_CLOCK, Clock

CHANGES_PER_MINUTE = 60
"""Changes by one partner: each makes every process read the catalogue again."""
_MINUTE_S = 60.0
_SIXTY_FOUR_BITS = 1 + 16
"""The length of a /64 prefix in an IPv6 address's key: the version and sixteen hex digits."""
_OF_ADDRESSES = frozenset({"address", "stranger"})
"""Kinds whose keys are addresses: visits of an address, and its requests for unknown codes."""
_WORDS = {"stranger": "Too many unknown codes from this address.", "changes": "Too many changes by this partner."}
"""What is refused, for kinds that are not visits."""
_MAX_COUNTED = 500_000
"""Maximum number of keys at once: about 60 MB. If there are more, the minute begins again."""


class VisitLimit:
    """Refuses more than `most` visits of a kind and key in a minute; 0 disables the limit of that kind.

    One minute holds for all keys. It begins with the first visit after the previous minute, and its end drops all
    counts. So the cost of a visit does not depend on the number of keys. An address counts for its network
    (`network_of`).
    """

    def __init__(self, most: Mapping[str, int], clock: Clock = SYSTEM_CLOCK) -> None:
        self._most = {kind: number for kind, number in most.items() if number}
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._ends_at = 0.0

    def count(self, kind: str, key: str) -> None:
        """Counts a visit. If it raises TooManyRequests, the visit is not counted."""
        if kind in self._most:
            place, so_far = self._refuse(kind, key)
            self._counts[place] = so_far + 1

    def refuse_beyond(self, kind: str, key: str) -> None:
        """Raises TooManyRequests if `count` would. Counts nothing."""
        if kind in self._most:
            self._refuse(kind, key)

    def _refuse(self, kind: str, key: str) -> tuple[str, int]:
        now = self._clock.passed_s()
        if now >= self._ends_at or len(self._counts) >= _MAX_COUNTED:
            self._counts, self._ends_at = {}, now + _MINUTE_S
        place = f"{kind} {network_of(key) if kind in _OF_ADDRESSES else key}"
        so_far = self._counts.get(place, 0)
        if so_far >= self._most[kind]:
            raise _too_many(kind)
        return place, so_far


def _too_many(kind: str) -> TooManyRequests:
    return TooManyRequests(_WORDS.get(kind, f"Too many visits of this {kind}."), headers={"Retry-After": "60"})


@lru_cache(maxsize=65_536)
def network_of(address: str) -> str:
    """The network that an address counts for: the /64 of an IPv6 address, which is one customer; an IPv4 address
    itself.

    IPv4-mapped IPv6 is IPv4. A text that is not an address counts for itself.
    """
    try:
        key = parse_ip(address)
    except ValueError:
        return address
    return key[:_SIXTY_FOUR_BITS] if key[0] == "6" else key
