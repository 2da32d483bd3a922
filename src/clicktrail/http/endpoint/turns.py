"""Decides whose query runs next: every asker gets a fair share of the store."""

import asyncio
from collections import Counter, OrderedDict, deque

from clicktrail.errors import ClientLeft, TooManyRequests, Unavailable

_HEADERS = {"Retry-After": "5"}


class Turns:
    """At most `slots` queries run at once, at most half of them for one asker. Other queries wait in their asker's
    line.

    The lines take turns, one query each. A line holds `places` queries. A query waits at most `wait_s` seconds.
    Belongs to one event loop.
    """

    def __init__(self, slots: int, places: int = 100, wait_s: float = 10.0) -> None:
        self._free = slots
        self._share = max(1, slots // 2)
        self._places = places
        self._wait_s = wait_s
        self._running: Counter[str] = Counter()
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def try_take(self, asker: str) -> bool:
        if self._free == 0 or self._running[asker] >= self._share:
            return False
        self._start(asker)
        return True

    def refuse_beyond(self, asker: str) -> None:
        """Raises TooManyRequests if the asker's line has no place."""
        if len(self._lines.get(asker, ())) >= self._places:
            raise TooManyRequests(
                f"This token already has {self._places} queries waiting; send fewer at once.", (), _HEADERS
            )

    def join(self, asker: str) -> asyncio.Future[None]:
        """A place in the asker's line; done when the turn is taken. Raises TooManyRequests."""
        self.refuse_beyond(asker)
        line = self._lines.setdefault(asker, deque())
        place = asyncio.get_running_loop().create_future()
        line.append(place)
        return place

    async def wait(self, asker: str, place: asyncio.Future[None], left: asyncio.Future[None]) -> None:
        """Waits for the turn, unless the client has `left`. Raises TooManyRequests, Unavailable, ClientLeft."""
        try:
            await asyncio.wait({place, left}, timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._abandon(asker, place)
            raise
        if not place.done():
            self._abandon(asker, place)
            raise ClientLeft("The caller left before its turn.") if left.done() else self._refusal(asker)

    def give_back(self, asker: str) -> None:
        """Call this when the query has ended."""
        self._free += 1
        self._running[asker] -= 1
        if not self._running[asker]:
            del self._running[asker]
        if self._lines:
            self._move()

    def _start(self, asker: str) -> None:
        self._free -= 1
        self._running[asker] += 1

    def _move(self) -> None:
        """Gives free turns to the lines. The line that has waited longest is first."""
        for asker in list(self._lines):
            if self._free == 0:
                return
            if self._running[asker] >= self._share:
                continue
            line = self._lines[asker]
            self._start(asker)
            line.popleft().set_result(None)
            self._lines.move_to_end(asker)
            if not line:
                del self._lines[asker]

    def _abandon(self, asker: str, place: asyncio.Future[None]) -> None:
        """Gives up a place in the line, or the turn that it has become."""
        if place.done():
            self.give_back(asker)
            return
        line = self._lines[asker]
        line.remove(place)
        if not line:
            del self._lines[asker]

    def _refusal(self, asker: str) -> TooManyRequests | Unavailable:
        if self._running[asker] >= self._share:
            detail = f"This token has {self._share} queries running; this one waited {self._wait_s:g} seconds."
            return TooManyRequests(detail, (), _HEADERS)
        return Unavailable("The store is busy with other queries.", (), _HEADERS)
