"""The clicks that other processes add to the same store."""

from collections.abc import Sequence

from clicktrail.model.click import Click
from clicktrail.model.ids import least_id
from clicktrail.store.reads.clicks import list_foreign_ids, list_unseen
from clicktrail.store.store import Store

LATE_S = 10
"""Seconds within which a click is stored after its id was made. Clicks that are stored later are not followed."""
MOST = 1_000
"""Clicks of one look. If there are more, the rest is passed over."""
_MOST_SEEN = 50_000


class Followed:
    """Finds each new click of other processes once. Ids tell which process made them. Belongs to the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = store.memory.ids.process
        self._first = ""
        """Ids before this one are not looked at."""
        self._seen: set[str] = set()

    async def begin(self) -> None:
        """From now on, clicks are new. Raises Unavailable."""
        self._first = self._late_id()
        ids = await self._store.run(list_foreign_ids, self._first, _MOST_SEEN)
        self._seen.update(ids)
        if len(ids) == _MOST_SEEN:
            self._first = ids[-1]

    def leave_out_seen(self, clicks: Sequence[Click]) -> list[Click]:
        """The clicks that have not been seen; from now on they have.

        A click that this process stored may have an id that another process made: a caller sent it.
        """
        fresh = [click for click in clicks if click.click_id not in self._seen]
        self._seen.update(click.click_id for click in fresh if click.click_id[8:18] != self._own)
        return fresh

    async def look(self) -> tuple[list[Click], bool]:
        """New clicks in the store, to be passed to `leave_out_seen`, and whether these are all. Raises Unavailable."""
        begun = self._late_id()
        self._forget()
        found = await self._store.run(list_unseen, self._first, sorted(self._seen), MOST)
        is_all = len(found) < MOST
        # Clicks that this look did not bring would otherwise come with the next one, after later clicks.
        self._first = max(self._first, begun if is_all else found[0].click_id)
        return found, is_all

    def _late_id(self) -> str:
        return least_id(int(self._store.memory.clock.unix_s()) - LATE_S)

    def _forget(self) -> None:
        """Drops ids that no look can find again, or the earliest ids if there are too many."""
        if len(self._seen) > _MOST_SEEN:
            self._first = max(self._first, sorted(self._seen)[-_MOST_SEEN // 2])
        self._seen = {click_id for click_id in self._seen if click_id >= self._first}
