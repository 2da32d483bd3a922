"""The store as the program uses it: an engine, its memory, and new ids."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from clicktrail.errors import Unavailable
from clicktrail.model.audit import AuditEntry
from clicktrail.model.catalogue import Catalogue, CatalogueLink
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator, created_s
from clicktrail.model.times import MAX_AHEAD_S
from clicktrail.query.fields import LINK
from clicktrail.store.clicks.insert import Relink, insert_clicks
from clicktrail.store.clicks.newest import load_visits
from clicktrail.store.counting.salts import renew_salts
from clicktrail.store.migrations.fills import Progress, fill
from clicktrail.store.migrations.shared import migrate, probe
from clicktrail.store.objects.catalogue import find_link, refresh
from clicktrail.store.privacy.audit import record_all, take_turn
from clicktrail.store.reads import clicks as reads_clicks
from clicktrail.store.session.protocol import Engine, Session
from clicktrail.store.session.transactions import Write, transaction, transaction_of
from clicktrail.store.vitals import try_writing, warm_up

_MAX_CODE = LINK.writable["code"].max_length or 0
P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """Runs the functions of this package on an engine."""

    def __init__(self, engine: Engine, relink: Relink = lambda click, _: click) -> None:
        self.engine = engine
        self.relink = relink
        self.memory = engine.memory
        self._probing: asyncio.Task[None] | None = None
        self.is_refusing = False
        """Whether the last batch of clicks was refused."""

    @property
    def ids(self) -> IdGenerator:
        """Makes new ids, later than any in the store except those ahead of the clock."""
        return self.memory.ids

    @property
    def catalogue(self) -> Catalogue:
        """Links and banners after the last commit."""
        return self.memory.published.catalogue

    async def open(
        self, notify: Callable[[str, BaseException], None] | None = None, progress: Progress = lambda _, __: None
    ) -> None:
        """Migrates the schema, fills new columns, and loads the memory. `progress` is as in `fill`.

        With `notify`, a server's callback for failures, the engine also starts its background work.
        """
        await asyncio.to_thread(self.engine.migrate, migrate)
        await asyncio.to_thread(fill, self.engine, progress)
        await self.run(_load)
        latest_s = int(self.memory.clock.unix_s()) + MAX_AHEAD_S
        newest = await self.run(reads_clicks.newest_id, latest_s)
        self.ids.follow(created_s(newest) if newest else 0)
        if notify is not None:
            self.engine.begin(refresh, notify)

    async def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` in one transaction of its declared kind."""
        declared = transaction_of(work)

        def run(session: Session) -> T:
            result = work(session, *args, **kwargs)
            if declared.write is Write.CATALOGUE:
                session.publish()
                refresh(session)
            return result

        if declared.write is None:
            return await self.engine.read(run)
        return await self.engine.write(run, declared.write, declared.is_single(*args, **kwargs))

    async def warm_up(self) -> None:
        """Prepares what the first click would otherwise wait for."""
        await self.run(warm_up)

    async def probe(self, wait_s: float) -> None:
        """Returns when the store has answered, and has accepted a write if it last refused one. Raises Unavailable.

        Concurrent callers share one answer.
        """
        probing = self._probing
        if probing is None or probing.done():
            probing = self._probing = asyncio.ensure_future(self._probe())
        done, _ = await asyncio.wait({probing}, timeout=wait_s)
        if not done:
            raise Unavailable("The store does not answer.", headers={"Retry-After": "5"})
        probing.result()

    async def _probe(self) -> None:
        try:
            await self.engine.probe(probe)
        except Unavailable as error:
            raise Unavailable("The store does not answer.", headers={"Retry-After": "5"}) from error
        if not self.is_refusing:
            return
        try:
            await self.run(try_writing)
        except Unavailable as error:
            raise Unavailable("The store takes no clicks.", headers={"Retry-After": "5"}) from error
        self.is_refusing = False

    async def renew_salts(self) -> None:
        """Makes the missing salts, and deletes the salts of past days."""
        if self.memory.salts.is_due():
            await self.run(renew_salts)

    async def find_link(self, code: str) -> CatalogueLink | None:
        """Looks for a link that memory lacks, because another process may have made it."""
        if self.engine.is_owned or "\0" in code or len(code) > _MAX_CODE:
            return None
        return await self.run(find_link, code)

    def submit(self, work: Callable[[], None]) -> None:
        """Queues `work` in the thread that adds clicks."""
        self.engine.submit(work)

    def commit_clicks(self, batch: Sequence[Click]) -> dict[str, Click]:
        """Adds clicks in one durable transaction. Call it in the thread of `submit`.

        Returns the stored clicks that differ from the sent ones: repeats, and clicks that were linked differently. If
        it raises, nothing was stored.
        """
        try:
            done = self.engine.record(partial(insert_clicks, clicks=batch, relink=self.relink))
        except Exception:
            self.is_refusing = True
            raise
        self.is_refusing = False
        return done.repeated | done.changed

    def close(self) -> None:
        """Waits for running work and closes the engine."""
        self.engine.close()


class AuditedStore(Store):
    """The same store, on behalf of one request or command: its first change adds an entry to the audit log, in the
    change's own transaction.

    `make` gets the result of the change, and returns None if nothing was changed.
    """

    def __init__(self, store: Store, make: Callable[[Any], AuditEntry | None]) -> None:
        super().__init__(store.engine, store.relink)
        self._make = make
        self.is_settled = False
        """Whether the request has changed something, so that it needs no other entry."""

    async def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        declared = transaction_of(work)
        if declared.write is None or self.is_settled:
            return await super().run(work, *args, **kwargs)

        @transaction(declared.write)
        def recorded(session: Session) -> T:
            take_turn(session)
            result = work(session, *args, **kwargs)
            entry = self._make(result)
            record_all(session, [] if entry is None else [entry])
            return result

        result = await super().run(recorded)
        self.is_settled = True
        return result


@transaction(Write.ALONE)
def _load(session: Session) -> None:
    load_visits(session)
    renew_salts(session)
    refresh(session)
