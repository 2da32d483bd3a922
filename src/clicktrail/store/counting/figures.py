"""The figures of links, in memory and exact. Counting a click and reading a link's figures both take O(1).

Unique clicks are the sum of the marks of first clicks (`marks`).
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from clicktrail.errors import Unavailable
from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import day_of, new_visit_key
from clicktrail.store.counting.kept import count_figures, keep_times, move_ends, read_figures, recount_figures
from clicktrail.store.counting.marks import ArraySession, FirstVisits
from clicktrail.store.memory.visits import mark_clicks
from clicktrail.store.session.counted import IS_COUNTED
from clicktrail.store.session.dropped import sum_dropped
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, in_, number, sql

NOTHING = LinkMetrics()
LOAD_TIMEOUT_S = 120.0
ENDS = {"first_click_time": "min", "last_click_time": "max"}
_SPANS_US = (60 * SECOND, 3600 * SECOND)
"""Distances from the removed first or last click in which to look for the next one, before a search of all times."""
Removed = Mapping[str, Sequence[Click]]
"""Link id -> its removed clicks."""
Bounds = Mapping[str, tuple[int, int] | None]
"""Link id -> the first and last time to search; None: all times."""
_END_OF_EACH = "SELECT link_id, {}(time) FROM clicks c WHERE {} GROUP BY link_id"
"""The first or last time of links. The zone maps of `time` skip rows out of bounds."""


class LinkFigures:
    """Figures by link id, read from the store at start (`counting.kept`).

    The writer's thread counts, right after each commit. Any thread may call `find`.
    """

    def __init__(self) -> None:
        self._figures: dict[str, LinkMetrics] = {}
        self._first = FirstVisits()
        self._is_loaded = threading.Event()

    def find(self, session: Session, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures. Waits until they are read. Raises Unavailable after `LOAD_TIMEOUT_S`."""
        del session
        if not self._is_loaded.wait(LOAD_TIMEOUT_S):
            raise Unavailable("The figures of links are still being read.", headers={"Retry-After": "5"})
        return {link_id: self._figures.get(link_id, NOTHING) for link_id in link_ids}

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Called before this transaction adds clicks: marks repeats and first clicks, and counts the clicks of
        links."""
        recent = session.memory.visits
        keys = {click.click_id: new_visit_key(click) for click in clicks}
        first = self._first.find_first(cast(ArraySession, session), clicks, keys)
        visits = recent.find(keys[click.click_id] for click in clicks if click.link_id is not None)
        marked = mark_clicks(clicks, keys, first, visits, recent.window_us)

        def count() -> None:
            recent.keep(visits)
            self._count(marked)

        session.after_commit(count)
        return marked

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """Adds `change` (1, or a negative number) to the registrations of a link."""
        if link_id is not None:
            session.after_commit(lambda: self._register(link_id, change))

    def uncount(self, session: Session, clicks: Sequence[Click], gone: Sequence[Click]) -> None:
        """Called after clicks were removed: finds out the new first and last times. `gone`: as in `Figures`."""
        session.after_commit(lambda: self._first.discard(gone))
        removed = by_link(clicks)
        if not removed:
            return
        ends = {name: self._find_ends(session, removed, name) for name in ENDS}
        for name, times in ends.items():
            move_ends(session, name.replace("_click", ""), times)
        session.after_commit(lambda: session.memory.visits.forget(clicks))
        session.after_commit(lambda: self._uncount(removed, gone, ends))

    def rename_visitors(self, session: Session, where: Sql, day: int) -> None:
        """Called before the visitors of clicks of a day get other keys."""
        del where
        session.after_commit(lambda: self._first.forget(day))

    def forget_visits(self, session: Session, clicks: Sequence[Click]) -> None:
        """Called after clicks were stripped: their visits are not in the store any more."""
        session.after_commit(lambda: self._first.discard(clicks))
        session.after_commit(lambda: session.memory.visits.forget(clicks))

    def forget_clicks(self, session: Session, its: Sql) -> None:
        """Visits of past days are not asked for."""
        keep_times(session, its)

    def prepare(self, session: Session) -> None:
        """Called in the thread that adds clicks: reads the visits of today."""
        self._first.load(cast(ArraySession, session), [day_of(session.clock.now_us())])

    def keep_dropped(self, session: Session, are_marked: bool) -> None:
        """Nothing to do: this engine drops no clicks."""

    def recount(self, session: Session) -> None:
        recount_figures(session)

    def settle(self, session: Session) -> None:
        """Visits are read when they are needed."""
        recount_figures(session)

    def compare(self, session: Session) -> Mapping[str, tuple[LinkMetrics, LinkMetrics]]:
        stored, counted = read_figures(session), count_figures(session)
        pairs = {link_id: (stored.get(link_id, NOTHING), counted.get(link_id, NOTHING)) for link_id in stored | counted}
        return {link_id: pair for link_id, pair in pairs.items() if pair[0] != pair[1]}

    def read(self, session: Session) -> None:
        """Called while no click is recorded and no other transaction writes."""
        self._figures = read_figures(session)
        self._is_loaded.set()

    def _count(self, clicks: Sequence[Click]) -> None:
        if not self._is_loaded.is_set():  # they will be read with the others
            return
        for click in clicks:
            if click.link_id is not None:
                self._figures[click.link_id] = add_click(self._figures.get(click.link_id, NOTHING), click)

    def _register(self, link_id: str, change: int) -> None:
        if not self._is_loaded.is_set():
            return
        old = self._figures.get(link_id, NOTHING)
        self._figures[link_id] = msgspec.structs.replace(old, registrations=old.registrations + change)

    def _uncount(
        self,
        removed: Removed,
        gone: Sequence[Click],
        ends: Mapping[str, Mapping[str, Any]],
    ) -> None:
        if not self._is_loaded.is_set():
            return
        lost = Counter(click.link_id for click in gone)
        for link_id, clicks in removed.items():
            left = subtract(self._figures.get(link_id, NOTHING), clicks, lost[link_id])
            moved = {name: times[link_id] for name, times in ends.items() if link_id in times}
            self._figures[link_id] = msgspec.structs.replace(left, **moved)

    def _find_ends(self, session: Session, removed: Removed, name: str) -> dict[str, int | None]:
        def ask(bounds: Bounds) -> dict[str, int | None]:
            near = [bound for bound in bounds.values() if bound is not None]
            where = and_(sql("link_id IN (SELECT unnest({}::VARCHAR[]))", list(bounds)), sql(IS_COUNTED))
            if near:
                low, high = number(min(near)[0]), number(max(high for _, high in near))
                where = and_(where, sql("c.time >= {} AND c.time <= {}", low, high))
            return dict(session.rows(sql(_END_OF_EACH, sql(ENDS[name]), where)))

        if self._is_loaded.is_set():
            known = {link_id: self._figures.get(link_id, NOTHING) for link_id in removed}
            found = find_ends(known, removed, name, ask)
        else:  # for a command
            found = dict.fromkeys(removed) | ask(dict.fromkeys(removed))
        dropped = sum_dropped(session, "link_id", in_(sql("link_id"), found)) if found else {}
        for link_id, figures in dropped.items():
            times = [time for time in (found[link_id], getattr(figures, name)) if time is not None]
            found[link_id] = (min if ENDS[name] == "min" else max)(times, default=None)
        return found


def find_ends(
    known: Mapping[str, LinkMetrics],
    removed: Removed,
    name: str,
    ask: Callable[[Bounds], Mapping[str, int | None]],
) -> dict[str, int | None]:
    """Link id -> its new first or last time (`name`), for the links that lost the click with that time.

    The next click is usually near. So `ask` first gets short spans, which engines search quickly, and gets all times
    only if the spans are empty.
    """
    had = {link_id: getattr(figures, name) for link_id, figures in known.items()}
    hit = [link_id for link_id, clicks in removed.items() if any(click.time == had[link_id] for click in clicks)]
    found: dict[str, int | None] = dict.fromkeys(hit)
    missing = {link_id for link_id in hit if subtract(known[link_id], removed[link_id], 0).clicks}
    for span_us in (*_SPANS_US, None):
        if missing:
            asked = ask({link_id: _near(had[link_id], name, span_us) for link_id in missing})
            near = {link_id: time for link_id, time in asked.items() if time is not None}
            found |= near
            missing -= near.keys()
    return found


def _near(time: int, name: str, span_us: int | None) -> tuple[int, int] | None:
    if span_us is None:
        return None
    return (time, time + span_us) if ENDS[name] == "min" else (time - span_us, time)


def add_click(old: LinkMetrics, click: Click) -> LinkMetrics:
    """A link's figures with one more click. A robot's click adds at most a registration."""
    registrations = old.registrations + (click.profile_id is not None)
    if click.is_bot:
        return msgspec.structs.replace(old, registrations=registrations)
    return LinkMetrics(
        clicks=old.clicks + 1,
        unique_clicks=old.unique_clicks + click.is_first,
        registrations=registrations,
        first_click_time=click.time if old.first_click_time is None else min(old.first_click_time, click.time),
        last_click_time=click.time if old.last_click_time is None else max(old.last_click_time, click.time),
    )


def by_link(clicks: Iterable[Click]) -> dict[str, list[Click]]:
    found: dict[str, list[Click]] = {}
    for click in clicks:
        if click.link_id is not None:
            found.setdefault(click.link_id, []).append(click)
    return found


def subtract(old: LinkMetrics, clicks: Sequence[Click], visitors: int) -> LinkMetrics:
    """A link's figures without these clicks and this number of visitors. The first and last times stay."""
    return msgspec.structs.replace(
        old,
        clicks=old.clicks - sum(not click.is_bot for click in clicks),
        unique_clicks=old.unique_clicks - visitors,
        registrations=old.registrations - sum(click.profile_id is not None for click in clicks),
    )
