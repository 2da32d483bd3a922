"""The bounded buffer between requests and the store: those that arrive together share one durable commit.

A lone click is committed at once; while a commit is under way, later clicks gather and make the next batch. A click
leaves the buffer only after the store said yes or no to it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from clicktrail.errors import Unavailable
from clicktrail.model.click import Click

Sink = Callable[[list[Click]], Awaitable[dict[str, Click]]]
"""Stores a batch in one transaction; returns, by click id, what was there already by its uuid."""
Waiting = tuple[Click, "asyncio.Future[Click | None]"]


class Buffer:
    """Collects clicks for `sink`: at most `capacity` at once, at most `batch` in one commit.

    When it is full, a click waits up to `wait_s` seconds for room and is then refused.
    """

    def __init__(self, sink: Sink, capacity: int = 10_000, batch: int = 2_000, wait_s: float = 2.0) -> None:
        self._sink = sink
        self._capacity = capacity
        self._batch = batch
        self._wait_s = wait_s
        self._waiting: deque[Waiting] = deque()
        self._in_flight = 0
        self._room: deque[asyncio.Future[None]] = deque()
        self._drain: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting) + self._in_flight

    async def add(self, click: Click) -> Click | None:
        """Waits until the click is on disk. Returns the stored click if its uuid was there already, else None.

        Raises Unavailable when there is no room, or when the store failed; then the click is not stored.
        """
        while len(self) >= self._capacity:
            await self._wait_for_room()
        done: asyncio.Future[Click | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((click, done))
        if self._drain is None:
            self._drain = asyncio.create_task(self._empty())
        return await done

    async def close(self) -> None:
        """Waits until everything that was added is on disk or refused."""
        while self._drain is not None:
            await asyncio.wait([self._drain])

    async def _wait_for_room(self) -> None:
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room.append(room)
        try:
            await asyncio.wait_for(room, self._wait_s)
        except TimeoutError:
            raise Unavailable("The server is taking as many clicks as it can.", headers={"Retry-After": "1"}) from None

    async def _empty(self) -> None:
        try:
            while self._waiting:
                await self._commit([self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))])
        finally:
            self._drain = None

    async def _commit(self, batch: list[Waiting]) -> None:
        self._in_flight = len(batch)
        try:
            repeated = await self._sink([click for click, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever went wrong, each click is told of it; the next batch goes on
            for _, done in _still_waiting(batch):
                done.set_exception(_refusal(error))
        else:
            for click, done in _still_waiting(batch):
                done.set_result(repeated.get(click.click_id))
        finally:
            self._in_flight = 0
            self._give_room()

    def _give_room(self) -> None:
        free = self._capacity - len(self)
        while self._room and free > 0:
            room = self._room.popleft()
            if not room.done():
                room.set_result(None)
                free -= 1


def _still_waiting(batch: list[Waiting]) -> list[Waiting]:
    """Without those whose client went away."""
    return [waiting for waiting in batch if not waiting[1].done()]


def _refusal(error: Exception) -> Exception:
    """One exception object for each request: tracebacks of shared ones grow with every raise."""
    refusal = Unavailable("The click could not be stored.", headers={"Retry-After": "1"})
    refusal.__cause__ = error
    return refusal
