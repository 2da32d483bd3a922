"""Queries that can be stopped while an engine's thread answers them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clicktrail.errors import Unavailable


class Run:
    """One query in a reader's thread; any thread may stop it."""

    def __init__(self) -> None:
        self.reason: Exception | None = None
        """Why it was stopped."""
        self._lock = threading.Lock()
        self._interrupt: Callable[[], object] | None = None

    def stop(self, reason: Exception) -> None:
        """Interrupts the current statement. Work may start another one: call this until the query has ended.

        The first `reason` is what the caller gets.
        """
        with self._lock:  # a session that has finished this query may run another one
            self.reason = self.reason or reason
            if self._interrupt is not None:
                self._interrupt()

    @contextmanager
    def interrupted_by(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Within the block, `interrupt` stops the query. Any error caused by stopping is replaced by the reason."""
        with self._lock:
            self._interrupt = interrupt
        try:
            if self.reason is not None:
                raise self.reason
            yield
        except BaseException:
            if self.reason is not None:
                raise self.reason from None
            raise
        finally:
            with self._lock:
                self._interrupt = None


def too_slow(limit_s: float) -> Unavailable:
    """The time limit stopped a statement. Nothing was stored; a retry would take as long."""
    return Unavailable(
        f"This took longer than {limit_s:g} seconds and was stopped. Ask for less: a shorter time, fewer filters by "
        "contains, no exact count.",
        headers={"Retry-After": "30"},
    )
