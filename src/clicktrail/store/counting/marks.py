"""Which click is the first of its visitor on its link, on the UTC day of its `time` (ADR 37).

A mark is set when a click is stored. Deleting the click passes the mark on to the earliest of the visitor's other
clicks. The engine that one process owns knows the visits of recent days in memory.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import day_of, visit_key
from clicktrail.store.memory.key_set import KeySet
from clicktrail.store.session.counted import DAY_SQL, KIND_SQL, LINK_SQL, VISITOR_KEY
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, number, sql

_MOST = 20_000_000
"""Visits kept in memory, unless a single day has more: 160 MB."""
_MARKED = (
    f"SELECT coalesce(c.visitor, {VISITOR_KEY}) AS visitor, md5_number_lower({LINK_SQL} || {KIND_SQL}) AS link, "
    f"{DAY_SQL} AS day FROM clicks c "
    f"WHERE c.time >= {{}} AND c.time < {{}} AND {DAY_SQL} IN (SELECT unnest({{}}::BIGINT[])) AND c.is_first"
)
"""The visits of days, each once: the two parts of `visit_key`, the bytes of the second one in reverse order. The zone
maps of `time` skip other rows."""


class ArraySession(Session, Protocol):
    """A session that returns columns as arrays, for millions of rows."""

    def arrays(self, statement: Sql) -> Mapping[str, Any]: ...


class FirstVisits:
    """The visits of days, as in the store after the last commit. Only the writer's thread uses it.

    A day is read when its first click comes. Days unused for longest are dropped when there are too many visits.
    """

    def __init__(self) -> None:
        self._days: OrderedDict[int, KeySet] = OrderedDict()

    def find_first(self, session: ArraySession, clicks: Sequence[Click], keys: Mapping[str, int]) -> set[str]:
        """The ids of the clicks that are the first of their visits. They count as stored after the commit.

        `keys`: click id -> visit key.
        """
        by_day: dict[int, dict[int, str]] = {}
        for click in clicks:
            if not click.bot:
                day = click.time - click.time % DAY_US
                if day not in by_day:
                    by_day[day] = {}
                by_day[day].setdefault(keys[click.click_id], click.click_id)
        self.load(session, by_day)
        for day, visits in by_day.items():
            for known in self._days[day].find(visits):
                del visits[known]
        session.after_commit(lambda: self._add(by_day))
        return {click_id for visits in by_day.values() for click_id in visits.values()}

    def load(self, session: ArraySession, days: Collection[int]) -> None:
        """Reads the missing ones of these days from the store, in one statement."""
        missing = [day for day in days if day not in self._days]
        if missing:
            self._days.update(_read_days(session, missing))
        for day in days:
            self._days.move_to_end(day)

    def discard(self, clicks: Iterable[Click]) -> None:
        """Called after the last clicks of these visits were deleted or stripped. A stripped click has a visit of its
        own, which is known only if its day was read since."""
        for click in clicks:
            visits, key = self._days.get(day_of(click.time)), visit_key(click)
            if visits is not None and visits.find({key}):
                visits.discard(key)

    def forget(self, day: int) -> None:
        """Called after the keys of visitors of a day were changed: its visits are read again when they are needed."""
        self._days.pop(day, None)

    def _add(self, by_day: Mapping[int, Collection[int]]) -> None:
        for day, visits in by_day.items():
            self._days[day].add(visits)
        total = sum(map(len, self._days.values()))
        while total > _MOST and len(self._days) > 1:
            total -= len(self._days.popitem(last=False)[1])


def _read_days(session: ArraySession, days: Collection[int]) -> dict[int, KeySet]:
    bounds = number(min(days)), number(max(days) + DAY_US)
    found = session.arrays(sql(_MARKED, *bounds, list(days)))
    links = found["link"].astype(np.uint64, copy=False).byteswap().view(np.int64)
    keys = found["visitor"].astype(np.int64, copy=False) ^ links
    order = np.lexsort((keys, found["day"]))
    keys, present = keys[order], found["day"][order]
    return {
        day: KeySet(keys[np.searchsorted(present, day) : np.searchsorted(present, day, side="right")].copy())
        for day in days
    }
