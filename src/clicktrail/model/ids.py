"""Identifiers: 24 lower-case hex digits in the ObjectId layout.

4 bytes of seconds, 5 random bytes per process, 3 bytes of counter (contract, section 1). Within one process they
strictly increase, even if the clock steps back. Across processes they are unique without coordination.
"""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable

from clicktrail.model.clock import SYSTEM_CLOCK

PATTERN = "^[0-9a-f]{24}$"
_is_id = re.compile(r"[0-9a-f]{24}\Z").match
_COUNTER_LIMIT = 1 << 24


class IdGenerator:
    """Safe to call from any thread. `clock` returns seconds since 1970-01-01 UTC."""

    def __init__(self, clock: Callable[[], float] = SYSTEM_CLOCK.unix_s) -> None:
        self._clock = clock
        self._second = 0
        self._count = 0
        self.process = os.urandom(5).hex()
        """The part of every new id that tells this process from others: digits 9 to 18."""
        self._lock = threading.Lock()

    def follow(self, second: int) -> None:
        """New ids come at or after this second (Unix time). Pass the second of the newest stored id, so that a clock
        that was set back between two runs does not break the order.
        """
        with self._lock:
            self._second = max(self._second, second)

    def new(self) -> str:
        """If a second has used up its 16.7 million ids, the next id belongs to the next second."""
        with self._lock:
            now = int(self._clock())
            if now > self._second:
                self._second, self._count = now, 0
            elif self._count == _COUNTER_LIMIT:
                self._second, self._count = self._second + 1, 0
            second, count = self._second, self._count
            self._count += 1
        return f"{second:08x}{self.process}{count:06x}"


def is_id(text: str) -> bool:
    return _is_id(text) is not None


def least_id(second: int) -> str:
    """The smallest id of a second (Unix time): not greater than any id from then on, greater than all earlier ids."""
    return f"{min(max(second, 0), 0xFFFFFFFF):08x}{0:016x}"


def created_s(object_id: str) -> int:
    """The second (Unix time) in which the object was created: the first four bytes of its id."""
    return int(object_id[:8], 16)


_EARLIEST_S = 631_152_000
"""1990-01-01: nothing was recorded before."""
_UNKNOWN_S = 946_684_800
"""2000-01-01: the second of an id whose object does not say when it was created."""


def foreign_digits(kind: str, old_id: str) -> str:
    """The last 16 digits of the new id for an old id that is not an ObjectId. The result is always the same."""
    return hashlib.sha256(f"{kind}\0{old_id}".encode(errors="replace")).hexdigest()[:16]


def sane_second(seconds: Iterable[int | None], now_s: float) -> int:
    """The first second at which an object can have been created: since 1990, and not after `now_s`."""
    for each in seconds:
        if each is not None and _EARLIEST_S <= each <= now_s:
            return each
    return _UNKNOWN_S
