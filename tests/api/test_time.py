"""What ends when its time is over: the application is given a clock, and no test waits for one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from clicktrail.app import App, running
from clicktrail.model.access import Scope
from clicktrail.settings import load_settings
from clicktrail.tokens import issue_token
from tests.clock import SetClock

CLICK = {
    "ip": "8.8.8.8",
    "uri": "https://x.example/?referral=spring",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
}
DAY_S = 86_400


class World(NamedTuple):
    app: App
    api: httpx.AsyncClient
    clock: SetClock


def with_app(folder: Path, work: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    """Runs `work` with an application whose clock it may set, and a client that is an admin for 30 days."""

    async def run() -> None:
        clock = SetClock()
        given = {"data": str(folder), "database": f"duckdb:///{folder}/x.duckdb", **settings}
        async with running(load_settings({name: str(value) for name, value in given.items()}, {}), clock) as app:
            token, _ = issue_token(app.keys, Scope.ADMIN, "cli:tests", 30 * DAY_S)
            headers = {"Authorization": f"Bearer {token}"}
            transport = httpx.ASGITransport(app.asgi, client=("8.8.4.4", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://x.example", headers=headers) as api:
                await work(World(app, api, clock))

    asyncio.run(run())


def test_a_token_ends_to_the_second(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        api, clock = world.api, world.clock
        headers = {"Authorization": f"Bearer {issue_token(world.app.keys, Scope.READ, 'x', 600)[0]}"}
        clock.ahead_s = 590
        assert (await api.get("/clicks", headers=headers)).status_code == 200
        clock.ahead_s = 600
        assert (await api.get("/clicks", headers=headers)).status_code == 401
        later = issue_token(world.app.keys, Scope.READ, "x", 600)[0]
        clock.ahead_s = -3600  # set back, or another node's, which is behind
        assert (await api.get("/clicks", headers={"Authorization": f"Bearer {later}"})).status_code == 200

    with_app(tmp_path, work)


def test_a_lockout_and_a_full_minute_end(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        api, clock = world.api, world.clock

        async def ask() -> int:
            asked = await api.post("/tokens", data={"grant_type": "client_credentials"}, auth=("a" * 24, "wrong"))
            return asked.status_code

        assert [await ask() for _ in range(3)] == [401, 401, 429]
        clock.ahead_s = 290
        assert await ask() == 429
        clock.ahead_s = 301
        assert await ask() == 401
        assert (await api.post("/links", json={"code": "spring", "uri": "https://x.example/"})).status_code == 201
        assert [(await api.get("/r/spring")).status_code for _ in range(3)] == [302, 302, 429]
        clock.ahead_s += 61
        assert (await api.get("/r/spring")).status_code == 302

    with_app(tmp_path, work, lockout_failures=2, lockout_s=300, visits_per_minute=2, lead_anyway="false")


def test_a_link_expires(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        api, clock = world.api, world.clock
        end = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
        body = {"code": "spring", "uri": "https://x.example/", "expireTime": end}
        assert (await api.post("/links", json=body)).status_code == 201
        clock.ahead_s = 3_500
        assert (await api.get("/r/spring")).status_code == 302
        clock.ahead_s = 3_601
        assert (await api.get("/r/spring")).status_code == 410

    with_app(tmp_path, work)


def test_clicks_have_the_time_of_the_clock_and_repeat_within_the_window(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        api, clock = world.api, world.clock
        assert (await api.post("/links", json={"code": "spring"})).status_code == 201
        made = []
        for clock.ahead_s in (0, 5, 100):
            made.append((await api.post("/clicks", json=CLICK)).json())
        ids = [int(click["clickId"][:8], 16) for click in made]
        times = [int(datetime.fromisoformat(click["time"]).timestamp()) for click in made]
        for each in (ids, times):
            assert 100 <= each[2] - each[0] < 130
        assert {one - other for one, other in zip(ids, times, strict=True)} <= {0, 1}  # the time is read first
        repeats = (await api.get("/clicks?filter[duplicateOf][null]=0")).json()
        assert [click["clickId"] for click in repeats] == [made[1]["clickId"]]

    with_app(tmp_path, work, duplicate_window_s=30)


def test_yesterdays_visitor_is_another_one_today(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        api, clock = world.api, world.clock
        link = (await api.post("/links", json={"code": "spring"})).json()
        before = dict(world.app.store.memory.salts.by_day)
        for clock.ahead_s in (0, 0, DAY_S):
            await world.app.store.renew_salts()
            assert (await api.post("/clicks", json=CLICK)).status_code == 201
        figures = (await api.get(f"/links/{link['linkId']}/metrics")).json()
        assert (figures["clicks"], figures["uniqueClicks"]) == (3, 2)
        after = world.app.store.memory.salts.by_day
        assert len(after) == 2
        assert min(after) == max(before)  # the salt of the day that is over is gone

    with_app(tmp_path, work)
