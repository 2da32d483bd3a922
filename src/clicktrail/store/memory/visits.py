"""The last visit of each visitor to each link, which later clicks may repeat."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from clicktrail.model.click import Click
from clicktrail.model.clock import Clock
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import visit_key

_RECENT = 100_000


class Visit(NamedTuple):
    """The click that later clicks of the same visitor on the same link may repeat."""

    click_id: str
    time: int


class RecentVisits:
    """Recent visits by visit key: at least the visits of the last window, up to a maximum number.

    A visitor's click on the same link within `window_us` is a repeat; 0: no click is.
    """

    def __init__(self, clock: Clock, window_us: int) -> None:
        self._clock = clock
        self.window_us = window_us
        self._new: dict[int, Visit] = {}
        self._old: dict[int, Visit] = {}
        self._turn_at = 0.0

    def find(self, keys: Iterable[int]) -> dict[int, Visit]:
        found = ((key, self._new.get(key) or self._old.get(key)) for key in keys)
        return {key: visit for key, visit in found if visit is not None}

    def keep(self, visits: Mapping[int, Visit]) -> None:
        """Adds visits. Drops those from before the last window, or the oldest if there are too many."""
        now = self._clock.passed_s()
        if now >= self._turn_at or len(self._new) > _RECENT:
            self._old, self._new, self._turn_at = self._new, {}, now + self.window_us / SECOND
        self._new.update(visits)

    def forget(self, clicks: Iterable[Click]) -> None:
        """Removed clicks can no longer be repeated."""
        for click in clicks:
            for visits in (self._new, self._old):
                visit = visits.get(visit_key(click))
                if visit is not None and visit.click_id == click.click_id:
                    del visits[visit_key(click)]


def mark_clicks(
    clicks: Sequence[Click], keys: Mapping[str, int], first: Collection[str], visits: dict[int, Visit], window_us: int
) -> list[Click]:
    """Returns the clicks in their order: those in `first` marked as first, and those marked that repeat one within the
    window before or after them.

    `keys`: click id -> visit key. `visits`: the earlier visits of links; updated in place.
    """
    marked = []
    for click in clicks:
        is_first = click.click_id in first
        is_visit = window_us and click.link_id is not None
        repeated = _find_repeated(click, keys[click.click_id], visits, window_us) if is_visit else None
        if repeated is not None:
            click = msgspec.structs.replace(click, is_first=is_first, duplicate_of=repeated)
        elif is_first is not click.is_first:
            click = msgspec.structs.replace(click, is_first=is_first)
        marked.append(click)
    return marked


def _find_repeated(click: Click, key: int, visits: dict[int, Visit], window_us: int) -> str | None:
    """The click that this one repeats. If it repeats none, it is the one that later clicks may repeat."""
    visit = visits.get(key)
    if visit is None or abs(click.time - visit.time) > window_us:
        visits[key] = Visit(click.click_id, click.time)
        return None
    return visit.click_id if visit.click_id != click.click_id else None
