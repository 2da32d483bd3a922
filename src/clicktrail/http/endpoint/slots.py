"""Limits the number of concurrent files or streams: in total, for each holder, and for all partners together."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from clicktrail.errors import TooManyRequests, Unavailable

_RETRY = {"Retry-After": "5"}


class Slots:
    """`most` slots in total, `most_each` for one holder, `most_partners` for all partners together (default: `most`).

    No one waits: a request beyond a limit is refused immediately. `what` they are for is a plural.
    """

    def __init__(self, most: int, most_each: int, what: str = "exports", most_partners: int | None = None) -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._most_partners = most if most_partners is None else most_partners
        self._taken: Counter[str] = Counter()
        self._partners = 0

    @contextmanager
    def take(self, holder: str, is_partner: bool = False) -> Iterator[None]:
        """Holds one slot while the block runs. Raises TooManyRequests, Unavailable."""
        self._check(holder, is_partner)
        self._taken[holder] += 1
        self._partners += is_partner
        try:
            yield
        finally:
            self._partners -= is_partner
            self._taken[holder] -= 1
            self._taken += Counter()  # drops holders without a slot

    def _check(self, holder: str, is_partner: bool) -> None:
        if self._taken[holder] >= self._most_each:
            raise TooManyRequests(
                f"You already have {self._most_each} {self._what} running; wait until one ends.", headers=_RETRY
            )
        if is_partner and self._partners >= self._most_partners:
            raise Unavailable(
                f"Partners already have {self._most_partners} {self._what} running, their maximum.", headers=_RETRY
            )
        if self._taken.total() >= self._most:
            raise Unavailable(f"The server already has {self._most} {self._what} running, its maximum.", headers=_RETRY)
