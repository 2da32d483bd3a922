"""How clicks reach the embedded store: through the journal, and from there into DuckDB."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clicktrail.errors import Unavailable
from clicktrail.model.clock import Clock
from clicktrail.store.engines.duckdb.journal.flusher import Batch, Flusher
from clicktrail.store.engines.duckdb.journal.frames import decode_rows, encode_rows
from clicktrail.store.engines.duckdb.journal.journal import Journal, Position
from clicktrail.store.engines.duckdb.journal.positions import has_journal, read_held, write_position
from clicktrail.store.engines.duckdb.journal.recording import RecordingSession
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.session.protocol import Session

T = TypeVar("T")
_SETTLE_S = 30.0
"""The longest that a query waits for the newest clicks: much longer than a flush and a checkpoint take."""


class Runs(Protocol):
    def __call__(self, work: Callable[[DuckdbSession], T], is_single: bool = False) -> T:
        """Runs `work` in one transaction in this thread. Raises Unavailable."""


class Intake:
    """The journal of a store, and what takes it in. `run` runs work in a transaction; `notify` is called after each
    that took clicks in."""

    def __init__(self, store: Path, run: Runs, notify: Callable[[], None], clock: Clock) -> None:
        self._store = store
        self._run = run
        self._notify = notify
        self._journal: Journal | None = None
        self._recording, self._flushing = threading.Lock(), threading.Lock()
        self._flusher = Flusher(self._flush, self._release, clock)

    def open(self, skips_damage: bool = False) -> str:
        """Takes in what an ended process left in the journal. Returns why clicks may be missing, or an empty text.

        Does nothing before the store has the journal's table. Raises StoreInUse, also for a damaged journal unless
        `skips_damage`; Unavailable.
        """
        if self._journal is not None or not self._run(has_journal):
            return ""
        self._journal = Journal(self._store, *self._run(read_held), skips_damage)
        for frame, position in self._journal.rest:
            self._flusher.add(Batch(decode_rows(frame.payload), position, len(frame.payload)))
            if self._flusher.is_full():
                self._flusher.catch_up()
        self._journal.rest = []
        self._flusher.catch_up()
        return self._journal.trouble

    @contextmanager
    def recording(self) -> Iterator[None]:
        """One thread records at a time. Waits for room. Raises Unavailable while the store takes nothing in."""
        with self._recording:
            if self._flusher.has_trouble() or self._flusher.is_full():
                self._flusher.catch_up()
            yield

    def record(self, session: DuckdbSession, work: Callable[[Session], T]) -> T:
        """Runs `work`, which adds rows, within `recording`. When this returns, they are in the journal.

        Raises Unavailable.
        """
        if self._journal is None:
            raise RuntimeError("The store was not migrated.")
        through = RecordingSession(session, self._flusher.catch_up)
        result = work(through)
        if through.tables:
            payload = encode_rows(through.tables)
            try:
                position = self._journal.append(payload)
            except OSError as error:
                raise Unavailable("The journal cannot be written now.", headers={"Retry-After": "5"}) from error
            self._flusher.add(Batch(through.tables, position, len(payload)))
        return result

    def catch_up(self) -> None:
        """Returns when everything that was recorded before is in the store. Raises Unavailable."""
        self._flusher.catch_up()

    async def settle(self) -> None:
        """As `catch_up`, for an event loop: no thread waits.

        While the disk is full, reading goes on without the clicks that were recorded last. Raises Unavailable after
        `_SETTLE_S`: the disk does not answer.
        """
        if self._flusher.has_trouble():
            return
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(done.set)

        if self._flusher.tell(tell):
            try:
                await asyncio.wait_for(done.wait(), _SETTLE_S)
            except TimeoutError as error:
                raise Unavailable("The store does not answer.", headers={"Retry-After": "5"}) from error

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Everything recorded is in the store, and nothing is recorded meanwhile. Raises Unavailable."""
        self._flusher.catch_up()  # so that recording stands still for what is left alone
        with self._recording:
            self._flusher.catch_up()
            yield

    @contextmanager
    def not_recording(self) -> Iterator[None]:
        """No thread records meanwhile. Never within `not_flushing`: a thread that records may wait for a flush."""
        with self._recording:
            yield

    @contextmanager
    def not_flushing(self) -> Iterator[None]:
        """Nothing is taken in meanwhile; clicks are recorded."""
        with self._flushing:
            yield

    def scrub(self) -> None:
        """Makes all frames zeros. Call it within `paused`. Raises OSError."""
        if self._journal is not None:
            self._journal.scrub()

    def gauges(self) -> dict[str, float]:
        """For the metrics: bytes of the journal's files, rows not yet taken in, age of the oldest of them."""
        return {
            "clicktrail_journal_bytes": self._journal.size if self._journal is not None else 0,
            "clicktrail_journal_waiting_rows": self._flusher.rows,
            "clicktrail_journal_lag_seconds": self._flusher.lag_s,
        }

    def close(self) -> None:
        """Takes in what waits, if the store allows it; the journal keeps the rest."""
        self._flusher.close()
        if self._journal is not None:
            self._journal.close()

    def _flush(self, batches: Sequence[Batch]) -> None:
        is_in_doubt = self._flusher.has_trouble()
        with self._flushing:
            self._run(lambda session: _take_in(session, batches, is_in_doubt))

    def _release(self, position: Position) -> None:
        if self._journal is not None:
            self._journal.release(position)
        self._notify()


def _take_in(session: Session, batches: Sequence[Batch], is_in_doubt: bool) -> None:
    """Adds the rows of batches. `is_in_doubt`: an earlier attempt may have added some, and its answer was lost."""
    left = batches
    if is_in_doubt:
        position = read_held(session).position
        left = [batch for batch in batches if batch.position > position]
    if not left:
        return
    rows: dict[tuple[str, tuple[str, ...]], list[Sequence[Any]]] = {}
    for table in (table for batch in left for table in batch.tables):
        rows.setdefault((table.table, tuple(table.columns)), []).extend(table.rows)
    for (name, columns), added in rows.items():
        session.insert(name, columns, added)
    write_position(session, left[-1].position)
