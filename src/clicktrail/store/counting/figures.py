"""The figures of links, in memory and exact. Counting a click and reading a link's figures both take O(1)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from clicktrail.errors import Unavailable
from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import visitor_key
from clicktrail.store.counting.visitors import Hashes, Keys, VisitorSet
from clicktrail.store.memory.visits import mark_repeats
from clicktrail.store.session.hashes import VISITOR_SQL, text_hash
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, and_, named, number, sql

NOTHING = LinkMetrics()
LOAD_TIMEOUT_S = 120.0
IS_COUNTED = "coalesce(c.bot, '') = ''"
"""Robots' clicks are stored and marked, but not counted. Clients that they brought are counted."""
CLICKS = f"count(*) FILTER (WHERE {IS_COUNTED})"
OTHERS = f"count(c.profile_id), min(c.time) FILTER (WHERE {IS_COUNTED}), max(c.time) FILTER (WHERE {IS_COUNTED})"
"""Figures of a link's clicks, without distinct visitors."""
_VISITOR = sql("c.link_id, c.ip, c.user_agent, c.visitor")
"""The columns that identify a visitor on a link."""
ENDS = {"first_click_time": "min", "last_click_time": "max"}
_SPANS_US = (60 * SECOND, 3600 * SECOND)
"""Distances from the removed first or last click in which to look for the next one, before a search of all times."""
_KEY = f"md5_number_lower(c.link_id || {VISITOR_SQL})"
"""The bytes of `visitor_key` in reverse order, so that SQL computes many keys at once."""
Removed = Mapping[str, Sequence[Click]]
"""Link id -> its removed clicks."""
Bounds = Mapping[str, tuple[int, int] | None]
"""Link id -> the first and last time to search; None: all times."""
_PIECE = 1_000_000
"""Rows per read."""
_ALL_FIGURES = (
    f"SELECT link_id, {CLICKS}, {OTHERS}, hash(link_id) FROM clicks c WHERE link_id IS NOT NULL GROUP BY link_id"
)
_VISITORS = (
    f"SELECT {_KEY} AS visitor, hash(c.link_id) AS link FROM clicks c "
    f"WHERE c.link_id IS NOT NULL AND {IS_COUNTED} AND c.rowid >= {{}} AND c.rowid < {{}}"
)
"""Visitor and link of each click in a range of row numbers, by which DuckDB finds the rows."""
_END_OF_EACH = "SELECT link_id, {}(time) FROM clicks c WHERE {} GROUP BY link_id"
"""The first or last time of links. The zone maps of `time` skip rows out of bounds."""


class ArraySession(Session, Protocol):
    """A session that returns columns as arrays, for millions of rows."""

    def arrays(self, statement: Sql) -> Mapping[str, Any]: ...


