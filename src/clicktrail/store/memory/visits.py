"""The last visits of each visitor on each link: later clicks may repeat them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from clicktrail.model.click import Click
from clicktrail.model.clock import Clock
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import visitor_key

_RECENT = 100_000


class Visit(NamedTuple):
    """The click that later ones of the same visitor on the same link may repeat."""

    click_id: str
    time: int


class RecentVisits:
    """The visits of the last moments by visitor key: at least those of the last window, and never very many.

    Within `window_us` a visitor on the same link is a repeat; 0: never.
    """

    def __init__(self, clock: Clock, window_us: int) -> None:
        self._clock = clock
        self.window_us = window_us
        self._new: dict[int, Visit] = {}
        self._old: dict[int, Visit] = {}
        self._turn_at = 0.0

    def find(self, keys: Iterable[int]) -> dict[int, Visit]:
        """The visits of these visitors."""
        found = ((key, self._new.get(key) or self._old.get(key)) for key in keys)
        return {key: visit for key, visit in found if visit is not None}

    def keep(self, visits: Mapping[int, Visit]) -> None:
        """Adds visits; drops those from before the last window, or the oldest of too many."""
        now = self._clock.passed_s()
        if now >= self._turn_at or len(self._new) > _RECENT:
            self._old, self._new, self._turn_at = self._new, {}, now + self.window_us / SECOND
        self._new.update(visits)

    def forget(self, clicks: Iterable[Click]) -> None:
        """Clicks on links were removed: nothing can repeat them any more."""
        for click in clicks:
            for visits in (self._new, self._old):
                visit = visits.get(visitor_key(click))
                if visit is not None and visit.click_id == click.click_id:
                    del visits[visitor_key(click)]


def mark_repeats(
    clicks: Sequence[Click], keys: Mapping[str, int], visits: dict[int, Visit], window_us: int
) -> list[Click]:
    """The clicks in the order in which they came, those marked that repeat one within the window before or after it.

    `keys` has the visitor of each click on a link, by its id; `visits` has what came before, and is brought up to date.
    """
    marked = []
    for click in clicks:
        repeated = click
        if click.link_id is not None and window_us:
            key = keys[click.click_id]
            visit = visits.get(key)
            if visit is None or abs(click.time - visit.time) > window_us:
                visits[key] = Visit(click.click_id, click.time)
            elif visit.click_id != click.click_id:
                repeated = msgspec.structs.replace(click, duplicate_of=visit.click_id)
        marked.append(repeated)
    return marked
