"""The figures of links on PostgreSQL, exact under any number of writers.

Writers do not update each other's rows: each adds rows to `link_changes` in the transaction of its clicks, and from
time to time one node adds them up into `link_figures`. A click is the first of its visit if the key
of the visit could be inserted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import structs
from msgspec.structs import astuple

from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.uris import find_host
from clicktrail.model.visitors import new_visit_key, visit_key, visitor_of
from clicktrail.store.counting.figures import (
    ENDS,
    NOTHING,
    Bounds,
    add_click,
    by_link,
    find_ends,
    subtract,
)
from clicktrail.store.counting.totals import recount
from clicktrail.store.memory.visits import Visit, mark_clicks
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.counted import FIGURES, IS_COMPUTED, IS_COUNTED, KIND_SQL, LINK_SQL, VISITOR_SQL
from clicktrail.store.session.dropped import add_figures, find_lost, note_dropped, sum_dropped
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import Sql, join, named, number, sql

_COLUMNS = "link_id, clicks, unique_clicks, registrations, first_time, last_time"
_SUMS = "sum(clicks)::BIGINT, sum(unique_clicks)::BIGINT, sum(registrations)::BIGINT, min(first_time), max(last_time)"
_VISITOR = f"CASE WHEN {IS_COMPUTED} THEN visitor_key('', {VISITOR_SQL}) ELSE c.visitor END"
KEY = f"({_VISITOR} # visitor_key({LINK_SQL}, {KIND_SQL}))"
"""The same as `visit_key`."""
_FIGURES = (
    f"SELECT link_id, {_SUMS} FROM (SELECT {_COLUMNS} FROM link_figures WHERE link_id = ANY({{}}::TEXT[]) "
    f"UNION ALL SELECT {_COLUMNS} FROM link_changes WHERE link_id = ANY({{}}::TEXT[])) f GROUP BY link_id"
)
"""The sums so far, by their key, plus the changes since: about one second of changes."""
_VISIT = (
    "INSERT INTO link_visitors AS v (visitor, click_id, time) {} ON CONFLICT (visitor) DO UPDATE SET "
    "click_id = CASE WHEN {} THEN v.click_id ELSE excluded.click_id END, "
    "time = CASE WHEN {} THEN v.time ELSE excluded.time END RETURNING v.visitor, v.click_id, v.time, v.xmax = 0"
)
"""Each visit's click that later clicks may repeat, by key, and whether the row is new."""
_REPLACE_VISITS = (
    "UPDATE link_visitors v SET click_id = n.click_id, time = n.time "
    "FROM unnest({}::BIGINT[], {}::TEXT[], {}::BIGINT[]) n(visitor, click_id, time) WHERE v.visitor = n.visitor"
)
_FORGET_VISITS = (
    "UPDATE link_visitors SET click_id = NULL, time = NULL "
    "WHERE visitor = ANY({}::BIGINT[]) AND click_id = ANY({}::TEXT[])"
)
_DELETE_VISITS = (
    f"DELETE FROM link_visitors v USING (SELECT DISTINCT {KEY} AS visitor FROM clicks c WHERE {{}}) g "
    "WHERE v.visitor = g.visitor"
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
_RECOUNT_VISITS = f"INSERT INTO link_visitors (visitor) SELECT DISTINCT {KEY} FROM clicks c WHERE is_first IS NOT NULL"
_ALL_FIGURES = (
    f"SELECT link_id, {_SUMS} FROM (SELECT {_COLUMNS} FROM link_figures UNION ALL SELECT {_COLUMNS} FROM link_changes) "
    "f GROUP BY link_id"
)
_KEPT = f"SELECT link_id, {FIGURES} FROM clicks c WHERE link_id IS NOT NULL GROUP BY link_id"
_VISITORS_BEFORE_MARKS = (
    "SELECT link_id, count(DISTINCT coalesce(c.visitor::TEXT, c.ip || coalesce('1' || c.user_agent, '0')) "
    f'COLLATE "C") FROM clicks c WHERE link_id = ANY({{}}::TEXT[]) AND {IS_COUNTED} GROUP BY link_id'
)
"""The unique clicks of links as versions without marks counted them: `visitor` is a key of the day of arrival."""
_RESTORE_DROPPED = f"INSERT INTO link_changes ({_COLUMNS}) SELECT {_COLUMNS} FROM dropped_figures"
_UNFILLED = "SELECT {} FROM clicks c WHERE c.is_first IS NULL ORDER BY c.time, c.click_id LIMIT {}"
"""By the index of these clicks."""
_OWNERS = "SELECT link_id, profile_id FROM links WHERE link_id = ANY({}::TEXT[])"
_FILL = (
    "UPDATE clicks c SET partner_id = n.partner_id, referrer_host = n.referrer_host, is_first = n.is_first, "
    "visitor = n.visitor FROM unnest({}::TEXT[], {}::TEXT[], {}::TEXT[], {}::BOOLEAN[], {}::BIGINT[]) "
    "n(click_id, partner_id, referrer_host, is_first, visitor) "
    "WHERE c.click_id = n.click_id AND c.is_first IS NULL AND c.click_id BETWEEN {} AND {}"
)
_FILL_LOCK = 0x636C_6B04
_FORGET_DROPPED = f"DELETE FROM link_visitors WHERE visitor IN (SELECT {KEY} FROM clicks c WHERE {{}})"
_FOLD_LOCK = 0x636C_6B02
_PIECE = 10_000
"""Clicks filled in one transaction: about a second."""
_VALUES = 1_000
"""Rows per statement that has placeholders for each row."""


class TableFigures:
    def find(self, session: Session, link_ids: Sequence[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures: the sums plus the changes since, in one statement."""
        found = by_link_id(session.rows(sql(_FIGURES, list(link_ids), list(link_ids))))
        return {link_id: found.get(link_id, NOTHING) for link_id in link_ids}

    def forget_visits(self, session: Session, clicks: Sequence[Click]) -> None:
        """Called after clicks were stripped: the keys of their visits are hashes of addresses."""
        keys = sorted(set(map(visit_key, clicks)) | set(map(new_visit_key, clicks)))
        session.rows(sql("DELETE FROM link_visitors WHERE visitor = ANY({}::BIGINT[])", keys))

    def forget_clicks(self, session: Session, its: Sql) -> None:
        """Deletes the visits of dropped clicks."""
        session.rows(sql(_FORGET_DROPPED, its))

    def prepare(self, session: Session) -> None:
        """Nothing to do: the visits are in a table."""

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Called before this transaction adds clicks: marks repeats and first clicks, and counts the clicks of
        links."""
        window_us = session.memory.visits.window_us
        keys = {click.click_id: new_visit_key(click) for click in clicks}
        visits, first = visit(session, clicks, keys, window_us)
        before = dict(visits)
        marked = mark_clicks(clicks, keys, first, visits, window_us)
        _replace_visits(session, {key: each for key, each in visits.items() if before[key] != each})
        changes: dict[str, LinkMetrics] = {}
        for click in marked:
            if click.link_id is not None:
                changes[click.link_id] = add_click(changes.get(click.link_id, NOTHING), click)
        rows = [(link_id, *astuple(each)) for link_id, each in changes.items() if each != NOTHING]
        if rows:
            session.insert("link_changes", _COLUMNS.split(", "), rows)
        return marked

    def rename_visitors(self, session: Session, where: Sql, day: int) -> None:
        """Called before the visitors of old clicks get other keys, which no later click can have: deletes their
        visits."""
        del day
        session.rows(sql(_DELETE_VISITS, where))

    def fill_piece(self, session: Session) -> int:
        """Fills the oldest clicks that lack the values; one node at a time. A visit that a node of this version has
        stored since has its first click already."""
        lock_fill(session)
        clicks = _find_unfilled(session)
        if clicks:
            keys = {click.click_id: visit_key(click) for click in clicks}
            first = visit(session, clicks, keys, session.memory.visits.window_us)[1]
            owners = _find_owners(session, {click.link_id for click in clicks if click.link_id is not None})
            ids = [click.click_id for click in clicks]
            partners = [owners.get(click.link_id or "") for click in clicks]
            hosts = [find_host(click.referrer) for click in clicks]
            marks = [click.click_id in first for click in clicks]
            visitors = [visitor_of(click.ip, click.user_agent, click.time) for click in clicks]
            session.rows(sql(_FILL, ids, partners, hosts, marks, visitors, min(ids), max(ids)))
        return len(clicks)

    def keep_dropped(self, session: Session, are_marked: bool) -> None:
        """Notes what the figures have in addition to the stored clicks and the noted drops, for today's partners of the
        links. Registrations wait for the end of the transaction."""
        session.rows(sql("LOCK TABLE link_changes, link_figures IN EXCLUSIVE MODE"))
        known = _count_all(session)
        figures = by_link_id(session.rows(sql(_ALL_FIGURES)))
        lost = find_lost(figures, known)
        if not are_marked:
            lost = find_lost({link_id: figures[link_id] for link_id in lost}, _count_old(session, known, lost))
        owners = _find_owners(session, lost)
        note_dropped(session, [(link_id, owners.get(link_id), *astuple(each)) for link_id, each in lost.items()])

    def recount(self, session: Session) -> None:
        session.rows(sql("TRUNCATE link_changes, link_figures"))
        session.rows(sql(f"INSERT INTO link_figures ({_COLUMNS}) {_KEPT}"))
        session.rows(sql(_RESTORE_DROPPED))

    def settle(self, session: Session) -> None:
        """Computes the figures, the daily totals, and the visits of marked clicks."""
        session.rows(sql("TRUNCATE link_visitors"))
        session.rows(sql(_RECOUNT_VISITS))
        self.recount(session)
        recount(session)

    def compare(self, session: Session) -> Mapping[str, tuple[LinkMetrics, LinkMetrics]]:
        """Link id -> the stored figures, and the figures of the clicks and of what is kept of dropped ones, where both
        differ."""
        counted = _count_all(session)
        stored = by_link_id(session.rows(sql(_ALL_FIGURES)))
        links = sorted(stored.keys() | counted.keys())
        pairs = {link_id: (stored.get(link_id, NOTHING), counted.get(link_id, NOTHING)) for link_id in links}
        return {link_id: pair for link_id, pair in pairs.items() if pair[0] != pair[1]}

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """Adds `change` (1, or a negative number) to the registrations of a link."""
        if link_id is not None:
            session.insert("link_changes", _COLUMNS.split(", "), [(link_id, 0, 0, change, None, None)])

    def uncount(self, session: Session, clicks: Sequence[Click], gone: Sequence[Click]) -> None:
        """Called after clicks were removed, while no node counts. Subtracts them from the figures."""
        _forget_visits(session, clicks, gone)
        removed = by_link(clicks)
        if not removed:
            return
        old = self.find(session, list(removed))
        ends = {name: find_ends(old, removed, name, partial(_find_times, session, ENDS[name])) for name in ENDS}
        lost = by_link(gone)
        left = {link_id: subtract(old[link_id], each, len(lost.get(link_id, ()))) for link_id, each in removed.items()}
        rows = [
            (link_id, *astuple(each)[:3], *(ends[name].get(link_id, getattr(each, name)) for name in ENDS))
            for link_id, each in left.items()
        ]
        for table in ("link_changes", "link_figures"):
            session.rows(sql("DELETE FROM {} WHERE link_id = ANY({}::TEXT[])", named(table), list(removed)))
        session.insert("link_figures", _COLUMNS.split(", "), rows)


def _count_all(session: Session) -> dict[str, LinkMetrics]:
    """Link id -> the figures of its stored clicks and of what is kept of dropped ones."""
    known = by_link_id(session.rows(sql(_KEPT)))
    for link_id, dropped in sum_dropped(session, "link_id").items():
        known[link_id] = add_figures(known.get(link_id, NOTHING), dropped)
    return known


def lock_fill(session: Session) -> None:
    """Until the transaction ends, no other node fills clicks."""
    session.rows(sql(f"SELECT pg_advisory_xact_lock({_FILL_LOCK})"))


def _find_unfilled(session: Session) -> list[Click]:
    rows = session.rows(sql(_UNFILLED, CLICK_SQL, number(_PIECE)))
    return [Click(*row) for row in rows]


def _find_owners(session: Session, link_ids: Iterable[str]) -> dict[str, str]:
    """Link id -> its partner."""
    return dict(session.rows(sql(_OWNERS, sorted(link_ids))))


def by_link_id(rows: Iterable[Row]) -> dict[str, LinkMetrics]:
    """Rows of a link id and figures."""
    return {link_id: LinkMetrics(*figures) for link_id, *figures in rows}


def _count_old(session: Session, known: Mapping[str, LinkMetrics], link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
    """The known figures of links, with the unique clicks as versions without marks counted them."""
    visitors: dict[str, int] = dict(session.rows(sql(_VISITORS_BEFORE_MARKS, list(link_ids))))
    return {
        link_id: structs.replace(known.get(link_id, NOTHING), unique_clicks=visitors.get(link_id, 0))
        for link_id in link_ids
    }


def visit(
    session: Session, clicks: Sequence[Click], keys: Mapping[str, int], window_us: int
) -> tuple[dict[int, Visit], set[str]]:
    """Returns for each visit the click that these clicks may repeat (possibly one of them), and the ids of the clicks
    that are the first of their visits.

    All nodes insert in the same order: the second one waits for the first, so there is no deadlock.
    """
    leading: dict[int, Click] = {}
    for click in clicks:
        leading.setdefault(keys[click.click_id], click)
    is_near = sql("abs(excluded.time - v.time) <= {}", number(window_us or -1))
    rows: list[Row] = []
    for source in _sources(session, [(key, leading[key].click_id, leading[key].time) for key in sorted(leading)]):
        rows += session.rows(sql(_VISIT, source, is_near, is_near))
    first = {leading[key].click_id for key, _, _, is_new in rows if is_new and not leading[key].is_bot}
    return {key: Visit(click_id, time) for key, click_id, time, _ in rows}, first


def _sources(session: Session, visits: Sequence[tuple[int, str, int]]) -> Iterator[Sql]:
    """The source of the visits to insert. Arrays keep the statement short. On Citus it is VALUES, which Citus sends
    straight to the shards; rows of a query would first be distributed over all shards."""
    if not session.dialect.is_spread:
        arrays = map(list, zip(*visits, strict=True))
        yield sql("SELECT * FROM unnest({}::BIGINT[], {}::TEXT[], {}::BIGINT[])", *arrays)
        return
    for start in range(0, len(visits), _VALUES):
        rows = [sql("({}::BIGINT, {}, {}::BIGINT)", *visit) for visit in visits[start : start + _VALUES]]
        yield sql("VALUES {}", join(", ", rows))


def _replace_visits(session: Session, visits: Mapping[int, Visit]) -> None:
    """Updates later visits of the same transaction, in rows that it has already locked."""
    if visits:
        columns = zip(*((visitor, *visit) for visitor, visit in visits.items()), strict=True)
        session.rows(sql(_REPLACE_VISITS, *map(list, columns)))


def _forget_visits(session: Session, clicks: Sequence[Click], gone: Sequence[Click]) -> None:
    """Removed clicks can no longer be repeated. The next clicks of the visits in `gone` are first clicks again."""
    visits = sorted(set(map(visit_key, clicks)))
    session.rows(sql(_FORGET_VISITS, visits, [click.click_id for click in clicks]))
    if gone:
        session.rows(sql("DELETE FROM link_visitors WHERE visitor = ANY({}::BIGINT[])", sorted(map(visit_key, gone))))


def _find_times(session: Session, end: str, bounds: Bounds) -> dict[str, int | None]:
    """Link id -> the first or last time of its clicks within bounds, without robots."""
    near = [(link_id, *bound) for link_id, bound in bounds.items() if bound is not None]
    time = f"SELECT {end}(c.time) FROM clicks c WHERE {IS_COUNTED} AND c.link_id = "
    found: dict[str, int | None] = {}
    if near:  # a few index rows per link
        asked = sql(_ASKED, *map(list, zip(*near, strict=True)))
        each = sql("SELECT g.link_id, ({} AND c.time BETWEEN g.low AND g.high) FROM {}", sql(f"{time}g.link_id"), asked)
        if session.dialect.is_spread:  # Citus cannot run this subquery on a distributed table
            each = sql(_ENDS_BY_JOIN, sql(end), asked)
            found = {link_id: None for link_id, *_ in near}
        found |= dict(session.rows(each))
    for link_id in bounds.keys() - found.keys():  # one by one: the planner must know how rare the link is
        found[link_id] = session.rows(sql(time + "{}", link_id))[0][0]
    return found


def fold_changes(session: Session) -> None:
    """Adds up the changes since the last run, unless another node is doing it."""
    if not session.rows(sql(f"SELECT pg_try_advisory_xact_lock({_FOLD_LOCK})"))[0][0]:
        return
    session.rows(sql(_FOLD))
