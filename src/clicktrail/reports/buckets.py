"""The buckets of a report by time: where each begins, and how an engine finds the bucket of a click by arithmetic.

A clock change makes a day of 23 or 25 hours. An hour that the clock shows twice is two buckets with different offsets.
A local day that a zone left out (Pacific/Apia had no 30 December 2011) is no bucket.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from clicktrail.reports.zones import DAY, HOUR, MINUTE, local_time, offset_spans, start_of_day

MAX_BUCKETS = 10_000


class Grain(StrEnum):
    """The size of a bucket, from the finest to the coarsest."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class WeekStart(StrEnum):
    """The first day of a week."""

    MONDAY = "monday"
    SUNDAY = "sunday"
    SATURDAY = "saturday"


_FIRST_DAYS = {WeekStart.MONDAY: 0, WeekStart.SATURDAY: 5, WeekStart.SUNDAY: 6}
_MONTHS = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
_CLOCK = frozenset({Grain.MINUTE, Grain.HOUR})
"""Grains below a day."""
_SHORTEST = {
    Grain.MINUTE: MINUTE,
    Grain.HOUR: HOUR,
    Grain.DAY: DAY,
    Grain.WEEK: 7 * DAY,
    Grain.MONTH: 28 * DAY,
    Grain.QUARTER: 90 * DAY,
    Grain.YEAR: 365 * DAY,
}


class Run(NamedTuple):
    """Buckets in a row that are all `width` long: the first has the number `first` and begins at `start`."""

    start: int
    width: int
    first: int


def choose_grain(start: int, end: int) -> Grain:
    """The grain of a range for which none was asked: about 7 to 180 buckets (reports, "Parameters")."""
    if end - start <= 2 * DAY + HOUR:  # two local days may have 49 hours
        return Grain.HOUR
    return Grain.DAY if end - start <= 180 * DAY + HOUR else Grain.MONTH


def finest_grain(start: int, end: int) -> Grain:
    """The finest grain that divides a range into no more than `MAX_BUCKETS`."""
    return next((grain for grain in Grain if not has_too_many(start, end, grain)), Grain.YEAR)


def has_too_many(start: int, end: int, grain: Grain) -> bool:
    """Whether a range may have more than `MAX_BUCKETS` of this grain, by its length alone."""
    return end - start > (MAX_BUCKETS - 1) * _SHORTEST[grain]


def start_of_period(day: date, grain: Grain, week_start: WeekStart = WeekStart.MONDAY) -> date:
    """The first local day of the week, month, quarter or year in which a day lies."""
    if grain is Grain.WEEK:
        return day - timedelta(days=(day.weekday() - _FIRST_DAYS[week_start]) % 7)
    months = _MONTHS.get(grain)
    return day if months is None else date(day.year, (day.month - 1) // months * months + 1, 1)


def next_period(first: date, grain: Grain, count: int = 1) -> date:
    """The first local day of the period that comes `count` periods after the one that begins with `first`."""
    months = _MONTHS.get(grain)
    if months is None:
        return first + timedelta(days=count * (7 if grain is Grain.WEEK else 1))
    month = first.year * 12 + first.month - 1 + count * months
    return date(month // 12, month % 12 + 1, 1)


def make_buckets(
    start: int, end: int, grain: Grain, zone: tzinfo, week_start: WeekStart = WeekStart.MONDAY
) -> list[int]:
    """The starts of all buckets that have a part in the range; the first may begin before the range does."""
    if start >= end:
        return []
    if grain in _CLOCK:
        return list(_clock_steps(start, end, zone, _SHORTEST[grain]))
    found: list[int] = []
    first = start_of_period(local_time(start, zone).date(), grain, week_start)
    while (begin := start_of_day(first, zone)) < end:
        if found and begin <= found[-1]:  # the local day before was left out by the zone
            found.pop()
        found.append(begin)
        first = next_period(first, grain)
    while len(found) > 1 and found[1] <= start:
        del found[0]
    return found


def end_of_bucket(start: int, grain: Grain, zone: tzinfo, week_start: WeekStart = WeekStart.MONDAY) -> int:
    """Where the bucket that begins at `start` ends."""
    return make_buckets(start, start + 3 * _SHORTEST[grain], grain, zone, week_start)[1]


def _clock_steps(start: int, end: int, zone: tzinfo, step: int) -> Iterator[int]:
    """Local hours and minutes begin where the clock shows a full one, and where the offset changes."""
    for span in offset_spans(start - 2 * step, end, zone):  # so the one that has begun at `start` is found whole
        full = (span.start + span.offset) // step * step - span.offset
        for begin in range(full, span.end, step):
            if min(begin + step, span.end) > start:
                yield max(begin, span.start)


def find_runs(starts: Sequence[int], end: int) -> list[Run]:
    """Bucket starts as runs of equal widths: the number of a bucket is then a division. `end` ends the last one."""
    runs: list[Run] = []
    for number, (begin, following) in enumerate(pairwise([*starts, max(end, starts[-1] + 1)] if starts else [])):
        width = following - begin
        if not runs or runs[-1].width != width:
            is_last = number == len(starts) - 1
            if is_last and runs and width < runs[-1].width:  # the last bucket is cut, and no click lies behind the cut
                continue
            runs.append(Run(begin, width, number))
    return runs
