"""Name servers that never answer have few places, and those that answer always have some."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from clicktrail.delivery.places import LEFT, OF_SILENT, OF_UNKNOWN, PLACES, Places


def begin(places: Places, owners: Iterable[str]) -> dict[str, asyncio.Task[None]]:
    return {owner: asyncio.create_task(places.take(owner)) for owner in owners}


async def started(tasks: dict[str, asyncio.Task[None]]) -> list[str]:
    """The owners that have a place, once every task has had its turns."""
    for _ in range(3):
        await asyncio.sleep(0)
    return [owner for owner, task in tasks.items() if task.done()]


def run(work: Coroutine[Any, Any, None]) -> None:
    async def inner() -> None:
        await work
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(inner())


def owners(kind: str, number: int) -> list[str]:
    return [f"{kind}{each}" for each in range(number)]


async def answer(places: Places, names: Iterable[str]) -> None:
    for name in names:
        await places.take(name)
        places.give_back(name, is_in_time=True)


async def go_silent(places: Places, names: Iterable[str]) -> None:
    for name in names:
        await places.take(name)
        places.leave(name)


def test_owners_that_were_answered_have_places_that_no_other_takes() -> None:
    async def work() -> None:
        places = Places()
        good = owners("good", PLACES)
        await answer(places, good)
        assert len(await started(begin(places, owners("new", 2 * PLACES)))) == OF_UNKNOWN
        served = await started(begin(places, good))
        assert served == good[: PLACES - OF_UNKNOWN]

    run(work())


def test_silent_owners_have_a_few_places_and_a_new_owner_does_not_wait_for_them() -> None:
    async def work() -> None:
        places = Places()
        silent = owners("silent", LEFT)
        await go_silent(places, silent)
        for owner in silent:
            places.give_back(owner, is_in_time=False)
        assert len(await started(begin(places, silent))) == OF_SILENT
        new = begin(places, ["new"])
        assert await started(new) == ["new"]

    run(work())


def test_an_owner_who_is_answered_again_is_not_silent_any_more() -> None:
    async def work() -> None:
        places = Places()
        silent = owners("silent", OF_SILENT + 1)
        await go_silent(places, silent)
        for owner in silent:
            places.give_back(owner, is_in_time=False)
        waiting = begin(places, silent)
        assert await started(waiting) == silent[:-1]
        places.give_back(silent[0], is_in_time=True)
        assert await started(waiting) == silent, "the one that waited got the free place"
        await places.take(silent[0])  # as one that was answered

    run(work())


def test_look_ups_that_nobody_waits_for_free_their_places_but_threads_are_bounded() -> None:
    async def work() -> None:
        places = Places()
        running = 0
        for turn in range(5):
            tasks = begin(places, owners(f"turn{turn} ", PLACES))
            served = await started(tasks)
            for owner in served:
                places.leave(owner)
            running += len(served)
            for task in tasks.values():
                task.cancel()
        assert LEFT < running <= PLACES + LEFT
        good = begin(places, ["new"])
        assert await started(good) == []
        for owner in owners("turn0 ", PLACES):
            places.give_back(owner, is_in_time=False)
        assert await started(good) == ["new"]

    run(work())
