"""PostgreSQL as an Engine: work runs in threads; each transaction has a connection of the pool.

Reads run on a snapshot. Writes are serializable and run again after a conflict with another node. Batches of clicks
only add rows: they need to see committed rows, and a catalogue that does not change.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolTimeout

from clicktrail.errors import Conflict, Unavailable
from clicktrail.store.engines.jobs import once, run_job
from clicktrail.store.engines.postgres import citus
from clicktrail.store.engines.postgres.beginnings import KINDS, Kind, begin_by_kind
from clicktrail.store.engines.postgres.doubt import Doubt, was_committed
from clicktrail.store.engines.postgres.figures import TableFigures
from clicktrail.store.engines.postgres.months import (
    FIRST,
    Month,
    add_months,
    drop_months,
    due_months,
    list_months,
    month_of,
    note_earlier_drops,
    shift,
)
from clicktrail.store.engines.postgres.rebuild import fill_month
from clicktrail.store.engines.postgres.schema import CITUS, POSTGRES
from clicktrail.store.engines.postgres.session import MissingPartition, PostgresSession
from clicktrail.store.engines.postgres.upkeep import Upkeep
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.runs import Run, too_slow
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write

T = TypeVar("T")
READERS, LOOKERS, WRITERS = 8, 2, 4
_ATTEMPTS = 8
_PAUSE_S = 0.01
_CANCEL_S = 2.0
"""Seconds to try to have the server cancel a statement."""
_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
"""Conflicts with another writer. The next attempt sees the other writer's rows."""
_BUSY = (
    errors.LockNotAvailable,
    errors.InsufficientResources,
    errors.ReadOnlySqlTransaction,
    psycopg.OperationalError,
    PoolTimeout,
)
logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # our own log reports failures, once


