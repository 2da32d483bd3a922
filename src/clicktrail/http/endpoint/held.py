"""Bounds the memory of large bodies and of large answers that are not read yet: in total, and for one caller."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from clicktrail.errors import TooManyRequests, Unavailable

MOST_BYTES, MOST_EACH_BYTES = 256 << 20, 128 << 20
"""In total, and for one caller. The largest body has 64 MiB, and the largest page of clicks some 13 MB."""
SMALL_BYTES = 64 * 1024
"""Up to this size nothing is counted or refused: so clicks that come one by one are always read."""
_RETRY = {"Retry-After": "5"}


class Held:
    """Counts bytes by caller. `what` they are is a plural, such as `answers that are not read yet`."""

    def __init__(self, what: str, most: int = MOST_BYTES, most_each: int = MOST_EACH_BYTES) -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._by_caller: Counter[str] = Counter()

    @contextmanager
    def hold(self, caller: str) -> Iterator["Share"]:
        """The caller holds a share while the block runs."""
        share = Share(self, caller)
        try:
            yield share
        finally:
            self._add(caller, -share.size)

    def resize(self, caller: str, old: int, new: int) -> None:
        """A caller who holds nothing else is never refused. Raises TooManyRequests, Unavailable."""
        if self._by_caller[caller] > old:
            if self._by_caller[caller] - old + new > self._most_each:
                raise TooManyRequests(f"You have too many large {self._what}; send fewer at once.", (), _RETRY)
            if self._by_caller.total() - old + new > self._most:
                raise Unavailable(f"The server has too many large {self._what}.", (), _RETRY)
        self._add(caller, new - old)

    def _add(self, caller: str, size: int) -> None:
        self._by_caller[caller] += size
        if not self._by_caller[caller]:
            del self._by_caller[caller]


class Share:
    """What one request holds. It is 0 bytes until it is larger than `SMALL_BYTES`."""

    def __init__(self, held: Held, caller: str) -> None:
        self._held = held
        self._caller = caller
        self.size = 0

    def grow_to(self, size: int) -> None:
        """The request holds `size` bytes in all. Raises TooManyRequests, Unavailable."""
        if size > SMALL_BYTES:
            self._held.resize(self._caller, self.size, size)
            self.size = size
