"""A name server that never answers stops only the calls of its own partner."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest

from clicktrail.delivery.caller import Attempt, Caller
from clicktrail.delivery.places import LEFT, OF_UNKNOWN, PLACES
from clicktrail.model.postbacks import sample
from clicktrail.store.outbox.deliveries import Target

PRIVATE = "127.0.0.1"
"""Refused at once, so that no call leaves the machine."""


class Names:
    """A resolver: names that begin with `dead` have no answer until the test ends."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.under_way = 0
        self.most = 0
        self.over = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> list[str]:
        del port
        with self._lock:
            self.asked[host] += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        if host.startswith("dead"):
            self.over.wait(30)
        with self._lock:
            self.under_way -= 1
        if host.startswith("no"):
            raise OSError("Name or service not known")
        return [PRIVATE]


@pytest.fixture
def names() -> Iterator[Names]:
    made = Names()
    yield made
    made.over.set()


Call = Callable[[str, str], Awaitable[Attempt]]


def run(names: Names, work: Callable[[Call], Awaitable[None]], timeout_s: float = 4) -> None:
    async def inner() -> None:
        caller = Caller((), timeout_s, 4, resolver=names)

        def call(owner: str, host: str) -> Awaitable[Attempt]:
            target = Target(f"https://{host}.example/", "GET", "whsec_AAAA", owner)
            return asyncio.create_task(caller.call(target, sample("0" * 24, 0, None, None)))

        await call("warm", "up")  # reads the certificates
        try:
            await work(call)
        finally:
            await caller.close()

    asyncio.run(inner())


def test_one_partner_does_not_stop_the_others(names: Names) -> None:
    async def work(call: Call) -> None:
        stuck = [call("bad", f"dead{each}") for each in range(100)]
        await wait_until(lambda: names.under_way > 0)
        started = time.monotonic()
        good = await call("good", "up")
        assert time.monotonic() - started < 2
        assert good.reason == "up.example has an address that is not a public address"
        for each in await asyncio.gather(*stuck):
            assert each.reason is not None
            assert "was not found within 4 s" in each.reason

    run(names, work, 8)
    assert names.most <= 2
    assert sum(count for host, count in names.asked.items() if host.startswith("dead")) == 1


def test_silent_name_servers_of_many_partners_leave_places_to_others(names: Names) -> None:
    async def work(call: Call) -> None:
        await call("good", "up")
        stuck = [call(str(each), f"dead{each}") for each in range(PLACES)]
        await wait_until(lambda: names.under_way == OF_UNKNOWN)
        started = time.monotonic()
        assert "not a public address" in ((await call("good", "up")).reason or "")
        assert time.monotonic() - started < 2
        await asyncio.gather(*stuck)
        assert "not a public address" in ((await call("new", "up")).reason or "")
        assert names.under_way >= OF_UNKNOWN, "threads cannot be ended"
        again = [call(str(each), f"dead{each}") for each in range(3 * PLACES)]
        assert "not a public address" in ((await call("good", "up")).reason or "")
        await asyncio.gather(*again)

    run(names, work, 4)
    assert names.most <= PLACES + LEFT


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def test_equal_look_ups_of_a_partner_are_one_and_failures_are_remembered(names: Names) -> None:
    async def work(call: Call) -> None:
        for _ in range(3):
            found = await asyncio.gather(*(call("one", "no") for _ in range(5)))
            assert {each.reason for each in found} == {"cannot be reached: Name or service not known"}

    run(names, work)
    assert names.asked["no.example"] == 1


def test_an_internal_name_looks_like_one_that_is_not_there(names: Names) -> None:
    async def work(call: Call) -> None:
        for host in ("up", "no", "dead"):
            attempt = await call(host, host)
            error = f"{host}.example was not found, or has an address that is not a public address"
            assert (attempt.error, attempt.is_final, attempt.response_status) == (error, False, None)

    run(names, work)


def test_a_stopping_server_does_not_wait_for_look_ups(names: Names) -> None:
    async def work(call: Call) -> None:
        await call("one", "dead")

    started = time.monotonic()
    run(names, work)
    assert time.monotonic() - started < 10
    assert all(each.daemon for each in threading.enumerate() if each.name == "look-up")
