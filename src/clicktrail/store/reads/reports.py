"""Answers a report: rows, total, `other` and the comparison, all on one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

from clicktrail.errors import MalformedRequest, Mistake
from clicktrail.model.access import Viewer
from clicktrail.query.fields import BANNER, CLICK, LINK, PROFILE, SITE, Resource
from clicktrail.query.questions import ListQuery
from clicktrail.query.reports import Report
from clicktrail.reports.answer import Answer, Group, Key
from clicktrail.reports.dimensions import DELAY, DELAYS, TIME, Grouping
from clicktrail.reports.metrics import METRICS, Parts
from clicktrail.reports.periods import ALL, Range
from clicktrail.reports.question import Question, Ranges, find_ranges
from clicktrail.reports.totals import Split, choose_totals
from clicktrail.store.reads.as_of import check_as_of, sources_at
from clicktrail.store.reads.dropped import refuse_dropped, refuse_lost_registrations
from clicktrail.store.reads.records import refuse_secrets
from clicktrail.store.reads.report_groups import (
    Arm,
    Counting,
    Groups,
    count_all,
    count_page,
    count_rest,
    count_same,
)
from clicktrail.store.reads.report_sql import (
    DISTINCT,
    REGISTERED,
    Clock,
    clicks_of,
    columns_of,
    dimension,
    parts_of_clicks,
    parts_of_registrations,
    parts_of_totals,
    pieces_of,
    registrations_of,
    totals_of,
)
from clicktrail.store.reads.resolve import resolve
from clicktrail.store.reads.statements import where_clause
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.dropped import find_raw_from, find_totals_from
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import and_, join, named, sql
from clicktrail.store.session.totals import has_totals


class Most(NamedTuple):
    """The largest report that is made without a limit: it is in memory, a row takes about 1 KB."""

    rows: int
    characters: int
    """Of the values of all dimensions of all rows."""


_PIECES = 24
"""Pieces of a range in which PostgreSQL counts visitors. It plans each of them with all months."""
MOST = Most(10_000, 8_000_000)
MOST_IN_FILE = Most(100_000, 32_000_000)
_NAMES: Mapping[str, tuple[Resource, tuple[str, ...]]] = {
    "partner": (PROFILE, ("name",)),
    "link": (LINK, ("code", "name")),
    "banner": (BANNER, ("banner_name",)),
    "site": (SITE, ("name",)),
}
"""Dimension -> the resource that names its values, and the columns of names."""


def run_report(session: Session, viewer: Viewer, report: Report) -> Answer:
    """Raises MalformedRequest, Forbidden for filters by what is masked, and Conflict where clicks were dropped."""
    question, asking = report.question, _Asking(session, viewer, report)
    check_as_of(session, question.known_at)
    now, raw_from = question.as_of or question.known_at or session.clock.now_us(), find_raw_from(session)
    known = asking.known(viewer, now, raw_from) if question.period == ALL else Range(now, now)
    ranges = find_ranges(question, now, known)
    if raw_from is not None:
        refuse_dropped(question, asking.list_lacking(ranges, raw_from), raw_from)
        if any(REGISTERED in metric.parts for metric in question.metrics):
            refuse_lost_registrations(session, report, ranges, raw_from)
    left_out = asking.count_outside(ranges.current) if question.period == ALL and ranges.current != known else 0
    if left_out and report.kind:
        raise _incomplete(left_out)
    counting = asking.counting(ranges.current, ranges.starts)
    found = _count(session, counting, question, ranges, MOST_IN_FILE if report.kind else MOST)
    before, rest_before = None, None
    if ranges.before is not None:
        counting_before = asking.counting(ranges.before, ranges.starts_before)
        before = count_same(session, counting_before, [key for key, _ in found.rows])
        if question.wants_other:
            rest_before = count_rest(session, counting_before, before)
    other = Group(now=count_rest(session, counting, found), before=rest_before) if question.wants_other else None
    return Answer(
        ranges=ranges,
        as_of=now,
        rows=list(_pair(found, before, counting.parts)),
        total=Group(now=found.total, before=None if before is None else before.total),
        other=other,
        groups=found.number,
        names=_find_names(session, viewer, question, found),
        raw_from=raw_from,
        left_out=left_out,
        bare=asking.count_bare(viewer, ranges.current),
    )


def _incomplete(left_out: int) -> MalformedRequest:
    """A file has no place that says what it lacks."""
    detail = f"does not reach {left_out} clicks of another century; write from and to, or filter[clickStartTime]"
    return MalformedRequest("The file would lack clicks.", (Mistake(detail, parameter="period"),))


class _Asking:
    """A report and its filters as SQL, for one range after the other."""

    def __init__(self, session: Session, viewer: Viewer, report: Report) -> None:
        self._question = report.question
        self._session = session
        query = ListQuery(CLICK, CLICK.sorts["time"], report.conditions)
        refuse_secrets(query, viewer)
        query = resolve(session, viewer, query)
        self._where = where_clause(query, TABLES[CLICK.name], viewer, session.dialect)
        self._sources = sources_at(self._question.known_at)

    def count_outside(self, found: Range) -> int:
        """The clicks that pass the filters and are not in a range, robots included."""
        outside = sql(
            "SELECT count(*) FROM {} c WHERE (c.time < {} OR c.time >= {}) AND {}",
            *(self._sources.clicks, *found, self._where),
        )
        return int(self._session.rows(outside)[0][0])

    def list_lacking(self, ranges: Ranges, raw_from: int) -> Ranges:
        """The ranges without those that need no dropped click: daily totals have the days of which clicks lack."""
        since, groupings = find_totals_from(self._session), self._question.groupings
        parts = [name for metric in self._question.metrics for name in metric.parts]

        def is_kept(found: Range, starts: Sequence[int]) -> bool:
            split = self._split(found, starts, groupings, parts) if found.start < raw_from else None
            if split is None or since is None:
                return found.start >= raw_from
            return found.start >= since and all(edge.start >= raw_from for edge in split.edges)

        is_before_kept = ranges.before is None or is_kept(ranges.before, ranges.starts_before)
        current = Range(raw_from, raw_from) if is_kept(ranges.current, ranges.starts) else ranges.current
        return replace(ranges, current=current, before=None if is_before_kept else ranges.before)

    def _split(
        self, found: Range, starts: Sequence[int], groupings: Sequence[Grouping], parts: Sequence[str]
    ) -> Split | None:
        """How daily totals answer; None if they cannot."""
        if not has_totals(self._session.dialect) or self._question.known_at is not None:
            return None
        return choose_totals(
            parts=parts,
            groupings=groupings,
            filtered=columns_of(self._where),
            found=found,
            zone=self._question.zone,
            starts=starts,
        )

    def count_bare(self, viewer: Viewer, found: Range) -> int:
        """The clicks of a range that were deleted since: other filters than those of bare facts do not find them."""
        if self._question.known_at is None:
            return 0
        its = and_(sql("c.is_bare AND c.time >= {} AND c.time < {}", *found), visible(TABLES[CLICK.name], viewer))
        return int(self._session.rows(sql("SELECT count(*) FROM {} c WHERE {}", self._sources.clicks, its))[0][0])

    def known(self, viewer: Viewer, now: int, raw_from: int | None) -> Range:
        """From the first click that the viewer sees to after the last one, which may be ahead of the clock. Where
        clicks were dropped, it begins with the first day that has totals."""
        seen, session = visible(TABLES[CLICK.name], viewer), self._session
        found = sql("SELECT min(c.time), max(c.time) FROM {} c WHERE {}", self._sources.clicks, seen)
        [[first, last]] = session.rows(found)
        totals_from = find_totals_from(session)
        if raw_from is not None and totals_from is not None:
            day = "SELECT min(c.day) FROM {} c WHERE {}"
            both = (sql(day, named(table), seen) for table in ("daily_links", "daily_changes"))
            dropped = list_values(session, join(" UNION ALL ", both))
            first = min((each for each in (first, *dropped) if each is not None), default=None)
            last = max(raw_from, last or raw_from)
        if first is None:
            return Range(now, now)
        start = min(first, now)
        if raw_from is not None:
            start = max(start, raw_from if totals_from is None else totals_from)
        return Range(start, max(last + 1, now, start))

    def counting(self, found: Range, starts: Sequence[int]) -> Counting:
        groupings = self._question.groupings
        overlaps = any(grouping.dimension.overlaps for grouping in groupings)
        whole = self._make(found, starts, ()) if overlaps else None
        return self._make(found, starts, groupings, whole)

    def _make(
        self, found: Range, starts: Sequence[int], groupings: Sequence[Grouping], whole: Counting | None = None
    ) -> Counting:
        question = self._question
        parts = tuple(dict.fromkeys(name for metric in question.metrics for name in metric.parts))
        apart = () if groupings else tuple(name for name in parts if name in DISTINCT)
        parts = tuple(name for name in parts if name not in apart)
        clock = Clock(range=found, zone=question.zone, starts=starts)
        dimensions = tuple(dimension(each, clock) for each in groupings)
        ranges = (found, *pieces_of(found, 1 if self._session.dialect.is_owned else _PIECES))
        clicks, *pieces = (clicks_of(each, groupings, (*parts, *apart), self._where, self._sources) for each in ranges)
        arms = self._from_totals(clock, groupings, parts) or [Arm(dimensions, parts_of_clicks(parts), clicks)]
        if REGISTERED in parts:
            happened = tuple(dimension(each, clock, "c.registered_at") for each in groupings)
            registrations = registrations_of(found, groupings, self._where, self._sources)
            arms.append(Arm(happened, parts_of_registrations(parts), registrations))
        return Counting(
            parts=parts,
            apart=apart,
            dimensions=dimensions,
            clicks=clicks,
            pieces=tuple(pieces),
            arms=tuple(arms),
            whole=whole,
        )

    def _from_totals(self, clock: Clock, groupings: Sequence[Grouping], parts: Sequence[str]) -> list[Arm]:
        """Daily totals, and the clicks that they lack; empty if totals cannot answer."""
        split = self._split(clock.range, clock.starts, groupings, parts)
        if split is None:
            return []
        clicks = [clicks_of(edge, groupings, parts, self._where) for edge in split.edges]
        if self._session.dialect.is_owned:
            new = and_(self._where, sql("c.is_totalled IS NULL"))
            clicks.append(clicks_of(split.days, groupings, parts, new))
        exact = tuple(dimension(each, clock) for each in groupings)
        whole = tuple(dimension(each, clock, "c.day") for each in groupings)
        totals = (totals_of(table, split.days, self._where) for table in (split.table, "daily_changes"))
        return [
            *(Arm(whole, parts_of_totals(parts), source) for source in totals),
            *(Arm(exact, parts_of_clicks(parts), source) for source in clicks),
        ]


def _count(session: Session, counting: Counting, question: Question, ranges: Ranges, most: Most) -> Groups:
    """The rows. Where time is a dimension, buckets without clicks are rows too, if all rows are asked for."""
    if not question.by_time or (question.limit is not None and len(question.groupings) > 1):
        if question.limit is not None:
            return count_page(session, counting, question, question.limit)
        found = count_page(session, counting, question, most.rows + 1, most.characters)
        return _refuse_more(found, most, question.offset)
    found = count_all(session, counting, most.rows + 1, most.characters)
    rows = _sort(_fill(found, question, ranges, counting.parts, most), question)
    start, end = question.offset, None if question.limit is None else question.offset + question.limit
    return Groups(rows=rows[start:end], total=found.total, number=len(rows))


def _refuse_more(found: Groups, most: Most, offset: int = 0) -> Groups:
    if found.number > most.rows:
        detail = f"is required, because the report has more than {most.rows} rows; or group by less"
        raise MalformedRequest("The report has too many rows.", (Mistake(detail, parameter="limit"),))
    if len(found.rows) < found.number - offset:
        raise _too_long(most)
    return found


def _too_long(most: Most) -> MalformedRequest:
    detail = (
        f"gives rows with more than {most.characters} characters; group by less, or narrow the range or the filters"
    )
    return MalformedRequest("The report is too long.", (Mistake(detail, parameter="group_by"),))


def _fill(
    found: Groups, question: Question, ranges: Ranges, parts: Sequence[str], most: Most
) -> list[tuple[Key, Parts]]:
    """The groups, and one without clicks for each other bucket of each combination of the other dimensions."""
    place = [each.dimension.name for each in question.groupings].index(TIME)
    rows = dict(_refuse_more(found, most).rows)
    others = dict.fromkeys((key[:place], key[place + 1 :]) for key in rows) or {((), ()): None}
    if len(question.groupings) > 1 and not rows:
        return []
    if len(ranges.starts) * len(others) > most.rows:
        detail = (
            f"or a coarser grain is required, because there are more than {most.rows} rows with those without clicks"
        )
        raise MalformedRequest("The report has too many rows.", (Mistake(detail, parameter="limit"),))
    texts = [value for key in others for values in key for value in values if isinstance(value, str)]
    if len(ranges.starts) * sum(map(len, texts)) > most.characters:
        raise _too_long(most)
    nothing = dict.fromkeys(parts)
    keys = ((*before, bucket, *after) for bucket, (before, after) in product(range(len(ranges.starts)), others))
    return [(key, rows.get(key, nothing)) for key in keys]


def _sort(rows: Sequence[tuple[Key, Parts]], question: Question) -> list[tuple[Key, Parts]]:
    """The order in which `report_groups` sorts: by the metric or dimension, nulls last, then by all dimensions."""
    metric, names = METRICS.get(question.sort), [grouping.name for grouping in question.groupings]
    delays = list(DELAYS)

    def value_of(row: tuple[Key, Parts]) -> Any:
        return place_of(row[0])[names.index(question.sort)] if metric is None else metric.sort_value(row[1])

    def place_of(key: Key) -> list[Any]:
        return [
            delays.index(value) if name == DELAY and value is not None else value
            for name, value in zip(names, key, strict=True)
        ]

    ordered = sorted(rows, key=lambda row: [(value is None, value or 0) for value in place_of(row[0])])
    valued = [row for row in ordered if value_of(row) is not None]
    valued.sort(key=value_of, reverse=question.is_descending)
    return valued + [row for row in ordered if value_of(row) is None]


def _pair(found: Groups, before: Groups | None, parts: Sequence[str]) -> Iterator[Group]:
    """Each row with the same group of the range before."""
    earlier, nothing = {} if before is None else dict(before.rows), dict.fromkeys(parts)
    for key, now in found.rows:
        yield Group(key=key, now=now, before=None if before is None else earlier.get(key, nothing))


def _find_names(
    session: Session, viewer: Viewer, question: Question, found: Groups
) -> dict[str, dict[str, tuple[str | None, ...]]]:
    """The names of partners, links, banners and sites among the rows: one statement for each dimension."""
    names: dict[str, dict[str, tuple[str | None, ...]]] = {}
    for place, grouping in enumerate(question.groupings):
        if grouping.dimension.name in _NAMES:
            values = sorted({key[place] for key, _ in found.rows} - {None})
            names[grouping.dimension.name] = _read_names(session, viewer, grouping.dimension.name, values)
    return names


def _read_names(
    session: Session, viewer: Viewer, name: str, values: Sequence[str]
) -> dict[str, tuple[str | None, ...]]:
    """Id -> names. What the viewer does not see has none, as in lists: a link may have gone to another partner."""
    resource, columns = _NAMES[name]
    table = TABLES[resource.name]
    key, shown = table.column(resource.id_field.column), join(", ", [table.column(column) for column in columns])
    where = sql("{} IN (SELECT unnest({}::VARCHAR[])) AND {}", key, list(values), visible(table, viewer))
    rows = session.rows(sql("SELECT {}, {} FROM {} WHERE {}", key, shown, table.source, where))
    return {row[0]: row[1:] for row in rows}
