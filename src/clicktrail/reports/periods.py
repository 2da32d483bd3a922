"""The range of a report, and the range that it is compared with.

A range is `start` to before `end`, as instants. Ranges that are not over end now. Everything is counted on the local
clock of a zone: a local day, a month, "the same time a year earlier".
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from clicktrail.reports.buckets import Grain, WeekStart, next_period, start_of_period
from clicktrail.reports.zones import DAY, first_instant, instant, local_time, start_of_day

MAX_YEARS = 200
"""The longest range. Its clock changes are looked up one by one."""
BACK, AHEAD = 199 * 365 * DAY, 365 * DAY
"""How far `all` reaches from now, where clock changes or another range are looked up."""
_YEARS = range(3, 9990)
"""Ranges are within these years. The calendar has the years 1 to 9999: zones, buckets and comparisons need the rest."""


class Range(NamedTuple):
    """From `start` until before `end`."""

    start: int
    end: int


class Compare(StrEnum):
    """What a report is compared with."""

    PREVIOUS = "previous"
    YEAR = "year"


class Align(StrEnum):
    """How a year earlier is found: the same dates, or the same weekdays 52 weeks before."""

    DATE = "date"
    WEEKDAY = "weekday"


class Calendar(NamedTuple):
    """A period that begins with a calendar day: how long it is, and how many of them ago it began."""

    grain: Grain
    ago: int


CALENDAR: Mapping[str, Calendar] = {
    "today": Calendar(Grain.DAY, 0),
    "yesterday": Calendar(Grain.DAY, 1),
    "this_week": Calendar(Grain.WEEK, 0),
    "last_week": Calendar(Grain.WEEK, 1),
    "this_month": Calendar(Grain.MONTH, 0),
    "last_month": Calendar(Grain.MONTH, 1),
    "this_quarter": Calendar(Grain.QUARTER, 0),
    "this_year": Calendar(Grain.YEAR, 0),
}
ROLLING: Mapping[str, int] = {"7d": 7, "30d": 30, "90d": 90}
"""Periods of whole local days that end now: today is the last of them."""
HOURS_24, ALL = "24h", "all"
PERIODS = ("today", "yesterday", HOURS_24, *ROLLING, *(name for name in CALENDAR if name[:4] in ("this", "last")), ALL)
DEFAULT_PERIOD = "30d"


class Span(NamedTuple):
    """The range of a report with what a comparison has to know of it."""

    range: Range
    calendar: Calendar | None = None
    """Set for `this_month` and the like."""
    is_all: bool = False


def find_period(name: str, now: int, zone: tzinfo, week_start: WeekStart, known: Range) -> Span:
    """A named period. `known` is from the first click to after the last one; only `all` needs it."""
    today = local_time(now, zone).date()
    if name in CALENDAR:
        calendar = CALENDAR[name]
        begin = next_period(start_of_period(today, calendar.grain, week_start), calendar.grain, -calendar.ago)
        whole = Range(start_of_day(begin, zone), start_of_day(next_period(begin, calendar.grain), zone))
        return Span(Range(whole.start, min(whole.end, max(now, whole.start))), calendar)
    if name in ROLLING:
        return Span(Range(start_of_day(today - timedelta(days=ROLLING[name] - 1), zone), now))
    if name == HOURS_24:
        return Span(Range(now - DAY, now))
    return Span(known, is_all=True)


def compare_with(span: Span, compare: Compare, align: Align, zone: tzinfo) -> Range:
    """The range before. Raises ValueError for `all`, which has nothing before it, and beyond the calendar."""
    if span.is_all and compare is Compare.PREVIOUS:
        raise ValueError("cannot be previous with period=all, because nothing comes before it; allowed: year")
    try:
        found = _find_before(span, compare, align, zone)
    except OverflowError:
        raise _beyond() from None
    if any(local_time(us, UTC).year not in _YEARS for us in found):
        raise _beyond()
    return found


def _find_before(span: Span, compare: Compare, align: Align, zone: tzinfo) -> Range:
    if compare is Compare.YEAR:
        return _move(span.range, zone, _minus_52_weeks if align is Align.WEEKDAY else _minus_a_year)
    if span.calendar is not None:
        return _previous_period(span.range, span.calendar, zone)
    start, end = (local_time(us, zone).replace(tzinfo=None) for us in span.range)
    days = max(-((start - end) // timedelta(days=1)), 1)  # rounded up
    return _move(span.range, zone, lambda moment: moment - timedelta(days=days))


def _previous_period(current: Range, calendar: Calendar, zone: tzinfo) -> Range:
    """The calendar period before, cut at the same elapsed local time."""
    first = local_time(current.start, zone).date()
    before = next_period(first, calendar.grain, -1)
    whole = Range(start_of_day(before, zone), current.start)
    if current.end >= start_of_day(next_period(first, calendar.grain), zone):
        return whole
    elapsed = local_time(current.end, zone).replace(tzinfo=None) - _midnight(first)
    return Range(whole.start, min(first_instant(_midnight(before) + elapsed, zone), whole.end))


def _move(current: Range, zone: tzinfo, move: Callable[[datetime], datetime]) -> Range:
    """Both ends moved on the local clock."""
    start, end = (first_instant(move(local_time(us, zone).replace(tzinfo=None)), zone) for us in current)
    return Range(start, end)


def _minus_a_year(moment: datetime) -> datetime:
    """The same date a year earlier; 28 February for 29 February."""
    is_leap_day = (moment.month, moment.day) == (2, 29)
    return moment.replace(year=moment.year - 1, day=28 if is_leap_day else moment.day)


def _minus_52_weeks(moment: datetime) -> datetime:
    return moment - timedelta(weeks=52)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


Boundary = date | datetime
"""An end of a range: a whole local day, or an instant."""


def parse_boundary(text: str) -> Boundary:
    """A date, or a time with an offset. Raises ValueError."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(_offset("+", text.upper()))
    except ValueError:
        raise ValueError("is neither a date such as 2026-01-31 nor a time such as 2026-01-31T12:00:00+00:00") from None
    if moment.tzinfo is None:
        raise ValueError("is a time without an offset; write 2026-01-31T12:00:00+00:00, or a date alone")
    return moment


_offset = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}\Z)").sub
"""Replaces a space before an offset: a `+` that was not percent-encoded arrives as a space."""


def begin_of(boundary: Boundary, zone: tzinfo) -> int:
    """The start of a range. Raises ValueError for a year that ranges cannot have."""
    if boundary.year not in _YEARS:
        raise _beyond()
    return instant(boundary) if isinstance(boundary, datetime) else start_of_day(boundary, zone)


def end_of(boundary: Boundary, zone: tzinfo) -> int:
    """The end of a range: a date is included whole. Raises as `begin_of`."""
    if isinstance(boundary, datetime) or boundary.year not in _YEARS:
        return begin_of(boundary, zone)
    return start_of_day(boundary + timedelta(days=1), zone)


def _beyond() -> ValueError:
    return ValueError(f"reaches beyond the years {_YEARS[0]} to {_YEARS[-1]}")


def cut(found: Range, now: int) -> Range:
    """The part of a range that is so near to a moment that its clock changes can be looked up."""
    return Range(max(found.start, now - BACK), min(found.end, now + AHEAD))
