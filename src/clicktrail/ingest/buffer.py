"""The bounded buffer between requests and the store. Clicks that arrive together share one durable commit.

A single click is committed at once. Clicks that arrive during a commit form the next batch. The next commit starts
right after it in the store's thread, without the event loop, which would be late under load. A click leaves the buffer
only after the store accepted or refused it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from clicktrail.errors import Unavailable
from clicktrail.model.click import Click

Waiting = tuple[Click, "asyncio.Future[Click | None]"]


class Sink(Protocol):
    def submit(self, work: Callable[[], None]) -> None:
        """Queues `work` in a thread of the store, which runs one at a time."""

    def commit_clicks(self, batch: Sequence[Click]) -> Mapping[str, Click]:
        """Stores clicks in one transaction, in that thread. Returns, by click id, stored clicks that differ from the
        sent ones.

        Either an earlier click has the same uuid, or the click was linked by a newer catalogue.
        """


class Buffer:
    """Collects clicks for `sink`: at most `capacity` at once, at most `batch` in one commit.

    If it is full, a click waits up to `wait_s` seconds for room, then it is refused. Call `put` and `add` in the event
    loop; `_write` runs in the store's thread.
    """

    def __init__(self, sink: Sink, capacity: int = 10_000, batch: int = 2_000, wait_s: float = 2.0) -> None:
        self._sink = sink
        self._capacity = capacity
        self._batch = batch
        self._wait_s = wait_s
        self._held = 0
        self._waiting: deque[Waiting] = deque()
        self._is_committing = False
        self._room: deque[asyncio.Future[None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def held(self) -> int:
        """Number of clicks that wait for the disk. (Not `__len__`, because an empty buffer would be false.)"""
        return self._held

    async def add(self, click: Click) -> Click | None:
        """Waits until the click is on disk. Returns the stored click if it differs, else None.

        Raises Unavailable if there is no room or the store failed. The click is then not stored.
        """
        while (done := self.put(click)) is None:
            await self._wait_for_room()
        return await done

    def put(
        self, click: Click, done: "asyncio.Future[Click | None] | None" = None
    ) -> "asyncio.Future[Click | None] | None":
        """Adds the click if there is room. Returns the future result of `add`, or None if there is no room.

        `done` is a future for that result, if the caller has one already.
        """
        if self._held >= self._capacity:
            return None
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if done is None:
            done = self._loop.create_future()
        self._held += 1
        self._waiting.append((click, done))
        self._commit_if_idle()
        return done

    async def close(self) -> None:
        """Waits until every click is on disk or refused."""
        while self._held:
            await asyncio.sleep(_LOOK_S)

    def _commit_if_idle(self) -> None:
        # The loop and the store's thread may both see it idle: then one of them takes an empty batch.
        if self._waiting and not self._is_committing:
            self._is_committing = True
            self._sink.submit(self._write)

    def _write(self) -> None:
        """Stores a batch and resolves its futures. Then starts the next batch, if clicks are waiting."""
        taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        stored: Mapping[str, Click] | Exception = {}
        if taken:
            try:
                stored = self._sink.commit_clicks([click for click, _ in taken])
            except Exception as error:  # noqa: BLE001 - the callers that wait get the error
                stored = error
        self._is_committing = False
        self._commit_if_idle()
        if taken and self._loop is not None:
            self._loop.call_soon_threadsafe(self._resolve, taken, stored)

    def _resolve(self, taken: Sequence[Waiting], stored: Mapping[str, Click] | Exception) -> None:
        for click, done in taken:
            if done.done():  # the caller has left
                continue
            if isinstance(stored, Exception):
                done.set_exception(_refusal(stored))
            else:
                done.set_result(stored.get(click.click_id))
        self._held -= len(taken)
        self._give_room()

    async def _wait_for_room(self) -> None:
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room.append(room)
        try:
            await asyncio.wait_for(room, self._wait_s)
        except TimeoutError:
            raise Unavailable("The server is taking as many clicks as it can.", headers={"Retry-After": "1"}) from None

    def _give_room(self) -> None:
        free = self._capacity - self._held
        while self._room and free > 0:
            room = self._room.popleft()
            if not room.done():
                room.set_result(None)
                free -= 1


_LOOK_S = 0.005


def _refusal(error: Exception) -> Exception:
    """A new exception for each request: the traceback of a shared one grows with every raise."""
    refusal = Unavailable("The click could not be stored.", headers={"Retry-After": "1"})
    refusal.__cause__ = error
    return refusal
