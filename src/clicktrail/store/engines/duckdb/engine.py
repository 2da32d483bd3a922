"""The embedded engine: one DuckDB file, owned by one process.

DuckDB's calls block and release the GIL, so they run in threads: several readers with a cursor each, and one writer for
all changes. Clicks that are recorded go through a journal: a thread answers when they are in it, another takes them in.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from clicktrail.errors import StoreInUse
from clicktrail.store.counting.figures import LinkFigures
from clicktrail.store.engines.duckdb.copying import copy_store
from clicktrail.store.engines.duckdb.failures import connect, unavailable
from clicktrail.store.engines.duckdb.filling import fill_days
from clicktrail.store.engines.duckdb.journal.intake import Intake
from clicktrail.store.engines.duckdb.log import is_empty, log_of, set_aside
from clicktrail.store.engines.duckdb.remembering import begin_snapshot, read_snapshot
from clicktrail.store.engines.duckdb.rewriting import rewrite, scrub
from clicktrail.store.engines.duckdb.running import Running
from clicktrail.store.engines.duckdb.scrubbing import FreeBlocks
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.engines.jobs import run_job
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.runs import Run
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write

T = TypeVar("T")
READERS, LOOKERS = 4, 2
_CHECKPOINT_BYTES = 16 * 1024 * 1024
"""Bytes of log that trigger a checkpoint. It bounds how long writers stall, and how much a start after a crash
replays."""
_LITTLE_MB = 32
_LOOK_S = 0.05
"""Seconds between two looks at the log's size. Each look needs the GIL, which the event loop seldom releases."""
_WAIT_S = 1.0
"""How long `scrub` waits for earlier transactions; meanwhile clicks stay in the journal."""
_JOIN_EVERY_S = 300.0
"""At most so often a checkpoint joins small row groups. It then takes a second more, and all questions wait."""
_BESIDE = frozenset({Write.UPKEEP, Write.QUEUE, Write.BESIDE})
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # This module makes the checkpoints: if one failed inside a commit, the result of the commit would be unknown.
    "checkpoint_threshold": "1TB",
    "auto_checkpoint_skip_wal_threshold": 1 << 62,
    "max_vacuum_tasks": 1,
    "late_materialization_max_rows": 1_001,  # the largest page, and the row that shows whether there is a next one
}


