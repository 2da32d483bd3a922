"""The store as the program holds it: an engine, what is remembered of it, and new ids."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator, created_s
from clicktrail.store import clicks
from clicktrail.store.catalog import load_catalogue
from clicktrail.store.clients import list_revoked
from clicktrail.store.engine import Engine, Session
from clicktrail.store.metrics import load_figures
from clicktrail.store.schema import migrate

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """Runs the functions of this package on an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.memory = engine.memory
        self.ids = IdGenerator()

    @property
    def catalogue(self) -> Catalogue:
        """Links and banners as of the last commit."""
        return self.memory.catalogue

    async def open(self, has_figures: bool = True) -> None:
        """Brings the schema up to date and reads what is kept in memory; the figures of links are read meanwhile."""
        await self.engine.write(migrate)
        await self.engine.write(_load)
        if has_figures:
            self.engine.watch(load_figures)
        newest = self.memory.tail[-1].click_id if self.memory.tail else None
        self.ids = IdGenerator(floor_s=created_s(newest) if newest else 0)

    async def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` on one snapshot."""
        return await self.engine.read(lambda session: work(session, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` in one transaction."""
        return await self.engine.write(lambda session: work(session, *args, **kwargs))

    async def change(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` in one transaction after which catalogue and revocations are read anew."""

        def run(session: Session) -> T:
            result = work(session, *args, **kwargs)
            _read_catalogue(session)
            return result

        return await self.engine.write(run)

    def commit_clicks(
        self, take: Callable[[], list[Click]], settle: Callable[[dict[str, Click] | Exception], None]
    ) -> None:
        """The sink of the ingest buffer: one durable transaction for what `take` gives when its turn comes."""

        def job(run: Callable[[Callable[[Session], dict[str, Click]]], dict[str, Click]]) -> None:
            try:
                batch = take()
                repeated = run(lambda session: clicks.insert_clicks(session, batch)) if batch else {}
            except Exception as error:  # noqa: BLE001 - whatever went wrong, those who wait are told of it
                settle(error)
            else:
                settle(repeated)

        self.engine.submit(job)

    def close(self) -> None:
        """Waits for the work at hand and closes the engine."""
        self.engine.close()


def _load(session: Session) -> None:
    clicks.load_tail(session)
    _read_catalogue(session)


def _read_catalogue(session: Session) -> None:
    catalogue, revoked = load_catalogue(session), list_revoked(session)

    def remember() -> None:
        session.memory.catalogue, session.memory.revoked = catalogue, revoked

    session.after_commit(remember)
