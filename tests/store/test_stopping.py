"""Questions stop when they are told to, at every engine, and take their turns fairly."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clicktrail.errors import ClientLeft, TooManyRequests, Unavailable
from clicktrail.http.endpoint.asking import Asking
from clicktrail.http.endpoint.turns import Turns
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.runs import Run
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine

ENDLESS = "SELECT count(*) FROM {series} a(i), {series} b(i) WHERE md5(CAST(a.i * b.i AS TEXT)) = ''"


def endless(session: Session) -> object:
    """Takes minutes."""
    series = "range(1000000)" if session.dialect.name == "duckdb" else "generate_series(1, 1000000)"
    return session.rows(sql(ENDLESS.format(series=series)))


SOON_S = 10
"""Much less than a query would take that nothing stops, and much more than a busy machine needs to stop it."""


def quick(session: Session) -> object:
    return session.rows(sql("SELECT 42"))[0][0]


def leaves_after(seconds: float) -> Callable[[], Awaitable[Any]]:
    """The `receive` of a client that sends nothing more, and closes its connection after a while."""

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    return receive


async def fails(asked: Awaitable[object], kind: type[Exception]) -> float:
    """How long it takes until that is raised."""
    begun = time.monotonic()
    with pytest.raises(kind):
        await asked
    return time.monotonic() - begun


def test_a_question_ends_at_its_time_limit_or_when_its_client_leaves(engine: AnyEngine) -> None:
    async def check() -> None:
        asking, stays = Asking(engine, 0.4), leaves_after(60)
        assert await fails(asking.ask("a", stays, endless), Unavailable) < SOON_S
        assert await fails(Asking(engine, 60).ask("a", leaves_after(0.2), endless), ClientLeft) < SOON_S
        for _ in range(2 * engine.readers):  # every thread and connection is fit for the next question
            assert await asking.ask("a", stays, quick) == 42
        closing = Asking(engine, 60)
        asyncio.get_running_loop().call_later(0.2, closing.close)
        assert await fails(closing.ask("a", stays, endless), Unavailable) < SOON_S

    asyncio.run(check())


def test_one_asker_cannot_take_all_readers(engine: AnyEngine) -> None:
    async def check() -> None:
        asking, stays = Asking(engine, 60), leaves_after(60)
        hostile = [asyncio.ensure_future(asking.ask("a", stays, endless)) for _ in range(2 * engine.readers)]
        leaving = asyncio.ensure_future(fails(asking.ask("a", leaves_after(0.2), quick), ClientLeft))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        assert await asking.ask("b", stays, quick) == 42
        assert await engine.probe(quick) == 42
        assert await engine.read(quick) == 42
        assert time.monotonic() - begun < SOON_S
        assert not any(asked.done() for asked in hostile)
        assert await leaving < SOON_S
        asking.close()
        for asked in hostile:
            await fails(asked, Unavailable)

    asyncio.run(check())


def test_a_query_without_a_place_does_not_hurry_the_engine(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a caller who repeats refused queries keeps the engine busy with taking in clicks, one by one."""
    settled = []

    async def settle() -> None:
        settled.append(1)

    async def check() -> None:
        monkeypatch.setattr(engine, "settle", settle)
        asking, stays = Asking(engine, 60), leaves_after(60)
        waiting = [asyncio.ensure_future(asking.ask("a", stays, endless)) for _ in range(100 + engine.readers // 2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        before = len(settled)
        for _ in range(10):
            await fails(asking.ask("a", stays, quick), TooManyRequests)
        assert (before, len(settled)) == (len(waiting), len(waiting))
        assert await asking.ask("b", stays, quick) == 42
        asking.close()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(check())


def test_what_is_stopped_before_it_begins_does_not_begin(engine: AnyEngine) -> None:
    run = Run()
    run.stop(Unavailable("Stopped."))
    with pytest.raises(Unavailable, match="Stopped"):
        asyncio.run(engine.ask(endless, run))


def test_lines_move_in_turn_and_are_bounded() -> None:
    async def check() -> None:
        turns, order = Turns(2, places=2, wait_s=0.05), []
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def wait(asker: str, place: asyncio.Future[None]) -> None:
            await turns.wait(asker, place, never)
            order.append(asker)

        assert turns.try_take("a")
        assert not turns.try_take("a")  # half of two
        assert turns.try_take("b")
        waiting = [asyncio.ensure_future(wait(asker, turns.join(asker))) for asker in ("a", "a", "c", "c")]
        with pytest.raises(TooManyRequests, match="2 queries waiting"):
            turns.join("a")
        for running in ("b", "a", "c", "a"):
            turns.give_back(running)
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert order == ["c", "a", "c", "a"]
        turns.give_back("c")
        assert not turns.try_take("a")
        with pytest.raises(TooManyRequests, match="1 queries running"):
            await turns.wait("a", turns.join("a"), never)
        assert turns.try_take("c")
        with pytest.raises(Unavailable, match="busy"):
            await turns.wait("d", turns.join("d"), never)
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left.set_result(None)
        with pytest.raises(ClientLeft):
            await turns.wait("d", turns.join("d"), left)
        turns.give_back("a")
        turns.give_back("c")
        assert turns.try_take("d")

    asyncio.run(check())


def test_a_backup_that_fails_leaves_no_file_open(embedded: DuckdbEngine, tmp_path: Path) -> None:
    target = tmp_path / "copy.duckdb"
    asyncio.run(embedded.backup(target))
    with pytest.raises(duckdb.Error):
        asyncio.run(embedded.backup(target))  # its tables are there already
    attached = embedded.run(
        lambda session: session.rows(sql("SELECT count(*) FROM duckdb_databases() WHERE NOT internal"))
    )
    assert attached == [(1,)]