class PostgresEngine:
    """Opens a pool on `url` (libpq's syntax, variables and TLS settings). Calls raise Unavailable if no server answers.

    A statement may take `timeout_s`, a lock a third of it. Settings last only one transaction, so a pooler in
    transaction mode works.
    """

    is_owned = POSTGRES.is_owned
    readers = READERS

    def __init__(
        self,
        url: str,
        timeout_s: float = 30.0,
        retention_months: int = 0,
        wait_s: float = 3.0,
        exporters: int = 2,
        memory: Memory | None = None,
    ) -> None:
        self.memory = memory or Memory()
        self.figures = TableFigures()
        self._url = url
        self._timeout_s = timeout_s
        self._retention_months = retention_months
        self._months: frozenset[Month] = frozenset()
        self._dialect, self._beginnings = POSTGRES, begin_by_kind(timeout_s, is_spread=False)
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 5},
            min_size=1,
            max_size=READERS + LOOKERS + WRITERS + exporters + 3,
            timeout=wait_s,
            reconnect_timeout=0,
            open=True,
        )
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._lookers = ThreadPoolExecutor(LOOKERS, "looker")
        self._prober = ThreadPoolExecutor(1, "prober")
        self._cancellers = ThreadPoolExecutor(1, "canceller")
        self._writers = ThreadPoolExecutor(WRITERS, "writer")
        self._recorder = ThreadPoolExecutor(1, "recorder")
        self._exporters = ThreadPoolExecutor(exporters, "exporter")
        self._upkeep: Upkeep | None = None
        self._may_rebuild = True

    async def settle(self) -> None:
        """Nothing to do: a click is answered when the database has it."""

    async def ask(self, work: Callable[[Session], T], run: Run, is_single: bool = False) -> T:
        del is_single
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.run, work, Kind.READ, run)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot, in a looker's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._lookers, self.run, work, Kind.READ)

    async def probe(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot, in a separate thread."""
        return await asyncio.get_running_loop().run_in_executor(self._prober, self.run, work, Kind.READ)

    async def write(self, work: Callable[[Session], T], kind: Write, is_single: bool = False) -> T:
        del is_single
        return await asyncio.get_running_loop().run_in_executor(self._writers, self.run, work, KINDS[kind])

    async def export(self, work: Callable[[Session], T]) -> T:
        """Runs `work` once, on one snapshot. It may take minutes."""
        file = once(work)
        return await run_job(self._exporters, lambda run: self.run(file, Kind.EXPORT, run))

    async def backup(self, target: Path) -> None:
        """A database server is backed up with its own tools."""
        del target
        raise Conflict("This store is PostgreSQL: back it up with pg_dump or pg_basebackup (docs/operating.md).")

    async def scrub(self, rewrites: bool = True, rest: float = 0.0) -> bool:
        """False: only VACUUM FULL removes old rows at once (docs/data-subject-requests.md)."""
        del rewrites, rest
        return False

    def gauges(self) -> dict[str, float]:
        """None: PostgreSQL has its own."""
        return {}

    def submit(self, work: Callable[[], None]) -> None:
        """Queues `work` in the recorder's thread: this node commits one batch at a time."""
        self._recorder.submit(work)

    def record(self, work: Callable[[Session], T]) -> T:
        return self.run(work, Kind.CLICKS)

    def fill(self, work: Callable[[Session], T], seconds: Collection[int] = ()) -> T:
        """Runs `work` in one transaction. Partitions of kept months are made first.

        If a month has no partition, everything runs again.
        """
        self.keep_months([month for month in map(month_of, seconds) if self._is_wanted(month)])
        return self.run(work, Kind.FILL)

    def fill_piece(self) -> int:
        """Past months with many clicks to fill are written again, one at a time. Other clicks are updated. If a month
        cannot be exchanged, because others read for long, all are updated."""
        if self._may_rebuild and not self._dialect.is_spread:
            now = month_of(int(self.memory.clock.unix_s()))
            try:
                filled = self.run(partial(fill_month, before=now), Kind.SCHEMA)
            except Unavailable:
                filled, self._may_rebuild = 0, False
            if filled:
                return filled
        return self.run(self.figures.fill_piece, Kind.CLICKS)

    def begin(self, refresh: Callable[[Session], None], notify: Callable[[str, BaseException], None]) -> None:
        """Starts to follow changes by other nodes, to add up figures, and to make partitions ahead of time."""

        def look(session: Session) -> None:
            self._adapt(citus.is_spread(session))
            refresh(session)

        self._upkeep = Upkeep(
            url=self._url,
            memory=self.memory,
            run=self.run,
            refresh=look,
            look_after_months=self._look_after_months,
            notify=notify,
        )
        self._upkeep.start()

    def migrate(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which changes the schema, while no other node does. Then makes the partitions that are due.

        On a distributed store, new tables are distributed too. Raises Unavailable if the server is a worker of a
        cluster.
        """
        self._adapt(self.run(citus.is_spread, Kind.READ))
        result = self.run(work, Kind.SCHEMA)
        if self._dialect.is_spread:
            self.run(citus.distribute, Kind.SCHEMA)
        self._look_after_months()
        return result

    def keep_months(self, months: Collection[Month]) -> None:
        """Makes the partitions that these months lack."""
        missing = set(months) - self._months
        if missing:
            self.run(lambda session: add_months(session, missing), Kind.SCHEMA)
            self._months = frozenset(self.run(list_months, Kind.READ))

    def drop_months(self) -> None:
        """Drops the clicks of months past the retention."""
        if self._retention_months:
            now = month_of(int(self.memory.clock.unix_s()))
            before = shift(now, -self._retention_months)
            self.run(lambda session: note_earlier_drops(session, before), Kind.SCHEMA)
            if any(month < before for month in self._months):
                self.run(lambda session: drop_months(session, before), Kind.SCHEMA)
                self._months = frozenset(self.run(list_months, Kind.READ))

    def run(self, work: Callable[[Session], T], kind: Kind = Kind.CHANGE, run: Run | None = None) -> T:
        """Runs `work` in one transaction in this thread; runs it again after a conflict with another writer.

        Raises Unavailable if the server cannot be reached or is too busy: then nothing was stored. `was_committed`
        handles a connection that breaks during COMMIT.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._attempt(work, kind, run)
            except MissingPartition as missing:
                self.keep_months(missing.months)
            except _AGAIN as error:
                if attempt == _ATTEMPTS - 1:
                    raise _refusal(error) from error
                time.sleep(_PAUSE_S * random.random() * 2**attempt)  # noqa: S311 - jitter is no secret
            except errors.QueryCanceled as error:
                raise too_slow(self._timeout_s) if kind is Kind.READ else unavailable() from error
            except _BUSY as error:
                if not _is_cut(error) or attempt >= 2:
                    raise unavailable() from error
        raise unavailable()

    def close(self) -> None:
        """Waits for running work and closes all connections."""
        if self._upkeep is not None:
            self._upkeep.stop()
        for pool in (
            *(self._readers, self._lookers, self._prober, self._cancellers),
            *(self._exporters, self._writers, self._recorder),
        ):
            pool.shutdown()
        self._pool.close()

    def _adapt(self, is_spread: bool) -> None:
        """Switches the statements between one server and a cluster."""
        if is_spread != self._dialect.is_spread:
            self._dialect = CITUS if is_spread else POSTGRES
            self._beginnings = begin_by_kind(self._timeout_s, is_spread)

    def _look_after_months(self) -> None:
        self.keep_months(due_months(self.memory.clock.unix_s()))
        self.drop_months()

    def _attempt(self, work: Callable[[Session], T], kind: Kind, run: Run | None) -> T:
        with self._connection(run) as connection:
            session = PostgresSession(
                connection=connection,
                memory=self.memory,
                figures=self.figures,
                is_wanted=self._is_wanted,
                dialect=self._dialect,
            )
            with run.interrupted_by(partial(self._cancel, connection)) if run is not None else nullcontext():
                connection.execute(self._beginnings[kind])
                result = work(session)
                self._commit(connection, session, kind)
        for action in session.actions:
            action()
        return result

    def _commit(self, connection: "psycopg.Connection[Any]", session: PostgresSession, kind: Kind) -> None:
        if kind is Kind.READ:
            connection.execute("COMMIT")
            return
        found = sql("SELECT pg_current_xact_id_if_assigned()::TEXT, pg_postmaster_start_time()::TEXT")
        [(transaction, started)] = session.rows(found)
        doubt = Doubt(transaction, started, session.click_id)
        try:
            connection.execute("COMMIT")
        except _AGAIN:  # psycopg's errors of conflicts are operational errors too
            raise
        except psycopg.OperationalError as error:
            if not _is_cut(error) or doubt.transaction is None or not was_committed(self._url, doubt):
                raise unavailable() from error

    def _cancel(self, connection: "psycopg.Connection[Any]") -> None:
        """Has the server cancel the work on a connection. The answer can take long, so a thread waits for it."""
        self._cancellers.submit(connection.cancel_safe, timeout=_CANCEL_S)

    @contextmanager
    def _connection(self, run: Run | None) -> "Iterator[psycopg.Connection[Any]]":
        """A connection of the pool, returned without an open transaction.

        A connection with a requested cancellation is closed: a late cancellation would hit its next statement.
        """
        connection = self._pool.getconn()
        try:
            yield connection
        except BaseException:
            if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                try:
                    connection.execute("ROLLBACK")
                except psycopg.Error:
                    connection.close()
            raise
        finally:
            if run is not None and run.reason is not None:
                connection.close()
            self._pool.putconn(connection)

    def _is_wanted(self, month: Month) -> bool:
        """Whether a month's clicks need a partition that is missing. Future months and invalid ids need none."""
        now = month_of(int(self.memory.clock.unix_s()))
        first = shift(now, -self._retention_months) if self._retention_months else FIRST
        return month not in self._months and first <= month <= now


def _is_cut(error: BaseException) -> bool:
    """Whether the connection failed, not the statement."""
    is_of_connection = isinstance(error, psycopg.OperationalError) and not isinstance(error, PoolTimeout)
    return is_of_connection and getattr(error, "sqlstate", None) in (None, "57P01", "57P02", "57P03")


def _refusal(error: psycopg.Error) -> Exception:
    if isinstance(error, errors.UniqueViolation):
        return Conflict("Another object already has a value that must be unique.")
    return unavailable()


def unavailable() -> Unavailable:
    """Nothing was stored; the caller may try again."""
    return Unavailable("The store cannot take this now.", headers={"Retry-After": "2"})
