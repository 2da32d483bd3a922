"""Which reports daily totals can answer, and for which days (ADR 43).

A table of totals has the counts of each UTC day by one dimension, or by a link and its partner. A report that needs no
more takes whole days from it and counts only the clicks at the edges of its range.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

from clicktrail.reports.dimensions import TIME, Grouping
from clicktrail.reports.periods import Range
from clicktrail.reports.zones import DAY, offset_spans

TABLES: Mapping[str, tuple[str, ...]] = {
    "daily_countries": ("country_code",),
    "daily_campaigns": ("utm_campaign",),
    "daily_partners": ("partner_id",),
    "daily_links": ("link_id", "partner_id"),
}
"""Table -> the columns of clicks that it tells apart. The smallest table comes first."""
COUNTS = ("clicks", "unique_clicks", "bots", "duplicates", "prefetches", "data_centre_clicks", "registrations")
"""The parts of metrics that totals have."""
_ANSWERED = frozenset({*COUNTS, "all_clicks", "registered"})
"""`all_clicks` is a sum of two of them; `registered` is counted from registrations in any case."""


class Split(NamedTuple):
    """A range in two kinds of pieces."""

    table: str
    days: Range
    """Whole UTC days, answered by the table."""
    edges: tuple[Range, ...]
    """What is left of the range: its clicks are counted."""


def choose_totals(
    *,
    parts: Collection[str],
    groupings: Sequence[Grouping],
    filtered: Collection[str],
    found: Range,
    zone: tzinfo,
    starts: Sequence[int],
) -> Split | None:
    """How totals answer a report; None if its clicks must be counted.

    `filtered`: the columns of clicks by which filters, and what the viewer may see, choose clicks. `starts`: the
    buckets of the range, if time is a dimension.
    """
    days = Range(-(-found.start // DAY) * DAY, found.end // DAY * DAY)
    needed = {*filtered, *(each.dimension.column for each in groupings if each.dimension.column)}
    table = next((name for name, columns in TABLES.items() if needed <= {*columns}), None)
    if table is None or days.start >= days.end or not _ANSWERED.issuperset(parts):
        return None
    clocks = [each.dimension.name for each in groupings if not each.dimension.column]
    if not all(_has_whole_days(name, days, zone, starts) for name in clocks):
        return None
    edges = Range(found.start, days.start), Range(days.end, found.end)
    return Split(table, days, tuple(edge for edge in edges if edge.start < edge.end))


def _has_whole_days(name: str, days: Range, zone: tzinfo, starts: Sequence[int]) -> bool:
    """Whether all clicks of a UTC day have the same value of a dimension that is computed."""
    if name == TIME:
        return not any(start % DAY for start in starts if days.start < start < days.end)
    return name == "dayOfWeek" and not any(span.offset for span in offset_spans(*days, zone))
