"""Objections of browsers: what is stored under a visitorId loses all that leads to the browser.

Anyone can send one, so nobody learns whether there was anything: the answer comes before the work, and the work is done
for all waiting ones together.
"""

import asyncio
import re
from collections.abc import Callable

from clicktrail.errors import Unavailable
from clicktrail.store.privacy.objections import MOST, strip_browsers
from clicktrail.store.store import Store

_MOST, _PIECE = 10_000, 200
"""Waiting objections, and objections that are worked off together."""
_EVERY_S = 5.0
_is_random = re.compile(r"[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\Z").match


class Objections:
    """The objections that wait. `add` is called in the event loop."""

    def __init__(self, store: Store, notify: Callable[[str, BaseException], None]) -> None:
        self._store, self._notify = store, notify
        self._waiting: dict[tuple[str, str], None] = {}

    def add(self, site_id: str, visitor_id: str) -> None:
        """Takes an objection. Ids that are not 128 random bits, as the snippet's ids are, could be guessed: they are
        ignored. Raises Unavailable."""
        if not _is_random(visitor_id):
            return
        if len(self._waiting) >= _MOST:
            raise Unavailable("Too many objections wait.", headers={"Retry-After": "60"})
        self._waiting[site_id, visitor_id] = None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.work()
            except Unavailable as error:  # they wait for the next attempt
                self._notify("objections not worked off", error)

    async def work(self) -> None:
        """Works off all that wait. Raises Unavailable."""
        while some := list(self._waiting)[:_PIECE]:
            while await self._store.run(strip_browsers, some) == MOST:
                pass
            for each in some:
                self._waiting.pop(each, None)
