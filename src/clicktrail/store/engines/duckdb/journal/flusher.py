"""Takes what is in the journal into the store, in a separate thread."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from clicktrail.errors import Unavailable
from clicktrail.model.clock import Clock
from clicktrail.store.engines.duckdb.journal.journal import Position
from clicktrail.store.session.protocol import Rows

FLUSH_ROWS = 4_000
"""So many waiting rows are flushed at once."""
_FLUSH_S = 0.5
"""The longest that a row waits for others, unless someone asks. Each flush syncs the disk, and the journal's syncs wait
meanwhile."""
MOST_ROWS, MOST_BYTES = 20_000, 64 << 20
"""Rows, and bytes of frames, that may wait. Then recording waits too."""
_AGAIN_S = 0.5
"""Pause after a failed flush."""


class Batch(NamedTuple):
    """The rows of a frame, the place behind it, and its size."""

    tables: Sequence[Rows]
    position: Position
    size: int

    @property
    def rows(self) -> int:
        return sum(len(each.rows) for each in self.tables)


class Flusher:
    """Calls `store` with waiting batches, in their order. A batch that could not be stored is retried.

    `store` runs in the flusher's thread, and raises Unavailable if it stored nothing. `after` gets the position of what
    was stored.
    """

    def __init__(
        self, store: Callable[[Sequence[Batch]], None], after: Callable[[Position], None], clock: Clock
    ) -> None:
        self._clock = clock
        self._store = store
        self._after = after
        self._changed = threading.Condition()
        self._waiting: list[Batch] = []
        self._rows = self._size = 0
        self._added = self._stored = 0
        self._since = 0.0
        self._is_wanted = self._is_closing = self._has_ended = False
        self._trouble: Exception | None = None
        self._watchers: list[tuple[int, Callable[[], None]]] = []
        """What `tell` was given, each with the number of batches that were added before."""
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._thread.start()

    @property
    def rows(self) -> int:
        """Rows that wait."""
        return self._rows

    @property
    def lag_s(self) -> float:
        """How long the oldest row has been waiting."""
        return self._clock.passed_s() - self._since if self._waiting else 0.0

    def has_trouble(self) -> bool:
        """Whether the last attempt failed."""
        return self._trouble is not None

    def is_full(self) -> bool:
        return self._rows >= MOST_ROWS or self._size >= MOST_BYTES

    def add(self, batch: Batch) -> None:
        """Adds a batch that is in the journal."""
        with self._changed:
            if not self._waiting:
                self._since = self._clock.passed_s()
            was_below = self._rows < FLUSH_ROWS
            self._waiting.append(batch)
            self._rows, self._size = self._rows + batch.rows, self._size + batch.size
            self._added += 1
            if len(self._waiting) == 1 or (was_below and self._rows >= FLUSH_ROWS):
                self._changed.notify_all()

    def catch_up(self) -> None:
        """Returns when everything that was added before is stored. Raises Unavailable after a failed attempt."""
        if self._stored >= self._added:  # each is written by one thread; both only grow
            return
        with self._changed:
            wanted, failures = self._added, self._failures
            self._is_wanted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stored >= wanted or self._failures > failures or self._has_ended)
            if self._stored < wanted:
                raise Unavailable(
                    "The store cannot take in clicks that were recorded; they are safe in its journal.",
                    headers={"Retry-After": "5"},
                ) from self._trouble

    def tell(self, done: Callable[[], None]) -> bool:
        """As `catch_up` without waiting: calls `done` in the flusher's thread, also after a failed attempt. `done` must
        return at once.

        Returns False if there is nothing to wait for. Then `done` is not called.
        """
        if self._stored >= self._added:
            return False
        with self._changed:
            if self._stored >= self._added or self._has_ended:
                return False
            self._watchers.append((self._added, done))
            self._is_wanted = True
            self._changed.notify_all()
        return True

    def close(self) -> None:
        """Stores what waits, if the store takes it. The journal keeps the rest."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while taken := self._take():
            try:
                self._store(taken)
                self._after(taken[-1].position)
            except Exception as error:  # noqa: BLE001 - waiting callers are told; the next attempt may succeed
                if self._put_back(taken, error):
                    break
            else:
                self._settle(taken)
        with self._changed:  # what waits now is for the next start
            self._has_ended = True
            self._wake(self._added)

    def _take(self) -> list[Batch]:
        """What is to be stored now; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            if self._waiting:
                self._changed.wait_for(self._is_due, max(self._since + _FLUSH_S - self._clock.passed_s(), 0))
            taken, self._waiting, self._is_wanted = self._waiting, [], False
            return taken

    def _settle(self, stored: Sequence[Batch]) -> None:
        with self._changed:
            self._trouble = None
            self._stored += len(stored)
            self._rows -= sum(batch.rows for batch in stored)
            self._size -= sum(batch.size for batch in stored)
            self._wake(self._stored)

    def _put_back(self, taken: list[Batch], error: Exception) -> bool:
        """Waits before the next attempt. Returns whether there is none, because the server stops."""
        with self._changed:
            self._trouble, self._failures = error, self._failures + 1
            self._waiting = taken + self._waiting
            self._wake(self._added)
            if not self._is_closing:
                self._changed.wait_for(lambda: self._is_wanted or self._is_closing, _AGAIN_S)
            return self._is_closing

    def _wake(self, place: int) -> None:
        """Wakes the threads that wait, and calls the watchers of what was added up to `place`."""
        told = [done for wanted, done in self._watchers if wanted <= place]
        self._watchers = [each for each in self._watchers if each[0] > place]
        self._changed.notify_all()
        for done in told:
            done()

    def _is_due(self) -> bool:
        return self._is_wanted or self._is_closing or self._rows >= FLUSH_ROWS
