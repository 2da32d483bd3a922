"""Answers a report: rows, total, `other` and the comparison, all on one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from clicktrail.errors import MalformedRequest, Mistake
from clicktrail.model.access import Viewer
from clicktrail.query.fields import BANNER, LINK, PROFILE, SITE, Resource
from clicktrail.query.reports import Report
from clicktrail.reports.answer import Answer, Group, Key
from clicktrail.reports.dimensions import DELAY, DELAYS, TIME
from clicktrail.reports.hiding import find_hidden
from clicktrail.reports.metrics import METRICS, Parts
from clicktrail.reports.periods import ALL, Range
from clicktrail.reports.question import Question, Ranges, find_ranges
from clicktrail.store.reads.as_of import check_as_of
from clicktrail.store.reads.dropped import refuse_dropped, refuse_lost_registrations
from clicktrail.store.reads.report_asking import Asking
from clicktrail.store.reads.report_groups import (
    Counting,
    Groups,
    count_all,
    count_page,
    count_rest,
    count_same,
)
from clicktrail.store.reads.report_sql import (
    REGISTERED,
)
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.dropped import find_raw_from
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import join, sql


class Most(NamedTuple):
    """The largest report that is made without a limit: it is in memory, a row takes about 1 KB."""

    rows: int
    characters: int
    """Of the values of all dimensions of all rows."""


MOST = Most(10_000, 8_000_000)
MOST_IN_FILE = Most(100_000, 32_000_000)
_NAMES: Mapping[str, tuple[Resource, tuple[str, ...]]] = {
    "partner": (PROFILE, ("name",)),
    "link": (LINK, ("code", "name")),
    "banner": (BANNER, ("banner_name",)),
    "site": (SITE, ("name",)),
}
"""Dimension -> the resource that names its values, and the columns of names."""


def run_report(session: Session, viewer: Viewer, report: Report, least: int = 0) -> Answer:
    """Rows with fewer than `least` clicks are hidden. Raises MalformedRequest, Forbidden for filters by what is masked,
    and Conflict where clicks were dropped."""
    question, asking = report.question, Asking(session, viewer, report, least)
    check_as_of(session, question.known_at)
    now, raw_from = question.as_of or question.known_at or session.clock.now_us(), find_raw_from(session)
    known = asking.known(viewer, now, raw_from) if question.period == ALL else Range(now, now)
    ranges = find_ranges(question, now, known)
    if raw_from is not None:
        _refuse_lost(session, report, ranges, asking.list_lacking(ranges, raw_from), raw_from)
    left_out = asking.count_outside(ranges.current) if question.period == ALL and ranges.current != known else 0
    if left_out and report.kind:
        raise _incomplete(left_out)
    counting, counting_before = asking.counting(ranges.current, ranges.starts), None
    if ranges.before is not None:
        counting_before = asking.counting(ranges.before, ranges.starts_before)
    if least and question.groupings:
        found, hidden = _count_shown(session, counting, counting_before, question, ranges, least)
    else:
        found, hidden = _count(session, counting, question, ranges, MOST_IN_FILE if report.kind else MOST), 0
    before, rest_before = None, None
    if counting_before is not None:
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
        hidden=hidden,
        names=_find_names(session, viewer, question, found),
        raw_from=raw_from,
        left_out=left_out,
        bare=asking.count_bare(viewer, ranges.current),
    )


def _refuse_lost(session: Session, report: Report, ranges: Ranges, lacking: Ranges, raw_from: int) -> None:
    """Raises Conflict where clicks or registrations of the ranges were dropped. `lacking`: the ranges that totals
    cannot answer."""
    refuse_dropped(report.question, lacking, raw_from)
    if any(REGISTERED in metric.parts for metric in report.question.metrics):
        refuse_lost_registrations(session, report, ranges, raw_from)


def _incomplete(left_out: int) -> MalformedRequest:
    """A file has no place to name its missing rows."""
    detail = f"does not reach {left_out} clicks of another century; write from and to, or filter[clickStartTime]"
    return MalformedRequest("The file would lack clicks.", (Mistake(detail, parameter="period"),))


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


def _count_shown(
    session: Session,
    counting: Counting,
    counting_before: Counting | None,
    question: Question,
    ranges: Ranges,
    least: int,
) -> tuple[Groups, int]:
    """The rows that may be seen, and how many others are hidden: all groups are looked at."""
    most = MOST_IN_FILE
    found = count_all(session, counting, most.rows + 1, most.characters)
    earlier: Mapping[Key, Parts] = {}
    if counting_before is not None:
        earlier = dict(count_same(session, counting_before, [key for key, _ in found.rows]).rows)
    hidden = find_hidden(found.rows, earlier, least)
    is_filled = question.by_time and (question.limit is None or len(question.groupings) == 1)
    rows = _fill(found, question, ranges, counting.parts, most) if is_filled else _refuse_more(found, most).rows
    shown = _sort([row for row in rows if row[0] not in hidden], question)
    end = None if question.limit is None else question.offset + question.limit
    return Groups(rows=shown[question.offset : end], total=found.total, number=len(shown)), len(hidden)


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
    """Id -> names. Hidden objects have none, as in lists: a link may now belong to another partner."""
    resource, columns = _NAMES[name]
    table = TABLES[resource.name]
    key, shown = table.column(resource.id_field.column), join(", ", [table.column(column) for column in columns])
    where = sql("{} IN (SELECT unnest({}::VARCHAR[])) AND {}", key, list(values), visible(table, viewer))
    rows = session.rows(sql("SELECT {}, {} FROM {} WHERE {}", key, shown, table.source, where))
    return {row[0]: row[1:] for row in rows}
