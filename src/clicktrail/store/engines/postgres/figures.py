"""The figures of links on PostgreSQL, exact under any number of writers.

No writer changes what another one does: each adds rows to `link_changes`, in the transaction of the clicks themselves,
and now and then one node adds them up into `link_figures`. A visitor is new to a link if its key could be added.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from msgspec.structs import astuple

from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.visitors import visitor_key
from clicktrail.store.counting.figures import (
    CLICKS,
    ENDS,
    IS_COUNTED,
    NOTHING,
    OTHERS,
    Bounds,
    add_click,
    by_link,
    find_ends,
    find_gone,
    subtract,
)
from clicktrail.store.memory.visits import Visit, mark_repeats
from clicktrail.store.session.hashes import VISITOR_SQL
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import Sql, join, named, number, sql

_COLUMNS = "link_id, clicks, unique_clicks, registrations, first_time, last_time"
_SUMS = "sum(clicks)::BIGINT, sum(unique_clicks)::BIGINT, sum(registrations)::BIGINT, min(first_time), max(last_time)"
_KEY = f"visitor_key(c.link_id, {VISITOR_SQL})"
_FIGURES = (
    f"SELECT link_id, {_SUMS} FROM (SELECT {_COLUMNS} FROM link_figures WHERE link_id = ANY({{}}::TEXT[]) "
    f"UNION ALL SELECT {_COLUMNS} FROM link_changes WHERE link_id = ANY({{}}::TEXT[])) f GROUP BY link_id"
)
"""What was added up, by its key, and what came since: a table of a second's changes."""
_VISIT = (
    "INSERT INTO link_visitors AS v (visitor, click_id, time) {} ON CONFLICT (visitor) DO UPDATE SET "
    "click_id = CASE WHEN {} THEN v.click_id ELSE excluded.click_id END, "
    "time = CASE WHEN {} THEN v.time ELSE excluded.time END RETURNING v.visitor, v.click_id, v.time, v.xmax = 0"
)
"""By its key each visitor with the visit that counts, and whether the row is new."""
_REPLACE_VISITS = (
    "UPDATE link_visitors v SET click_id = n.click_id, time = n.time "
    "FROM unnest({}::BIGINT[], {}::TEXT[], {}::BIGINT[]) n(visitor, click_id, time) WHERE v.visitor = n.visitor"
)
_FORGET_VISITS = (
    "UPDATE link_visitors SET click_id = NULL, time = NULL "
    "WHERE visitor = ANY({}::BIGINT[]) AND click_id = ANY({}::TEXT[])"
)
_ASKED = "(SELECT unnest({}::TEXT[]) AS link_id, unnest({}::BIGINT[]) AS low, unnest({}::BIGINT[]) AS high) g"
_ENDS_BY_JOIN = (
    "SELECT g.link_id, {}(c.time) FROM clicks c JOIN {} ON c.link_id = g.link_id "
    f"AND c.time BETWEEN g.low AND g.high WHERE {IS_COUNTED} GROUP BY 1"
)
_FOLD = (
    f"WITH taken AS (DELETE FROM link_changes RETURNING {_COLUMNS}) "
    f"INSERT INTO link_figures AS f ({_COLUMNS}) SELECT link_id, {_SUMS} FROM taken GROUP BY link_id "
    "ON CONFLICT (link_id) DO UPDATE SET clicks = f.clicks + excluded.clicks, "
    "unique_clicks = f.unique_clicks + excluded.unique_clicks, "
    "registrations = f.registrations + excluded.registrations, "
    "first_time = least(f.first_time, excluded.first_time), last_time = greatest(f.last_time, excluded.last_time)"
)
_RECOUNT_VISITORS = (
    f"INSERT INTO link_visitors (visitor) SELECT DISTINCT {_KEY} FROM clicks c WHERE link_id IS NOT NULL"
)
_RECOUNT = (
    f"INSERT INTO link_figures ({_COLUMNS}) SELECT link_id, {CLICKS}, "
    f"count(DISTINCT {_KEY}) FILTER (WHERE {IS_COUNTED}), {OTHERS} "
    "FROM clicks c WHERE link_id IS NOT NULL GROUP BY link_id"
)
_FOLD_LOCK = 0x636C_6B02
_VALUES = 1_000
"""Rows of a statement that has placeholders for each."""


