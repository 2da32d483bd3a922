"""A report as statements: its filters, ranges and dimensions, for one range after the other."""

from collections.abc import Sequence
from dataclasses import replace

from clicktrail.model.access import Viewer
from clicktrail.query.fields import CLICK
from clicktrail.query.questions import ListQuery
from clicktrail.query.reports import Report
from clicktrail.reports.dimensions import Grouping
from clicktrail.reports.hiding import SIZE
from clicktrail.reports.periods import Range
from clicktrail.reports.question import Ranges
from clicktrail.reports.totals import Split, choose_totals
from clicktrail.store.reads.as_of import sources_at
from clicktrail.store.reads.records import refuse_secrets
from clicktrail.store.reads.report_groups import (
    Arm,
    Counting,
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
from clicktrail.store.session.dropped import find_totals_from
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import and_, join, named, sql
from clicktrail.store.session.totals import has_totals

_PIECES = 24
"""Pieces of a range in which PostgreSQL counts visitors. It plans each of them with all months."""


class Asking:
    """A report and its filters as SQL, for one range after the other."""

    def __init__(self, session: Session, viewer: Viewer, report: Report, least: int) -> None:
        self._question = report.question
        self._more = (SIZE,) if least else ()
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
        """The ranges without ranges that need no dropped click: daily totals have the days of which clicks lack."""
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
        """The clicks of a range that were deleted since: only filters of bare facts find them."""
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
        asked = (name for metric in question.metrics for name in metric.parts)
        parts = tuple(dict.fromkeys((*asked, *self._more)))
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
