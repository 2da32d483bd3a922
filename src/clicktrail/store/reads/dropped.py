"""Counts of time of which the retention has dropped clicks are refused, because they would be too low."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.query.reports import Report
from clicktrail.reports.dimensions import Grouping
from clicktrail.reports.periods import Range
from clicktrail.reports.question import Question, Ranges
from clicktrail.reports.zones import local_time
from clicktrail.store.session.dropped import find_raw_from
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql

_KEPT_WITH_REGISTRATIONS = frozenset({"time", "hourOfDay", "dayOfWeek", "partner", "link", "tag"})
"""The dimensions of a registration that are known without its click."""
_LOST = (
    "SELECT 1 FROM attributions r WHERE r.time >= {} AND r.time < {} AND r.click_id IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM clicks k WHERE k.click_id = r.click_id) LIMIT 1"
)
"""Registrations of a range whose clicks were dropped. Every other delete clears `click_id`."""
_NEEDS = (
    "Some registrations of this range belong to older clicks, so registered can be grouped only by "
    "time, partner, link or tag, and without filters."
)


def refuse_dropped(question: Question, ranges: Ranges, raw_from: int) -> None:
    """Raises Conflict if a range begins before `raw_from`."""
    begin = "period" if question.span is None else "from"
    other = "compare_from" if isinstance(question.compare, Range) else "compare"
    allowed = _render(raw_from, question.zone).removesuffix("T00:00:00+00:00")
    mistakes = [
        Mistake(f"begins earlier; ask with {own}={allowed} or later, and its end", parameter=parameter)
        for parameter, own, found in ((begin, "from", ranges.current), (other, "compare_from", ranges.before))
        if found is not None and found.start < raw_from
    ]
    if mistakes:
        raise _refusal("", raw_from, question.zone, mistakes)


def refuse_lost_registrations(session: Session, report: Report, ranges: Ranges, raw_from: int) -> None:
    """Raises Conflict if registrations of a range lack what the report needs to know of their clicks."""
    question = report.question
    if not report.conditions and _needs_no_click(question.groupings):
        return
    for found in (ranges.current, ranges.before):
        if found is not None and _has_lost(session, found):
            raise _refusal(_NEEDS, raw_from, question.zone)


def refuse_dropped_robots(session: Session, link_id: str) -> None:
    """Raises Conflict if the retention may have dropped clicks of the link: their robots are not counted any more."""
    raw_from = find_raw_from(session)
    if raw_from is None:
        return
    is_older = created_s(link_id) * SECOND < raw_from
    if is_older or session.rows(sql("SELECT 1 FROM dropped_figures WHERE link_id = {} LIMIT 1", link_id)):
        raise _refusal("Figures without robots have no gap: ask without bots.", raw_from, UTC)


def _needs_no_click(groupings: Sequence[Grouping]) -> bool:
    return all(grouping.dimension.name in _KEPT_WITH_REGISTRATIONS for grouping in groupings)


def _has_lost(session: Session, found: Range) -> bool:
    return bool(session.rows(sql(_LOST, *found)))


def _refusal(reason: str, raw_from: int, zone: tzinfo, mistakes: Sequence[Mistake] = ()) -> Conflict:
    kept = f"Clicks are kept since {_render(raw_from, zone)} (rawFrom); older ones were dropped by the retention."
    return Conflict(f"{kept} {reason}".rstrip(), tuple(mistakes))


def _render(us: int, zone: tzinfo) -> str:
    return local_time(us, zone).isoformat()
