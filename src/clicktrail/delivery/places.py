"""Whose look-up may have a thread now: name servers that never answer leave places for the others."""

import asyncio
from collections import OrderedDict

PLACES = 32
"""Look-ups at the same time for which somebody waits."""
OF_UNKNOWN = 24
"""Places of owners whose name servers have not answered in time yet."""
OF_SILENT = 8
"""Places of owners whose name server did not answer in time the last time: a part of the places of unknown owners."""
LEFT = 32
"""Threads that take no place, because no one waits for them any more. They cannot be ended; most resolvers give up
within 30 seconds. Each further one takes a place."""
_MOST_KNOWN = 4096
"""Owners whose last look-up is remembered."""


class Places:
    """The places of one process. One owner has one place at a time. Belongs to the event loop."""

    def __init__(self) -> None:
        self._waited_for: set[str] = set()
        self._left: set[str] = set()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._answers: OrderedDict[str, bool] = OrderedDict()
        """Owner -> whether its last look-up was answered in time."""

    async def take(self, owner: str) -> None:
        """Waits until the owner may start a look-up."""
        if self._is_free(owner):
            self._waited_for.add(owner)
            return
        place = self._waiting[owner] = asyncio.get_running_loop().create_future()
        try:
            await place
        except asyncio.CancelledError:
            self._waiting.pop(owner, None)
            self._waited_for.discard(owner)
            self._move()
            raise

    def leave(self, owner: str) -> None:
        """No one waits for the owner's look-up any more, but the thread still runs."""
        self._waited_for.discard(owner)
        self._left.add(owner)
        self._remember(owner, is_in_time=False)
        self._move()

    def give_back(self, owner: str, is_in_time: bool) -> None:
        """The owner's look-up has ended."""
        self._waited_for.discard(owner)
        self._left.discard(owner)
        self._remember(owner, is_in_time)
        self._move()

    def _remember(self, owner: str, is_in_time: bool) -> None:
        self._answers[owner] = is_in_time
        self._answers.move_to_end(owner)
        if len(self._answers) > _MOST_KNOWN:
            self._answers.popitem(last=False)

    def _move(self) -> None:
        """Gives free places to waiting owners, the longest wait first."""
        for owner, place in list(self._waiting.items()):
            if not place.done() and self._is_free(owner):
                del self._waiting[owner]
                self._waited_for.add(owner)
                place.set_result(None)

    def _is_free(self, owner: str) -> bool:
        answers = [self._answers.get(each) for each in self._waited_for]
        left, standing = max(len(self._left) - LEFT, 0), self._answers.get(owner)
        if standing is False and answers.count(False) >= OF_SILENT:
            return False
        if not standing and left + len(answers) - answers.count(True) >= OF_UNKNOWN:
            return False
        return left + len(answers) < PLACES
