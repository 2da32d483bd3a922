"""Reads whole bodies, with a limit on size and time."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from starlette.types import Message, Receive, Scope

from clicktrail.errors import ClicktrailError, MalformedRequest, SlowBody, TooLarge
from clicktrail.http.endpoint.held import Share

_DRAINED_BYTES = 64 * 1024 * 1024
"""An oversized body is read up to this size, so that its sender can receive the answer."""
LATE_AT = "clicktrail.late_at"
"""Scope key of the deadline for the body, set if the server has already waited for the body."""
MIN_RATE = 16 * 1024
"""Bytes a second. The time limit grows with the bytes that have arrived, so large bodies may use slow lines."""


class _Kept:
    """The pieces of a body. Of a body that is refused nothing is kept."""

    def __init__(self, limit: int, share: Share) -> None:
        self._limit = limit
        self._share = share
        self._pieces: list[bytes] = []
        self.size = 0
        self.refusal: ClicktrailError | None = None

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.refusal is not None:
            return
        try:
            if self.size > self._limit:
                raise TooLarge(f"The body is larger than {self._limit} bytes.")
            self._share.grow_to(self.size)
            self._pieces.append(piece)
        except ClicktrailError as refusal:
            self.refusal, self._pieces = refusal, []

    def join(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


async def read_body(receive: Receive, limit: int, pause_s: float, moment: float, share: Share) -> bytes:
    """The whole body, never a part of it. `share` counts what is kept of a large one.

    Raises TooLarge, and what `share` raises, after reading the rest, so that the sender can receive the answer. Raises
    SlowBody when the event loop's clock shows `moment` plus one second for each MIN_RATE bytes that have arrived, and
    `pause_s` after the last bytes. Raises MalformedRequest if the sender left before the end, because half of a batch
    can look like a whole batch.
    """
    kept, clock = _Kept(limit, share), asyncio.get_running_loop().time
    while True:
        try:
            message = await receive_before(receive, min(moment + min(kept.size, limit) / MIN_RATE, clock() + pause_s))
        except SlowBody:
            if kept.refusal is not None:  # it is refused already
                break
            raise
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The connection was closed before the end of the body.")
        kept.add(message.get("body", b""))
        if not message.get("more_body", False) or (kept.refusal is not None and kept.size > _DRAINED_BYTES):
            break
    if kept.refusal is not None:
        raise kept.refusal
    return kept.join()


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