class DuckdbEngine:
    """Opens or creates `path`. Raises StoreInUse, with a one-sentence reason, if another process has it open.

    Every commit flushes the log. When the log reaches `_CHECKPOINT_BYTES`, the writer moves it into the file between
    two transactions. After a fatal error (for example a checkpoint on a full disk) the next work reopens the database;
    the log holds every commit.
    """

    is_owned, readers = DuckdbSession.dialect.is_owned, READERS

    def __init__(
        self,
        path: Path,
        memory_mb: int = 512,
        exporters: int = 2,
        memory: Memory | None = None,
        skips_damage: bool = False,
    ) -> None:
        self.memory = memory or Memory()
        self.figures = LinkFigures()
        self._path = path
        self._log = log_of(path)
        self._config = _CONFIG | {"memory_limit": f"{memory_mb}MB"}
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._local = threading.local()
        self._sessions: set[DuckdbSession] = set()
        self._running = Running()
        self._free = FreeBlocks(path)
        self._has_given_up = self._keeps_groups = False
        self._look_at = self._join_at = 0.0
        self.damage = set_aside(path)
        """Message for the operator about data lost with a damaged log."""
        self._connection = connect(self._path, self._config)
        self._recorder = ThreadPoolExecutor(1, "recorder")
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._lookers = ThreadPoolExecutor(LOOKERS, "looker")
        self._prober = ThreadPoolExecutor(1, "prober")
        self._writer = ThreadPoolExecutor(1, "writer")
        self._watchers = ThreadPoolExecutor(1, "watcher")
        self._exporters = ThreadPoolExecutor(exporters, "exporter")
        self._copier = ThreadPoolExecutor(1, "copier")
        self._intake = Intake(path, self._run, self._look_at_log, self.memory.clock)
        try:
            self._open_intake(skips_damage or bool(self.damage))
        except BaseException:
            self.close()
            raise

    async def settle(self) -> None:
        await self._intake.settle()

    async def ask(self, work: Callable[[Session], T], run: Run, is_single: bool = False) -> T:
        return await _in(self._readers, partial(self._run, work, is_single, run, is_question=True))

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot, in a looker's thread."""
        await self._intake.settle()
        return await _in(self._lookers, partial(self._run, work, is_question=True))

    async def probe(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot, in a separate thread."""
        return await _in(self._prober, partial(self._run, work, is_question=True))

    async def write(self, work: Callable[[Session], T], kind: Write, is_single: bool = False) -> T:
        """Runs `work` in one transaction in the writer's thread, where no other write runs, while no click is
        recorded. Kinds in `_BESIDE` only keep clicks in the journal meanwhile."""
        run = self._run_beside if kind in _BESIDE else self._run_write
        return await _in(self._writer, run, work, is_single)

    async def export(self, work: Callable[[Session], T]) -> T:
        """Runs `work` once on one snapshot, in an exporter's thread."""
        return await run_job(self._exporters, lambda run: self.run(work, run=run))

    async def backup(self, target: Path) -> None:
        """Writes a consistent copy of the store to a new file. Copies are made one at a time."""
        await _in(self._copier, self._copy_to, target)

    async def scrub(self, rewrites: bool = True, rest: float = 0.0) -> bool:
        """Makes zeros of what changed and deleted rows left in journal, log and file. Returns whether it could."""
        in_writer, opened = partial(_in, self._writer), self._connection
        pieces = rewrite(self.run, self._run_beside, self.checkpoint, self._clean) if rewrites else iter(())
        self._keeps_groups = True
        try:
            is_done = await scrub(in_writer, pieces, partial(self._scrub, rewrites), self.memory.clock, rest)
        finally:
            self._keeps_groups = False
        return is_done and self._connection is opened  # else the numbers of rows changed meanwhile

    def _clean(self) -> None:
        with self._intake.not_flushing():
            self._checkpoint()
            self._fill_parts(False)

    def _fill_parts(self, is_last: bool) -> bool:
        return self._free.fill_parts(self._session().rows, self._checkpoint, is_last)

    def _scrub(self, rewrites: bool) -> bool:
        try:
            with self._intake.paused():
                self._intake.scrub()
            with self._intake.not_flushing():
                self._checkpoint()
                filled = not rewrites or self._fill_parts(True)
                return filled and is_empty(self._log) and self._running.wait_for_earlier(_WAIT_S) and self._free.clear()
        except (OSError, duckdb.Error):
            return False

    def _copy_to(self, target: Path) -> None:
        self._intake.catch_up()
        session = DuckdbSession(self._connection.cursor(), self.memory, self.figures)
        with self._running.transaction():
            copy_store(self._connection, session, target)

    def submit(self, work: Callable[[], None]) -> None:
        """Queues `work` in the recorder's thread."""
        self._recorder.submit(work)

    def record(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which adds clicks. When this returns, they are in the journal. Call it in any thread."""
        with self._intake.recording():  # also while memory learns of them
            return self._run(lambda session: self._intake.record(session, work), is_single=True)

    def run(self, work: Callable[[Session], T], is_single: bool = False, run: Run | None = None) -> T:
        """Runs `work` in one transaction, in this thread. It sees all that was recorded before."""
        self._intake.catch_up()
        return self._run(work, is_single, run)

    def _run(
        self,
        work: Callable[[DuckdbSession], T],
        is_single: bool = False,
        run: Run | None = None,
        is_question: bool = False,
        keeps_actions: bool = False,
    ) -> T:
        session = self._session()
        try:
            with self._running.transaction(), nullcontext() if run is None else run.interrupted_by(session.interrupt):
                return session.transact(work, is_single, is_question, keeps_actions)
        except BaseException as error:
            self._has_given_up = self._has_given_up or isinstance(error, duckdb.FatalException)
            self._drop(session)
            if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException | duckdb.FatalException):
                raise unavailable() from error
            raise

    def migrate(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which changes the schema, in one transaction. From then on the store has a journal."""
        result = self.run(work)
        self._open_intake()
        self.checkpoint()  # so that a damaged log never takes the tables and the store's id with it
        return result

    def _open_intake(self, skips_damage: bool = False) -> None:
        self.damage = " ".join(filter(None, (self.damage, self._intake.open(skips_damage))))

    def gauges(self) -> dict[str, float]:
        """The state of the journal, by the names of metrics."""
        return self._intake.gauges()

    def fill(self, work: Callable[[Session], T], seconds: Collection[int] = ()) -> T:
        """Runs `work` in one transaction, then moves the log into the file."""
        del seconds
        result = self.run(work)
        self.checkpoint()
        return result

    def fill_piece(self) -> int:
        """Fills whole days, then moves the log into the file."""
        count = self.run(fill_days)
        self.checkpoint()
        return count

    def begin(self, refresh: Callable[[Session], None], notify: Callable[[str, BaseException], None]) -> None:
        """Reads the figures of links, and in a separate thread, on the same snapshot between two writes, what takes
        longer."""
        del refresh
        session = DuckdbSession(self._connection.cursor(), self.memory, self.figures)
        started = threading.Event()

        def take_snapshot() -> None:
            with self._intake.paused():
                begin_snapshot(session, self.figures)
            started.set()

        def read() -> None:
            started.wait()
            try:
                with self._running.transaction():
                    read_snapshot(session, self._intake.not_recording)
            except Exception as error:  # noqa: BLE001 - serving goes on: the engine is asked
                self.memory.newest.stop()
                notify("the newest clicks and the uuids could not be read", error)
            self._free_cache(session)
            session.close()

        self._writer.submit(take_snapshot)
        self._watchers.submit(read)

    def _free_cache(self, session: DuckdbSession) -> None:
        """Gives back the memory in which the start read all clicks. What questions use is read again."""
        with contextlib.suppress(duckdb.Error):  # more is in use now: then nothing is freed
            session.rows(sql(f"SET memory_limit = '{_LITTLE_MB}MB'"))
        session.rows(sql(f"SET memory_limit = '{self._config['memory_limit']}'"))

    def checkpoint(self) -> None:
        """Moves the log into the file. If a reader blocks it, a later write tries again."""
        with self._intake.not_flushing():
            self._checkpoint()

    def _checkpoint(self) -> None:
        now = self.memory.clock.passed_s()
        joins = now >= self._join_at and not self._keeps_groups
        try:
            self._session().rows(sql(f"SET max_vacuum_tasks = {int(joins)}"))
            self._session().rows(sql("CHECKPOINT"))
            self._join_at = now + _JOIN_EVERY_S if joins else self._join_at
        except duckdb.Error as error:
            self._has_given_up |= isinstance(error, duckdb.FatalException)

    def close(self) -> None:
        """Waits for running work and closes the file."""
        self._recorder.shutdown()
        self._intake.close()
        for pool in (
            *(self._readers, self._lookers, self._prober, self._exporters),
            *(self._copier, self._watchers, self._writer),
        ):
            pool.shutdown()
        with contextlib.suppress(duckdb.Error):
            self._connection.execute("CHECKPOINT")
        self._close_all()

    def _run_write(self, work: Callable[[Session], T], is_single: bool = False) -> T:
        with self._intake.paused():
            result = self._run(work, is_single)
        self._look_at_log()
        return result

    def _run_beside(self, work: Callable[[Session], T], is_single: bool = False) -> T:
        self._intake.catch_up()
        with self._intake.not_flushing():
            result = self._run(work, is_single, keeps_actions=True)
        with self._intake.not_recording():  # while memory learns of it
            self._session().act()
        self._look_at_log()
        return result

    def _look_at_log(self) -> None:
        """Called after each write: lets the writer's thread move a long log into the file."""
        if (now := self.memory.clock.passed_s()) >= self._look_at:
            self._look_at = now + _LOOK_S
            with contextlib.suppress(OSError, RuntimeError):  # close() also makes a checkpoint
                if self._log.stat().st_size > _CHECKPOINT_BYTES:
                    self._writer.submit(self.checkpoint)

    def _session(self) -> DuckdbSession:
        with self._lock:
            if self._has_given_up:
                self._close_all()
                try:
                    self._connection = connect(self._path, self._config)
                except StoreInUse as error:
                    raise unavailable() from error
                self._has_given_up = False
            session: DuckdbSession | None = getattr(self._local, "session", None)
            if session is None or session not in self._sessions:
                session = self._local.session = DuckdbSession(self._connection.cursor(), self.memory, self.figures)
                self._sessions.add(session)
            return session

    def _drop(self, session: DuckdbSession) -> None:
        """Ends a session whose work failed: its transaction, and the rows that its appenders may hold."""
        with self._lock:
            self._sessions.discard(session)
        session.close()

    def _close_all(self) -> None:
        for session in self._sessions:
            session.close()
        self._sessions.clear()
        self._connection.close()
        self._free.close()


async def _in(pool: ThreadPoolExecutor, work: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
