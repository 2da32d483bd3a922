"""Bounds the memory of what callers send and of what they do not read: in total, and for one caller."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clicktrail.errors import TooManyRequests, Unavailable

MOST_BYTES, MOST_EACH_BYTES = 256 << 20, 128 << 20
"""In total, and for one caller. The largest body has 64 MiB, and the largest page of clicks some 13 MB."""
_RETRY = {"Retry-After": "5"}
Grow = Callable[[int], None]
"""Counts more bytes. Raises TooManyRequests, Unavailable."""


class Held:
    """Counts bytes by caller. `what` they are is a plural, such as `answers that are not read yet`."""

    def __init__(self, what: str, most: int = MOST_BYTES, most_each: int = MOST_EACH_BYTES) -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, asker: str) -> Iterator[Grow]:
        """What the block counts is held while it runs. A caller who holds nothing else is never refused."""
        own = 0

        def grow(size: int) -> None:
            nonlocal own
            if self._held[asker] > own:
                self._check(asker, size)
            own += size
            self._held[asker] += size

        try:
            yield grow
        finally:
            self._held[asker] -= own
            self._held += Counter()  # drops callers who hold nothing

    def _check(self, asker: str, size: int) -> None:
        if self._held[asker] + size > self._most_each:
            raise TooManyRequests(f"You have too many large {self._what}; send fewer at once.", (), _RETRY)
        if self._held.total() + size > self._most:
            raise Unavailable(f"The server has too many large {self._what}.", (), _RETRY)
