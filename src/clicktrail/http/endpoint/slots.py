"""Limits the number of concurrent files or streams: in total, and for each holder."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from clicktrail.errors import TooManyRequests, Unavailable

_RETRY = {"Retry-After": "5"}


class Slots:
    """`most` slots in total, `most_each` for one holder. No one waits: a request beyond the limit is refused
    immediately. `what` they are for is a plural.
    """

    def __init__(self, most: int, most_each: int, what: str = "exports") -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, holder: str) -> Iterator[None]:
        """Holds one slot while the block runs. Raises TooManyRequests, Unavailable."""
        if self._taken[holder] >= self._most_each:
            raise TooManyRequests(
                f"You already have {self._most_each} {self._what} running; wait until one ends.", headers=_RETRY
            )
        if self._taken.total() >= self._most:
            raise Unavailable(f"The server already has {self._most} {self._what} running, its maximum.", headers=_RETRY)
        self._taken[holder] += 1
        try:
            yield
        finally:
            self._taken[holder] -= 1
            self._taken += Counter()  # drops holders without a slot
