"""The figures of links, kept in memory and exact: counting a click costs O(1), asking for a link's figures as well."""

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
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, named, number, sql

NOTHING = LinkMetrics()
LOAD_TIMEOUT_S = 120.0
IS_COUNTED = "coalesce(c.bot, '') = ''"
"""Clicks of robots are kept and marked, and not counted. A client whom one brought is."""
CLICKS = f"count(*) FILTER (WHERE {IS_COUNTED})"
OTHERS = f"count(c.profile_id), min(c.time) FILTER (WHERE {IS_COUNTED}), max(c.time) FILTER (WHERE {IS_COUNTED})"
"""What is counted of a link's clicks, distinct visitors aside."""
_VISITOR = sql("c.link_id, c.ip, c.user_agent, c.visitor")
"""What clicks of one visitor on one link have in common."""
ENDS = {"first_click_time": "min", "last_click_time": "max"}
_SPANS_US = (60 * SECOND, 3600 * SECOND)
"""How far from the one that was removed the next first or last click is looked for, before all are looked at."""
_KEY = f"md5_number_lower(c.link_id || {VISITOR_SQL})"
"""The bytes of `visitor_key`, read from the last one on, to have the keys of many clicks at once."""
Removed = Mapping[str, Sequence[Click]]
"""Link id -> its clicks that were removed."""
Bounds = Mapping[str, tuple[int, int] | None]
"""Link id -> the first and the last time that are looked at; None: all times are."""
_PIECE = 1_000_000
"""Rows read at once."""
_ALL_FIGURES = (
    f"SELECT link_id, {CLICKS}, {OTHERS}, hash(link_id) FROM clicks c WHERE link_id IS NOT NULL GROUP BY link_id"
)
_VISITORS = (
    f"SELECT {_KEY} AS visitor, hash(c.link_id) AS link FROM clicks c "
    f"WHERE c.link_id IS NOT NULL AND {IS_COUNTED} AND c.rowid >= {{}} AND c.rowid < {{}}"
)
"""Visitor and link of each click in a part of the table, which DuckDB finds by the numbers of its rows."""
_END_OF_EACH = "SELECT link_id, {}(time) FROM clicks c WHERE {} GROUP BY link_id"
"""The first or the last time of links: the zone maps of `time` pass over all that lies out of bounds."""


class ArraySession(Session, Protocol):
    """A session that hands over columns as arrays: for millions of rows."""

    def arrays(self, statement: Sql) -> Mapping[str, Any]:
        """Runs a statement and returns its columns as numpy arrays."""


