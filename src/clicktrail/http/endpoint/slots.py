"""How many files may be on their way at once: in all, and for each who asks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from clicktrail.errors import TooManyRequests, Unavailable

_RETRY = {"Retry-After": "5"}


class Slots:
    """`most` for all together, `most_each` for one holder. Nobody waits: what is too many is refused at once."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, holder: str) -> Iterator[None]:
        """One slot for as long as the block lasts. Raises TooManyRequests, Unavailable."""
        if self._taken[holder] >= self._most_each:
            raise TooManyRequests(f"{self._most_each} exports of yours are under way; end one first.", headers=_RETRY)
        if self._taken.total() >= self._most:
            raise Unavailable(f"{self._most} exports are under way, which is all there may be.", headers=_RETRY)
        self._taken[holder] += 1
        try:
            yield
        finally:
            self._taken[holder] -= 1
            self._taken += Counter()  # forgets who holds none
