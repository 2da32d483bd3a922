"""Sessions, invitations and confirmations end when their time is over: the test sets the clock."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from clicktrail.app import App
from clicktrail.store.objects.invitations import invite_first
from tests.api.test_time import World, with_app
from tests.conftest import NewStore
from tests.people import OWN_PAGE, PASSWORD, WRONG, code

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


@pytest.fixture
def in_time(
    engine_kind: str, new_store: NewStore, tmp_path: Path
) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    """Runs a test's work with an application on the engine."""
    return lambda work: with_app(tmp_path, work, **new_store(engine_kind))


async def first_link(app: App) -> str:
    made = await app.store.run(invite_first)
    assert made is not None
    return made.token


class Browser:
    """One browser at the application."""

    def __init__(self, world: World) -> None:
        self._transport = httpx.ASGITransport(world.app.asgi, client=("8.8.4.4", 1))
        self.cookie = ""

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {**OWN_PAGE, **({"Cookie": self.cookie} if self.cookie else {})}
        content = {} if body is None else {"json": body}
        async with httpx.AsyncClient(transport=self._transport, base_url="https://x.example") as client:
            answer = await client.request(method, path, headers=headers, **content)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    async def status(self, method: str, path: str, body: Any = None) -> int:
        return (await self.ask(method, path, body)).status_code

    async def is_signed_in(self) -> bool:
        return await self.status("GET", "/session") == 200


async def mary(world: World) -> Browser:
    """The first user, signed in."""
    browser = Browser(world)
    body = {"token": await first_link(world.app), "name": "Mary", "password": PASSWORD}
    assert await browser.status("POST", "/welcome", body) == 201
    return browser


SIGN_IN = {"name": "Mary", "password": PASSWORD}
InTime = Callable[[Callable[[World], Awaitable[None]]], None]


def test_a_session_ends_after_twelve_hours_without_use(in_time: InTime) -> None:
    async def work(world: World) -> None:
        browser, clock = await mary(world), world.clock
        for hour in (11, 22, 33):  # each use begins the twelve hours again
            clock.ahead_s = hour * HOUR_S
            assert await browser.is_signed_in()
        clock.ahead_s = 45 * HOUR_S - MINUTE_S
        assert await browser.is_signed_in()
        clock.ahead_s = 57 * HOUR_S
        assert not await browser.is_signed_in()

    in_time(work)


def test_a_session_ends_after_thirty_days_however_much_it_is_used(in_time: InTime) -> None:
    async def work(world: World) -> None:
        browser, clock = await mary(world), world.clock
        while clock.ahead_s < 30 * DAY_S - 10 * HOUR_S:
            clock.ahead_s += 10 * HOUR_S
            if clock.ahead_s < 30 * DAY_S:
                assert await browser.is_signed_in()
        clock.ahead_s = 30 * DAY_S
        assert not await browser.is_signed_in()
        assert await browser.status("POST", "/session", SIGN_IN) == 201
        listed = (await browser.ask("GET", "/sessions")).json()
        assert [each["isCurrent"] for each in listed] == [True]

    in_time(work)


def test_the_use_of_a_session_is_written_once_a_minute(in_time: InTime) -> None:
    async def work(world: World) -> None:
        browser, clock = await mary(world), world.clock

        async def used() -> str:
            [session] = (await browser.ask("GET", "/sessions")).json()
            return str(session["lastUsedTime"])

        first = await used()
        clock.ahead_s = 50
        assert await used() == first
        clock.ahead_s = 61
        assert await browser.is_signed_in()
        second = await used()
        assert second > first
        clock.ahead_s = 100
        assert await used() == second

    in_time(work)


