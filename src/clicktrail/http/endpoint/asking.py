"""Queries to the store on behalf of a token. They take turns, have a time limit, and stop when the caller leaves.

A fast query costs one timer. Only a slower query is watched.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.types import Receive

from clicktrail.errors import ClientLeft, Unavailable
from clicktrail.http.endpoint.turns import Turns
from clicktrail.store.session.protocol import Engine, Session
from clicktrail.store.session.runs import Run, too_slow

T = TypeVar("T")
_WATCH_S = 0.05
"""How long a query runs before the watch begins."""
_AGAIN_S = 0.05
"""How often the stop is repeated until the query has ended: it may have just begun its next statement."""


class Asking:
    """Asks an engine; each query may take `limit_s` seconds. Belongs to one event loop."""

    def __init__(self, engine: Engine, limit_s: float) -> None:
        self._engine = engine
        self._limit_s = limit_s
        self._turns = Turns(engine.readers)
        self._watches: set[_Watch] = set()

    async def ask(self, asker: str, receive: Receive, work: Callable[[Session], T], is_single: bool = False) -> T:
        """The result of `work`, run by `Engine.ask`. Raises TooManyRequests, Unavailable, ClientLeft."""
        self._turns.refuse_beyond(asker)  # before it makes the engine take in the newest clicks
        run = Run()
        watch = _Watch(run, receive, self._limit_s)
        self._watches.add(watch)
        try:
            await self._engine.settle()  # before the turn: many queries wait for the same, and others can use the turn
            if not self._turns.try_take(asker):
                await self._turns.wait(asker, self._turns.join(asker), watch.left())
            watch.begin()
            try:
                return await self._engine.ask(work, run, is_single)
            except asyncio.CancelledError:
                run.stop(ClientLeft("The request was cancelled."))
                raise
            finally:
                self._turns.give_back(asker)
        finally:
            watch.end()
            self._watches.discard(watch)

    def close(self) -> None:
        """Stops all queries. Shutdown does not wait for a long query."""
        for watch in self._watches:
            watch.stop(Unavailable("The server is stopping.", headers={"Retry-After": "5"}))


class _Watch:
    """Stops a query when its time is over or its caller has left."""

    def __init__(self, run: Run, receive: Receive, limit_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._run = run
        self._receive = receive
        self._limit_s = limit_s
        self._ends_at: float | None = None
        self._left: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(_WATCH_S, self._look)

    def begin(self) -> None:
        """The query has its turn: its time begins."""
        self._ends_at = self._loop.time() + self._limit_s
        if self._left is not None:
            self._look()

    def left(self) -> asyncio.Task[None]:
        """Done when the caller has left."""
        if self._left is None:
            self._left = self._loop.create_task(wait_until_left(self._receive))
            self._left.add_done_callback(self._on_left)
        return self._left

    def stop(self, reason: Exception) -> None:
        """Stops the query. Repeats this until the query has ended."""
        self._timer.cancel()
        self._run.stop(reason)
        self._timer = self._loop.call_later(_AGAIN_S, self.stop, reason)

    def end(self) -> None:
        self._timer.cancel()
        if self._left is not None:
            self._left.remove_done_callback(self._on_left)
            self._left.cancel()

    def _look(self) -> None:
        self.left()
        self._timer.cancel()
        if self._ends_at is not None:
            self._timer = self._loop.call_at(self._ends_at, self.stop, too_slow(self._limit_s))

    def _on_left(self, _: "asyncio.Task[None]") -> None:
        self.stop(ClientLeft("The caller left before the answer."))


async def wait_until_left(receive: Receive) -> None:
    """Returns when the caller has left. Ignores all that the caller still sends."""
    while (await receive())["type"] != "http.disconnect":
        pass
