"""Which transactions run, so that one can wait for readers of what was freed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count


class Running:
    """Any thread may call."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = count()
        self._running: set[int] = set()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction runs within the block."""
        with self._changed:
            number = next(self._numbers)
            self._running.add(number)
        try:
            yield
        finally:
            with self._changed:
                self._running.discard(number)
                self._changed.notify_all()

    def wait_for_earlier(self, most_s: float) -> bool:
        """Whether all transactions that run now ended within `most_s` seconds."""
        with self._changed:
            earlier = set(self._running)
            return self._changed.wait_for(lambda: not earlier & self._running, most_s)
