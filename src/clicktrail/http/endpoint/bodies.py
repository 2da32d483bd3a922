"""Reads whole bodies, with a limit on size and time."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from starlette.types import Message, Receive, Scope

from clicktrail.errors import MalformedRequest, SlowBody, TooLarge

_DRAINED_BYTES = 64 * 1024 * 1024
"""An oversized body is read up to this size, so that its sender can receive the answer."""
LATE_AT = "clicktrail.late_at"
"""Scope key of the deadline for the body, set if the server has already waited for the body."""
MIN_RATE = 16 * 1024
"""Bytes a second. The time limit grows with the bytes that have arrived, so large bodies may use slow lines."""


async def read_body(receive: Receive, limit: int, pause_s: float, moment: float) -> bytes:
    """The whole body, never a part of it.

    Raises TooLarge after reading the rest, so that the sender can receive the answer. Raises SlowBody when the event
    loop's clock shows `moment` plus one second for each MIN_RATE bytes that have arrived, and `pause_s` after the last
    bytes. Raises MalformedRequest if the sender left before the end, because half of a batch can look like a whole
    batch.
    """
    chunks: list[bytes] = []
    size, clock = 0, asyncio.get_running_loop().time
    while True:
        try:
            message = await receive_before(receive, min(moment + min(size, limit) / MIN_RATE, clock() + pause_s))
        except SlowBody:
            if size > limit:  # the body is too large already
                break
            raise
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The connection was closed before the end of the body.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > _DRAINED_BYTES:
            break
        if not message.get("more_body", False):
            break
    if size > limit:
        raise TooLarge(f"The body is larger than {limit} bytes.")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def late_at(scope: Scope, timeout_s: float) -> float:
    """The deadline of the body, by the event loop's clock."""
    given: float | None = scope.get(LATE_AT)
    return asyncio.get_running_loop().time() + timeout_s if given is None else given


async def receive_before(receive: Receive, moment: float) -> Message:
    """The next message. Raises SlowBody when the event loop's clock shows `moment`, or up to a tenth of a second later.

    A timer for each message, as `asyncio.timeout_at` has, would add several microseconds to every click.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("Only a task can be ended in time.")
    watch = _watches.get(loop)
    if watch is None:
        watch = _watches[loop] = _Watch(loop)
    watch.begin(task, moment)
    try:
        return await receive()
    except asyncio.CancelledError:
        if not watch.has_ended(task) or task.uncancel() > 0:
            raise
        raise SlowBody("The body did not arrive in time.", headers={"Connection": "close"}) from None
    finally:
        watch.end(task)


class _Watch:
    """Cancels tasks that wait for too long, with one timer for all tasks of an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._moments: dict[asyncio.Task[Any], float] = {}
        """When each waiting task is late; -1 if it was cancelled for that."""
        self._is_looking = False

    def begin(self, task: "asyncio.Task[Any]", moment: float) -> None:
        self._moments[task] = moment
        if not self._is_looking:
            self._is_looking = True
            self._loop.call_later(_LOOK_S, self._look)

    def has_ended(self, task: "asyncio.Task[Any]") -> bool:
        """Whether this is why the task was cancelled."""
        return self._moments[task] < 0

    def end(self, task: "asyncio.Task[Any]") -> None:
        del self._moments[task]

    def _look(self) -> None:
        now = self._loop.time()
        for task, moment in self._moments.items():
            if 0 <= moment <= now:
                self._moments[task] = _CANCELLED
                task.cancel()
        self._is_looking = bool(self._moments)
        if self._is_looking:
            self._loop.call_later(_LOOK_S, self._look)


_LOOK_S = 0.1
_CANCELLED = -1.0
_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()