def test_a_password_is_asked_for_again_after_five_minutes(in_time: InTime) -> None:
    async def work(world: World) -> None:
        browser, clock, api = await mary(world), world.clock, world.api
        user = {"name": "Ann", "scope": "read"}
        user_id = (await browser.ask("POST", "/users", user)).json()["userId"]
        guarded = [
            ("POST", "/users", {"name": "Eve", "scope": "admin"}),
            ("PATCH", f"/users/{user_id}", {"scope": "admin"}),
            ("DELETE", f"/users/{user_id}", None),
            ("POST", f"/users/{user_id}/invitation", None),
            ("POST", f"/users/{user_id}/reset", None),
            ("POST", "/clients", {"scope": "admin"}),
            ("POST", f"/clients/{'0' * 24}/secret", None),
            ("DELETE", f"/clients/{'0' * 24}", None),
            ("POST", "/tokens/revocations", {"tokenId": "0" * 16}),
            ("GET", "/clicks/export", None),
            ("GET", "/backup", None),
            ("POST", "/session/second-factor", None),
            ("DELETE", "/session/second-factor", None),
        ]
        clock.ahead_s = 5 * MINUTE_S
        for method, path, body in guarded:
            refused = await browser.ask(method, path, body)
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:clicktrail:problem:password-required"), (
                path
            )
        assert [each["name"] for each in (await browser.ask("GET", "/users")).json()] == ["Ann", "Mary"]
        assert await browser.status("POST", "/links", {}) == 201  # what needs no password
        assert (await api.post("/clients", json={"scope": "read"})).status_code == 201  # tokens type no password
        assert await browser.status("POST", "/session/confirmation", {"password": WRONG}) == 401
        assert await browser.status("PATCH", f"/users/{user_id}", {"name": "Anna"}) == 403
        confirmed = await browser.ask("POST", "/session/confirmation", {"password": PASSWORD})
        assert confirmed.status_code == 200
        shown = (await browser.ask("GET", "/session")).json()
        assert shown["confirmedUntil"] == confirmed.json()["confirmedUntil"]
        assert await browser.status("PATCH", f"/users/{user_id}", {"name": "Anna"}) == 200
        clock.ahead_s = 10 * MINUTE_S + 1
        assert await browser.status("PATCH", f"/users/{user_id}", {"name": "Anne"}) == 403

    in_time(work)


def test_a_link_for_the_first_user_ends_after_half_an_hour(in_time: InTime) -> None:
    async def work(world: World) -> None:
        browser, clock = Browser(world), world.clock
        body = {"token": await first_link(world.app), "name": "Mary", "password": PASSWORD}
        clock.ahead_s = 30 * MINUTE_S
        assert await browser.status("POST", "/welcome", body) == 401
        second, third = await first_link(world.app), await first_link(world.app)
        clock.ahead_s = 59 * MINUTE_S
        assert await browser.status("POST", "/welcome", {**body, "token": second}) == 201  # two servers print two links
        assert await browser.status("POST", "/welcome", {**body, "token": third}) == 401

    in_time(work)


def test_an_invitation_ends_after_seven_days(in_time: InTime) -> None:
    async def work(world: World) -> None:
        clock, api, tokens = world.clock, world.api, []
        for name in ("Ann", "Bob"):
            user_id = (await api.post("/users", json={"name": name, "scope": "read"})).json()["userId"]
            made = (await api.post(f"/users/{user_id}/invitation")).json()
            tokens.append(made["url"].partition("#")[2])
        clock.ahead_s = 7 * DAY_S - 60
        assert await Browser(world).status("POST", "/welcome", {"token": tokens[0], "password": PASSWORD}) == 201
        clock.ahead_s = 7 * DAY_S
        assert await Browser(world).status("POST", "/welcome", {"token": tokens[1], "password": PASSWORD}) == 401

    in_time(work)


def test_a_locked_name_is_free_again_after_the_time_of_the_lock(in_time: InTime) -> None:
    async def work(world: World) -> None:
        await mary(world)
        browser = Browser(world)
        wrong = {"name": "mary", "password": WRONG}
        assert [await browser.status("POST", "/session", wrong) for _ in range(11)] == [401] * 10 + [429]
        assert await browser.status("POST", "/session", SIGN_IN) == 429
        world.clock.ahead_s = 301
        assert await browser.status("POST", "/session", SIGN_IN) == 201

    in_time(work)


def test_a_code_is_good_for_its_time_and_those_beside_it(in_time: InTime) -> None:
    async def work(world: World) -> None:
        browser, clock = await mary(world), world.clock
        app = pyotp.TOTP((await browser.ask("POST", "/session/second-factor")).json()["secret"])
        begun = code(app)
        assert await browser.status("POST", "/session/second-factor/confirmation", {"code": begun}) == 204
        clock.ahead_s = 600  # twenty steps
        for step, status in ((18, 401), (23, 401), (20, 201), (21, 201), (20, 401)):
            answer = await Browser(world).status("POST", "/session", {**SIGN_IN, "code": code(app, step)})
            assert answer == status, step

    in_time(work)


def test_a_name_that_nobody_has_costs_a_hash_as_well(in_time: InTime, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(world: World) -> None:
        await mary(world)
        passwords, compared = world.app.services.passwords, []
        real = passwords.fits

        def fits(stored: str, password: str) -> bool:
            compared.append(stored)
            return real(stored, password)

        monkeypatch.setattr(passwords, "fits", fits)
        for name in ("mary", "nobody"):
            assert await Browser(world).status("POST", "/session", {"name": name, "password": WRONG}) == 401
        assert len(set(compared)) == len(compared) == 2
        assert {each.rpartition("$")[0].rpartition("$")[0] for each in compared} == {"$argon2id$v=19$m=19456,t=2,p=1"}

    in_time(work)
