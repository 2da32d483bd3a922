"""Local time as instants: when a day begins in a zone, and which offset holds when.

Instants are integers of microseconds since 1970-01-01 UTC. Only `zoneinfo` is asked; engines get the results as
numbers, so both give the same answers whatever time zone data they have.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_STEP = 3 * DAY
"""Offsets are looked at this often; no zone has changed its offset and changed it back within three days."""


class Span(NamedTuple):
    """A time in which a zone has one offset: from `start` until before `end`."""

    start: int
    end: int
    offset: int


def local_time(us: int, zone: tzinfo) -> datetime:
    """What a clock in the zone shows, with its offset."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(zone)


def instant(moment: datetime) -> int:
    """A time with an offset or a zone as an instant."""
    return (moment - EPOCH) // MICROSECOND


def offset_at(us: int, zone: tzinfo) -> int:
    """The zone's offset from UTC, in microseconds."""
    offset = local_time(us, zone).utcoffset()
    return offset // MICROSECOND if offset is not None else 0


def first_instant(moment: datetime, zone: tzinfo) -> int:
    """The first instant at which a clock in the zone shows this time or a later one.

    A time that the clock shows twice is the first of the two. One that it skips is the instant of the change.
    """
    early = instant(moment.replace(tzinfo=zone, fold=0))
    if local_time(early, zone).replace(tzinfo=None) == moment.replace(tzinfo=None):
        return early
    # A skipped time: read with the offset before the change it lies after the change, and the other way round.
    late = instant(moment.replace(tzinfo=zone, fold=1))
    return _find_change(min(early, late) - 1, max(early, late), zone)


def start_of_day(day: date, zone: tzinfo) -> int:
    """The first instant of a local day."""
    return first_instant(datetime(day.year, day.month, day.day), zone)


def offset_spans(start: int, end: int, zone: tzinfo) -> list[Span]:
    """The time from `start` until before `end`, in pieces of one offset each."""
    spans, begin, offset = [], start, offset_at(start, zone)
    for change, changed in _changes(start, end, zone):
        spans.append(Span(begin, change, offset))
        begin, offset = change, changed
    return [*spans, Span(begin, end, offset)]


def _changes(start: int, end: int, zone: tzinfo) -> Iterator[tuple[int, int]]:
    """Each instant after `start` at which another offset begins, with that offset."""
    known, offset = start, offset_at(start, zone)
    while known < end:
        following = min(known + _STEP, end)
        changed = offset_at(following, zone)
        if changed != offset:
            change = _find_change(known, following, zone)
            offset = offset_at(change, zone)
            if change < end:
                yield change, offset
            known = change
        else:
            known = following


def _find_change(before: int, after: int, zone: tzinfo) -> int:
    """The first instant after `before`, and not after `after`, that has another offset than `before` has."""
    offset = offset_at(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if offset_at(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after
