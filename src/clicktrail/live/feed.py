"""New clicks for the listeners of this process, whichever process stored them.

Nothing is done while no one listens. With listeners, each stored batch is handed to the event loop once.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple

from clicktrail.errors import Unavailable
from clicktrail.live.followed import Followed
from clicktrail.model.access import Viewer
from clicktrail.model.click import Click
from clicktrail.store.reads.clicks import recall_arrivals
from clicktrail.store.reads.visibility import sees_clicks_of
from clicktrail.store.store import Store

PENDING, PENDING_BYTES = 1_000, 2 * 1024 * 1024
"""Clicks that wait for one listener, and the size of their texts. If there are more, the oldest are left out and
counted."""
_RECENT = 5_000
"""Ids of arrivals that are kept, so that a listener who comes back misses nothing."""
_LINGER_S = 30.0
"""Seconds for which arrivals are followed after the last listener left: browsers come back within seconds."""
_LOOK_S = 1.0
"""Seconds between looks at the clicks of other processes."""


class Arrival(NamedTuple):
    """What is remembered of a click that arrived."""

    click_id: str
    partner_id: str | None


class Waiting(NamedTuple):
    """A click that waits, and about how many bytes its texts take."""

    click: Click
    size: int


def weigh(clicks: Sequence[Click]) -> list[Waiting]:
    """The clicks with their sizes. `uri` counts twice: other fields are parts of it."""
    return [
        Waiting(click, 2 * len(click.uri) + len(click.referrer or "") + len(click.user_agent or "")) for click in clicks
    ]


class Taken(NamedTuple):
    """Clicks for a listener, the oldest first, and how many before them were left out; None: an unknown number."""

    clicks: list[Click]
    left_out: int | None = 0


class Listener:
    """One stream: its viewer and what waits for it. Belongs to the event loop."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._pending: deque[Waiting] = deque()
        self._size = 0
        self._left_out = 0
        self._has_gap = False
        self._woken = asyncio.Event()

    def offer(self, arrived: Sequence[Waiting]) -> None:
        """Adds the clicks that the viewer may see."""
        for each in arrived:
            if sees_clicks_of(self.viewer, each.click.partner_id):
                self._pending.append(each)
                self._size += each.size
        while len(self._pending) > PENDING or self._size > PENDING_BYTES:
            self._pop()
            self._left_out += 1
        if self._pending:
            self._woken.set()

    def begin_with(self, earlier: Sequence[Waiting], left_out: int) -> None:
        """Puts earlier clicks before the waiting ones. `left_out` are even earlier ones that are not given."""
        waiting = [*earlier, *self._pending]
        self._pending.clear()
        self._size = 0
        self._left_out += left_out
        self.offer(waiting)
        self._woken.set()

    def note_gap(self) -> None:
        """An unknown number of clicks did not arrive."""
        self._has_gap = True
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, most_s: float) -> None:
        """Returns when something waits, or after `most_s` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), most_s)

    def take(self, most: int, most_bytes: int = PENDING_BYTES) -> Taken:
        """The oldest clicks that wait: at most `most`, and no further one after `most_bytes`."""
        clicks: list[Click] = []
        rest = self._size - most_bytes
        while self._pending and len(clicks) < most and self._size > rest:
            clicks.append(self._pop())
        left_out = None if self._has_gap else self._left_out
        self._left_out, self._has_gap = 0, False
        if not self._pending:
            self._woken.clear()
        return Taken(clicks, left_out)

    def _pop(self) -> Click:
        click, size = self._pending.popleft()
        self._size -= size
        return click


class Feed:
    """The listeners of one process. `notify` gets failures to look at the clicks of other processes."""

    def __init__(self, store: Store, notify: Callable[[str, BaseException], None]) -> None:
        self._store = store
        self._notify = notify
        self._listeners: set[Listener] = set()
        self._recent: deque[Arrival] = deque(maxlen=_RECENT)
        self._followed: Followed | None = None
        self._following: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._is_on = False
        self._resting: asyncio.TimerHandle | None = None
        self.is_closed = False

    @contextlib.asynccontextmanager
    async def listen(self, viewer: Viewer, after: str | None = None) -> AsyncGenerator[Listener, None]:
        """A listener who gets every click that is stored from now on, and those since the click `after`.

        If it is unknown which clicks came since then, the listener is told that it missed some. Raises Unavailable.
        """
        if self.is_closed:
            raise Unavailable("The server is stopping.", headers={"Retry-After": "5"})
        listener = Listener(viewer)
        async with self._beginning:
            if not self._is_on:
                await self._begin()
            self._listeners.add(listener)
        try:
            if after is not None:
                await self._resume(listener, after)
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and not self.is_closed:
                self._keep_awake()
                self._resting = asyncio.get_running_loop().call_later(_LINGER_S, self._rest)

    def close(self) -> None:
        """Ends all listening: streams see `is_closed`."""
        self.is_closed = True
        self._rest(is_forced=True)
        for listener in self._listeners:
            listener.wake()

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()

        def hand_over(clicks: Sequence[Click]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._arrive, clicks)

        self._store.memory.arrivals.listen(hand_over)
        if not self._store.engine.is_owned:
            self._followed = Followed(self._store)
            try:
                await self._followed.begin()
            except BaseException:
                self._rest(is_forced=True)
                raise
            self._following = loop.create_task(self._follow(self._followed))
        self._is_on = True

    def _keep_awake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _rest(self, is_forced: bool = False) -> None:
        """Stops following arrivals, unless someone listens again."""
        if self._listeners and not is_forced:
            return
        self._store.memory.arrivals.listen(None)
        self._keep_awake()
        if self._following is not None:
            self._following.cancel()
        self._followed = self._following = None
        self._is_on = False
        self._recent.clear()

    def _arrive(self, clicks: Sequence[Click]) -> None:
        if not self._is_on and self._followed is None:
            return  # handed over just before the rest began
        if self._followed is not None:
            clicks = self._followed.leave_out_seen(clicks)
        self._recent.extend(Arrival(click.click_id, click.partner_id) for click in clicks[-_RECENT:])
        arrived = weigh(clicks)
        for listener in self._listeners:
            listener.offer(arrived)

    async def _follow(self, followed: Followed) -> None:
        is_failing = False
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                clicks, is_all = await followed.look()
            except Unavailable as error:
                if not is_failing:
                    self._notify("the clicks of other processes cannot be followed", error)
                is_failing = True
                continue
            is_failing = False
            self._arrive(clicks)
            if not is_all:
                self._recent.clear()
                for listener in self._listeners:
                    listener.note_gap()

    async def _resume(self, listener: Listener, after: str) -> None:
        """Gives the listener the clicks since `after`, read again: they may have been changed or deleted since."""
        visible = [each.click_id for each in self._recent if sees_clicks_of(listener.viewer, each.partner_id)]
        place = len(visible) - 1 - visible[::-1].index(after) if after in visible else None
        if place is None:
            listener.note_gap()
            return
        missed = visible[place + 1 :]
        clicks = await self._store.run(recall_arrivals, listener.viewer, missed[-PENDING:])
        listener.begin_with(weigh(clicks), max(len(missed) - PENDING, 0))
