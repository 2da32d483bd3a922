"""The store as the program holds it: an engine, the catalogue beside it, and new ids."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator, created_s
from clicktrail.store import clicks
from clicktrail.store.catalog import load_catalogue
from clicktrail.store.clients import list_revoked
from clicktrail.store.engine import Engine, Session
from clicktrail.store.schema import migrate

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """Runs the functions of this package on an engine. `catalogue` and `revoked` are as of the last commit."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids = IdGenerator()
        self.catalogue = Catalogue()
        self.revoked: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Brings the schema up to date and reads what is kept in memory."""
        await self.engine.write(migrate)
        newest = await self.engine.read(clicks.newest_click_id)
        self.ids = IdGenerator(floor_s=created_s(newest) if newest else 0)
        self.catalogue = await self.engine.read(load_catalogue)
        self.revoked = await self.engine.read(list_revoked)

    async def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` on one snapshot."""
        return await self.engine.read(lambda session: work(session, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` in one transaction."""
        return await self.engine.write(lambda session: work(session, *args, **kwargs))

    async def change(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work(session, …)` in one transaction after which catalogue and revocations are read anew."""

        def run(session: Session) -> tuple[T, Catalogue, frozenset[str]]:
            return work(session, *args, **kwargs), load_catalogue(session), list_revoked(session)

        result, _, _ = await self.engine.write(run, after=self._replace)
        return result

    def _replace(self, changed: tuple[object, Catalogue, frozenset[str]]) -> None:
        _, self.catalogue, self.revoked = changed

    def commit_clicks(
        self, take: Callable[[], list[Click]], settle: Callable[[dict[str, Click] | Exception], None]
    ) -> None:
        """The sink of the ingest buffer: one durable transaction for what `take` gives when its turn comes."""

        def job(run: Callable[[Callable[[Session], dict[str, Click]]], dict[str, Click]]) -> None:
            try:
                batch = take()
                repeated = run(lambda session: clicks.insert_clicks(session, batch, self.catalogue)) if batch else {}
            except Exception as error:  # noqa: BLE001 - whatever went wrong, those who wait are told of it
                settle(error)
            else:
                settle(repeated)

        self.engine.submit(job)

    def close(self) -> None:
        """Waits for the work at hand and closes the engine."""
        self.engine.close()