class TableFigures:
    """Figures in tables of the store."""

    def find(self, session: Session, link_ids: Sequence[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures: what was added up, and what came since, in one statement."""
        rows = session.rows(sql(_FIGURES, list(link_ids), list(link_ids)))
        found = {row[0]: LinkMetrics(*row[1:]) for row in rows}
        return {link_id: found.get(link_id, NOTHING) for link_id in link_ids}

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Clicks are about to be added by this transaction: marks repeats among them, and counts the others' links."""
        linked = [click for click in clicks if click.link_id is not None]
        if not linked:
            return clicks
        window_us = session.memory.visits.window_us
        keys = {click.click_id: visitor_key(click) for click in linked}
        firsts: dict[int, Click] = {}
        for click in linked:
            firsts.setdefault(keys[click.click_id], click)
        visits, new = _visit(session, firsts, window_us)
        changes: dict[str, LinkMetrics] = {}
        for click in linked:
            key = keys[click.click_id]
            is_first = key in new and firsts[key] is click
            link_id = click.link_id or ""
            changes[link_id] = add_click(changes.get(link_id, NOTHING), click, is_first)
        rows = [(link_id, *astuple(each)) for link_id, each in changes.items() if each != NOTHING]
        if rows:
            session.insert("link_changes", _COLUMNS.split(", "), rows)
        before = dict(visits)
        marked = mark_repeats(clicks, keys, visits, window_us)
        _replace_visits(session, {key: visit for key, visit in visits.items() if before[key] != visit})
        return marked

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """A link gets one registration more (1) or that many fewer (negative) by this transaction."""
        if link_id is not None:
            session.insert("link_changes", _COLUMNS.split(", "), [(link_id, 0, 0, change, None, None)])

    def uncount(self, session: Session, clicks: Sequence[Click]) -> None:
        """Clicks were just removed, while no node counts. Figures stay those of all that ever were, but them."""
        removed = by_link(clicks)
        if not removed:
            return
        linked = [click for each in removed.values() for click in each]
        gone = find_gone(session, linked)
        _forget_visits(session, linked, gone)
        lost = Counter(click.link_id for click in gone)
        old = self.find(session, list(removed))
        ends = {name: find_ends(old, removed, name, partial(_find_times, session, ENDS[name])) for name in ENDS}
        left = {link_id: subtract(old[link_id], each, lost[link_id]) for link_id, each in removed.items()}
        rows = [
            (link_id, *astuple(each)[:3], *(ends[name].get(link_id, getattr(each, name)) for name in ENDS))
            for link_id, each in left.items()
        ]
        for table in ("link_changes", "link_figures"):
            session.rows(sql("DELETE FROM {} WHERE link_id = ANY({}::TEXT[])", named(table), list(removed)))
        session.insert("link_figures", _COLUMNS.split(", "), rows)


def _visit(session: Session, firsts: Mapping[int, Click], window_us: int) -> tuple[dict[int, Visit], set[int]]:
    """By visitor the visit that these clicks may repeat, which may be they themselves; and the visitors that are new.

    One statement, in one order in all nodes: whoever comes second waits for the first, and no ring of waiting arises.
    """
    is_near = sql("abs(excluded.time - v.time) <= {}", number(window_us or -1))
    rows: list[Row] = []
    for source in _sources(session, [(key, firsts[key].click_id, firsts[key].time) for key in sorted(firsts)]):
        rows += session.rows(sql(_VISIT, source, is_near, is_near))
    return {row[0]: Visit(row[1], row[2]) for row in rows}, {row[0] for row in rows if row[3]}


def _sources(session: Session, visits: Sequence[tuple[int, str, int]]) -> Iterator[Sql]:
    """What these visits are inserted from: arrays, whose statement is short; on Citus values, which it sends straight
    to their shards, where it would first spread a query's rows over all of them."""
    if not session.dialect.is_spread:
        arrays = map(list, zip(*visits, strict=True))
        yield sql("SELECT * FROM unnest({}::BIGINT[], {}::TEXT[], {}::BIGINT[])", *arrays)
        return
    for start in range(0, len(visits), _VALUES):
        rows = [sql("({}::BIGINT, {}, {}::BIGINT)", *visit) for visit in visits[start : start + _VALUES]]
        yield sql("VALUES {}", join(", ", rows))


def _replace_visits(session: Session, visits: Mapping[int, Visit]) -> None:
    """Later visits of the same transaction, in rows that it has locked already."""
    if visits:
        columns = zip(*((visitor, *visit) for visitor, visit in visits.items()), strict=True)
        session.rows(sql(_REPLACE_VISITS, *map(list, columns)))


def _forget_visits(session: Session, clicks: Sequence[Click], gone: Sequence[Click]) -> None:
    """Nothing can repeat removed clicks any more; and the visitors of those in `gone` are new when they come again."""
    visitors = sorted(set(map(visitor_key, clicks)))
    session.rows(sql(_FORGET_VISITS, visitors, [click.click_id for click in clicks]))
    if gone:
        session.rows(sql("DELETE FROM link_visitors WHERE visitor = ANY({}::BIGINT[])", sorted(map(visitor_key, gone))))


def _find_times(session: Session, end: str, bounds: Bounds) -> dict[str, int | None]:
    """Link id -> the first or the last time of its clicks within bounds, robots' aside."""
    near = [(link_id, *bound) for link_id, bound in bounds.items() if bound is not None]
    time = f"SELECT {end}(c.time) FROM clicks c WHERE {IS_COUNTED} AND c.link_id = "
    found: dict[str, int | None] = {}
    if near:  # a few rows of the index of times for each
        asked = sql(_ASKED, *map(list, zip(*near, strict=True)))
        each = sql("SELECT g.link_id, ({} AND c.time BETWEEN g.low AND g.high) FROM {}", sql(f"{time}g.link_id"), asked)
        if session.dialect.is_spread:  # Citus runs no such subquery over a table that is spread
            each = sql(_ENDS_BY_JOIN, sql(end), asked)
            found = {link_id: None for link_id, *_ in near}
        found |= dict(session.rows(each))
    for link_id in bounds.keys() - found.keys():  # one by one: the planner has to know how rare the link is
        found[link_id] = session.rows(sql(time + "{}", link_id))[0][0]
    return found


def fold_changes(session: Session) -> None:
    """Adds up what came since the last time, unless another node is at it."""
    if not session.rows(sql(f"SELECT pg_try_advisory_xact_lock({_FOLD_LOCK})"))[0][0]:
        return
    session.rows(sql(_FOLD))


def recount(session: Session) -> None:
    """Makes figures and visitors from the clicks, for a store that was filled otherwise, or that lost some."""
    session.rows(sql("TRUNCATE link_changes, link_figures, link_visitors"))
    session.rows(sql(_RECOUNT_VISITORS))
    session.rows(sql(_RECOUNT))