class LinkFigures:
    """Figures by link id. They are read from the clicks once, at start; what is committed meanwhile waits and is added.

    What is counted is counted by the writer's thread, right after the commit; `find` may be called by any thread.
    """

    def __init__(self) -> None:
        self._figures: dict[str, LinkMetrics] = {}
        self._visitors = VisitorSet(np.empty(0, dtype=np.int64))
        self._waiting: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._is_loaded = threading.Event()

    def find(self, session: Session, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures; waits until they are read. Raises Unavailable if that takes over two minutes."""
        del session
        if not self._is_loaded.wait(LOAD_TIMEOUT_S):
            raise Unavailable("The figures of links are still being read.", headers={"Retry-After": "5"})
        return {link_id: self._figures.get(link_id, NOTHING) for link_id in link_ids}

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Clicks are about to be added by this transaction: marks repeats among them, and counts the others' links."""
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
        """A link gets one registration more (1) or that many fewer (negative)."""
        if link_id is not None:
            session.after_commit(lambda: self._when_loaded(lambda: self._register(link_id, change)))

    def uncount(self, session: Session, clicks: Sequence[Click]) -> None:
        """Clicks were just removed: looks for the same visitors, the first and the last among the others."""
        removed = by_link(clicks)
        if not removed:
            return
        linked = [click for each in removed.values() for click in each]
        gone = find_gone(session, linked)
        ends = {name: self._find_ends(session, removed, name) for name in ENDS}
        session.after_commit(lambda: session.memory.visits.forget(linked))
        session.after_commit(lambda: self._when_loaded(lambda: self._uncount(removed, gone, ends)))

    def read(self, session: ArraySession) -> None:
        """Begins with the figures of all clicks of a snapshot, and adds what was committed since."""
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

        if not self._is_loaded.is_set():  # nobody knows yet what a link had
            return dict.fromkeys(removed) | ask(dict.fromkeys(removed))
        return find_ends({link_id: self._figures.get(link_id, NOTHING) for link_id in removed}, removed, name, ask)


def find_ends(
    known: Mapping[str, LinkMetrics],
    removed: Removed,
    name: str,
    ask: Callable[[Bounds], Mapping[str, int | None]],
) -> dict[str, int | None]:
    """Link id -> its first or its last time (`name`), for those links that had it by a removed click.

    The next one is mostly near, so `ask` is first asked for some moments, of which engines find the clicks at once, and
    for all times only where nothing was in them.
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
    """A link's figures with one click more. A robot's changes none but the registrations."""
    registrations = old.registrations + (click.profile_id is not None)
    if click.is_bot:
        return msgspec.structs.replace(old, registrations=registrations)
    return LinkMetrics(
        old.clicks + 1,
        old.unique_clicks + is_new_visitor,
        registrations,
        click.time if old.first_click_time is None else min(old.first_click_time, click.time),
        click.time if old.last_click_time is None else max(old.last_click_time, click.time),
    )


def by_link(clicks: Iterable[Click]) -> dict[str, list[Click]]:
    """Link id -> its clicks among these."""
    found: dict[str, list[Click]] = {}
    for click in clicks:
        if click.link_id is not None:
            found.setdefault(click.link_id, []).append(click)
    return found


def subtract(old: LinkMetrics, clicks: Sequence[Click], visitors: int) -> LinkMetrics:
    """A link's figures without these clicks and so many visitors; the first and the last time are as they were."""
    return msgspec.structs.replace(
        old,
        clicks=old.clicks - sum(not click.is_bot for click in clicks),
        unique_clicks=old.unique_clicks - visitors,
        registrations=old.registrations - sum(click.profile_id is not None for click in clicks),
    )


def find_gone(session: Session, clicks: Sequence[Click]) -> list[Click]:
    """Of removed clicks on links one for each visitor, robots aside, who has no other click on the same link."""
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
    """Where the clicks of these visitors lie: without an index numbers are found far faster than texts are."""
    visitors = sorted({click.visitor for click in clicks if click.visitor is not None})
    hashes = sorted({text_hash(click.ip) or 0 for click in clicks if click.visitor is None})
    found = []
    for condition, values in (("visitor IN ({})", visitors), ("visitor IS NULL AND ip_hash IN ({})", hashes)):
        if values:
            where = sql(condition, sql("SELECT unnest({}::BIGINT[])", values))
            found += [row[0] for row in session.rows(sql("SELECT {} FROM clicks WHERE {}", row_id, where))]
    return found


def _read_visitors(session: ArraySession) -> Iterator[tuple[Keys, Hashes]]:
    """Visitor key and link hash of every click on a link, in pieces."""
    last = session.rows(sql("SELECT max(rowid) FROM clicks"))[0][0]
    for start in range(0, (last or 0) + 1, _PIECE):
        piece = session.arrays(sql(_VISITORS, number(start), number(start + _PIECE)))
        keys = piece["visitor"].astype(np.uint64, copy=False).byteswap().view(np.int64)
        yield keys, piece["link"].astype(np.uint64, copy=False)


def count_visitors(pieces: Iterable[tuple[Keys, Hashes]], links: Hashes) -> tuple[Keys, np.ndarray[Any, Any]]:
    """All visitor keys, sorted, each once; and how many each of `links`, ascending hashes, has.

    At ten million visitors it takes some 300 MB for a moment: a piece leaves only what was not twice in it, and a link
    is four bytes.
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