class LinkFigures:
    """Figures by link id. They are read from the clicks once, at start; commits during the reading are added
    afterwards.

    The writer's thread counts, right after each commit. Any thread may call `find`.
    """

    def __init__(self) -> None:
        self._figures: dict[str, LinkMetrics] = {}
        self._visitors = VisitorSet(np.empty(0, dtype=np.int64))
        self._waiting: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._is_loaded = threading.Event()

    def find(self, session: Session, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures. Waits until they are read. Raises Unavailable after `LOAD_TIMEOUT_S`."""
        del session
        if not self._is_loaded.wait(LOAD_TIMEOUT_S):
            raise Unavailable("The figures of links are still being read.", headers={"Retry-After": "5"})
        return {link_id: self._figures.get(link_id, NOTHING) for link_id in link_ids}

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Called before this transaction adds clicks: marks repeats, and counts the clicks of links."""
        recent = session.memory.visits
        keys = {click.click_id: visitor_key(click) for click in clicks if click.link_id is not None}
        if not keys:
            return clicks
        visits = recent.find(keys.values())
        marked = mark_repeats(clicks, keys, visits, recent.window_us)

        def count() -> None:
            recent.keep(visits)
            counted = [(click, keys[click.click_id]) for click in clicks if click.link_id is not None]
            self._when_loaded(lambda: self._count(counted))

        session.after_commit(count)
        return marked

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """Adds `change` (1, or a negative number) to the registrations of a link."""
        if link_id is not None:
            session.after_commit(lambda: self._when_loaded(lambda: self._register(link_id, change)))

    def uncount(self, session: Session, clicks: Sequence[Click]) -> None:
        """Called after clicks were removed: finds out which visitors left, and the new first and last times."""
        removed = by_link(clicks)
        if not removed:
            return
        linked = [click for each in removed.values() for click in each]
        gone = find_gone(session, linked)
        ends = {name: self._find_ends(session, removed, name) for name in ENDS}
        session.after_commit(lambda: session.memory.visits.forget(linked))
        session.after_commit(lambda: self._when_loaded(lambda: self._uncount(removed, gone, ends)))

    def read(self, session: ArraySession) -> None:
        """Counts all clicks of a snapshot, then adds the commits since."""
        rows = session.rows(sql(_ALL_FIGURES))
        rows.sort(key=lambda row: int(row[-1]))
        keys, visitors = count_visitors(_read_visitors(session), np.array([row[-1] for row in rows], dtype=np.uint64))
        figures = zip(rows, visitors.tolist(), strict=True)
        self._begin({row[0]: LinkMetrics(row[1], unique, *row[2:-1]) for row, unique in figures}, keys)

    def _begin(self, figures: Mapping[str, LinkMetrics], keys: Keys) -> None:
        visitors = VisitorSet(keys)
        with self._lock:
            self._figures, self._visitors = dict(figures), visitors
            for event in self._waiting:
                event()
            self._waiting = []
            self._is_loaded.set()

    def _when_loaded(self, event: Callable[[], None]) -> None:
        with self._lock:
            if self._is_loaded.is_set():
                event()
            else:
                self._waiting.append(event)

    def _count(self, clicks: Sequence[tuple[Click, int]]) -> None:
        people = {click.click_id: key for click, key in clicks if not click.is_bot}
        is_new = dict(zip(people, self._visitors.add(people.values()), strict=True))
        for click, _ in clicks:
            link_id = click.link_id or ""
            figures = self._figures.get(link_id, NOTHING)
            self._figures[link_id] = add_click(figures, click, is_new.get(click.click_id, False))

    def _register(self, link_id: str, change: int) -> None:
        old = self._figures.get(link_id, NOTHING)
        self._figures[link_id] = msgspec.structs.replace(old, registrations=old.registrations + change)

    def _uncount(
        self,
        removed: Removed,
        gone: Sequence[Click],
        ends: Mapping[str, Mapping[str, Any]],
    ) -> None:
        lost = Counter(click.link_id for click in gone)
        for link_id, clicks in removed.items():
            left = subtract(self._figures.get(link_id, NOTHING), clicks, lost[link_id])
            moved = {name: times[link_id] for name, times in ends.items() if link_id in times}
            self._figures[link_id] = msgspec.structs.replace(left, **moved)
        for click in gone:
            self._visitors.discard(visitor_key(click))

    def _find_ends(self, session: Session, removed: Removed, name: str) -> dict[str, int | None]:
        def ask(bounds: Bounds) -> dict[str, int | None]:
            near = [bound for bound in bounds.values() if bound is not None]
            where = and_(sql("link_id IN (SELECT unnest({}::VARCHAR[]))", list(bounds)), sql(IS_COUNTED))
            if near:
                low, high = number(min(near)[0]), number(max(high for _, high in near))
                where = and_(where, sql("c.time >= {} AND c.time <= {}", low, high))
            return dict(session.rows(sql(_END_OF_EACH, sql(ENDS[name]), where)))

        if not self._is_loaded.is_set():  # the figures are not yet known
            return dict.fromkeys(removed) | ask(dict.fromkeys(removed))
        return find_ends({link_id: self._figures.get(link_id, NOTHING) for link_id in removed}, removed, name, ask)


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


def add_click(old: LinkMetrics, click: Click, is_new_visitor: bool) -> LinkMetrics:
    """A link's figures with one more click. A robot's click adds at most a registration."""
    registrations = old.registrations + (click.profile_id is not None)
    if click.is_bot:
        return msgspec.structs.replace(old, registrations=registrations)
    return LinkMetrics(
        clicks=old.clicks + 1,
        unique_clicks=old.unique_clicks + is_new_visitor,
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


def find_gone(session: Session, clicks: Sequence[Click]) -> list[Click]:
    """One removed click for each visitor who has no other click on the same link; robots are left out."""
    people = {visitor_key(click): click for click in clicks if not click.is_bot}
    gone = list(people.values())
    if not gone:
        return []
    row_id = session.dialect.row_id
    if row_id is None:
        links, ips = sorted({str(click.link_id) for click in gone}), sorted({click.ip for click in gone})
        wanted = sql("c.link_id = ANY({}::TEXT[]) AND c.ip = ANY({}::TEXT[])", links, ips)
    else:
        places = _find_rows(session, named(row_id), gone)
        wanted = sql("c.{} IN (SELECT unnest({}::BIGINT[]))", named(row_id), places)
    rows = session.rows(sql("SELECT DISTINCT {}, coalesce(c.bot, '') FROM clicks c WHERE {}", _VISITOR, wanted))
    stayed = {row[:-1] for row in rows if not row[-1]}
    return [click for click in gone if (click.link_id, click.ip, click.user_agent, click.visitor) not in stayed]


def _find_rows(session: Session, row_id: Sql, clicks: Sequence[Click]) -> list[int]:
    """The row numbers of these visitors' clicks. Without an index, numbers are found far faster than texts."""
    visitors = sorted({click.visitor for click in clicks if click.visitor is not None})
    hashes = sorted({text_hash(click.ip) or 0 for click in clicks if click.visitor is None})
    found = []
    for condition, values in (("visitor IN ({})", visitors), ("visitor IS NULL AND ip_hash IN ({})", hashes)):
        if values:
            where = sql(condition, sql("SELECT unnest({}::BIGINT[])", values))
            found += list_values(session, sql("SELECT {} FROM clicks WHERE {}", row_id, where))
    return found


def _read_visitors(session: ArraySession) -> Iterator[tuple[Keys, Hashes]]:
    """Visitor key and link hash of every click on a link, in pieces."""
    last = session.rows(sql("SELECT max(rowid) FROM clicks"))[0][0]
    for start in range(0, (last or 0) + 1, _PIECE):
        piece = session.arrays(sql(_VISITORS, number(start), number(start + _PIECE)))
        keys = piece["visitor"].astype(np.uint64, copy=False).byteswap().view(np.int64)
        yield keys, piece["link"].astype(np.uint64, copy=False)


def count_visitors(pieces: Iterable[tuple[Keys, Hashes]], links: Hashes) -> tuple[Keys, np.ndarray[Any, Any]]:
    """Returns all distinct visitor keys, sorted, and the number of them for each of `links` (ascending hashes).

    At ten million visitors it briefly needs 300 MB: each piece is reduced to distinct keys, and a link takes four
    bytes.
    """
    kept_keys, kept_places = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint32)]
    for visitors, hashes in pieces:
        piece, first = np.unique(visitors, return_index=True)
        kept_keys.append(piece)
        kept_places.append(np.searchsorted(links, hashes[first]).astype(np.uint32))
    keys, places = np.concatenate(kept_keys), np.concatenate(kept_places)
    del kept_keys, kept_places
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order]
    del order
    is_first = np.ones(len(keys), dtype=bool)
    is_first[1:] = keys[1:] != keys[:-1]
    return keys[is_first], np.bincount(places[is_first], minlength=len(links))
