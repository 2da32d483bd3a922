"""Buckets and ranges on local clocks, against a walk over the same time minute by minute."""

from bisect import bisect_right
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.reports.buckets import Grain, WeekStart, find_runs, make_buckets
from clicktrail.reports.periods import (
    PERIODS,
    Align,
    Compare,
    Range,
    begin_of,
    compare_with,
    end_of,
    find_period,
    parse_boundary,
)
from clicktrail.reports.zones import DAY, HOUR, instant, local_time, offset_at, offset_spans, start_of_day

ZONES = [
    ZoneInfo(name)
    for name in (
        *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"),
        *("America/St_Johns", "America/Havana", "Africa/Casablanca"),
    )
]
zones = st.sampled_from(ZONES)
MINUTE = HOUR // 60
moments = st.integers(
    instant(datetime.fromisoformat("2009-01-01T00:00Z")), instant(datetime.fromisoformat("2027-12-31T00:00Z"))
)
MONDAY = WeekStart.MONDAY
NONE = Range(0, 0)
"""The range of all clicks, where there are none."""


@given(moments, st.integers(1, 60 * DAY), zones, st.sampled_from(list(Grain)), st.sampled_from(list(WeekStart)))
def test_buckets_are_the_whole_range_in_order(
    start: int, length: int, zone: ZoneInfo, grain: Grain, week_start: WeekStart
) -> None:
    starts = make_buckets(start, start + length, grain, zone, week_start)
    assert starts[0] <= start < (starts[1] if len(starts) > 1 else start + length)
    assert all(one < other for one, other in pairwise(starts))
    assert starts[-1] < start + length


@given(moments, st.integers(1, 4 * DAY), zones)
def test_hours_are_those_of_a_walk_by_the_minute(start: int, length: int, zone: ZoneInfo) -> None:
    start -= start % MINUTE
    end = start + max(length - length % MINUTE, MINUTE)
    shown = {(local_time(us, zone).strftime("%F %H"), offset_at(us, zone)) for us in range(start, end, MINUTE)}
    assert len(make_buckets(start, end, Grain.HOUR, zone)) == len(shown)


@given(moments, st.integers(DAY, 400 * DAY), zones)
def test_days_begin_when_the_clock_first_shows_them(start: int, length: int, zone: ZoneInfo) -> None:
    for begin in make_buckets(start, start + length, Grain.DAY, zone):
        assert local_time(begin, zone).date() > local_time(begin - 1, zone).date()


@given(moments, st.integers(1, 400 * DAY), zones, st.data())
def test_runs_find_the_bucket_by_a_division(start: int, length: int, zone: ZoneInfo, data: st.DataObject) -> None:
    grain = data.draw(st.sampled_from([Grain.HOUR, Grain.DAY, Grain.WEEK]))
    starts = make_buckets(start, start + length, grain, zone)
    runs = find_runs(starts, start + length)
    for us in data.draw(st.lists(st.integers(start, start + length - 1), min_size=1, max_size=20)):
        run = runs[bisect_right([run.start for run in runs], us) - 1]
        assert run.first + (us - run.start) // run.width == bisect_right(starts, us) - 1


@given(moments, st.integers(1, 800 * DAY), zones)
def test_spans_have_one_offset_each(start: int, length: int, zone: ZoneInfo) -> None:
    spans = offset_spans(start, start + length, zone)
    assert (spans[0].start, spans[-1].end) == (start, start + length)
    assert all(one.end == other.start and one.offset != other.offset for one, other in pairwise(spans))
    for span in spans:
        assert {offset_at(us, zone) for us in (span.start, span.end - 1)} == {span.offset}


def test_a_day_that_a_zone_left_out_is_no_bucket() -> None:
    zone = ZoneInfo("Pacific/Apia")
    starts = make_buckets(start_of_day(date(2011, 12, 29), zone), start_of_day(date(2012, 1, 1), zone), Grain.DAY, zone)
    assert [local_time(us, zone).isoformat() for us in starts] == [
        "2011-12-29T00:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
    ]


def test_an_hour_that_is_shown_twice_is_two_buckets() -> None:
    zone = ZoneInfo("Europe/Berlin")
    starts = make_buckets(*day_of(date(2026, 10, 25), zone), Grain.HOUR, zone)
    shown = [local_time(us, zone).isoformat() for us in starts]
    assert (len(shown), shown[2:4]) == (25, ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"])


def day_of(day: date, zone: ZoneInfo) -> Range:
    return Range(start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone))


NOW = instant(datetime.fromisoformat("2026-03-30T14:40:12+02:00"))
BERLIN = ZoneInfo("Europe/Berlin")


def shown(found: Range, zone: ZoneInfo = BERLIN) -> list[str]:
    return [local_time(us, zone).isoformat() for us in found]


@pytest.mark.parametrize(
    ("period", "current", "before"),
    [
        (
            "today",
            ["2026-03-30T00:00:00+02:00", "2026-03-30T14:40:12+02:00"],
            ["2026-03-29T00:00:00+01:00", "2026-03-29T14:40:12+02:00"],
        ),
        (
            "yesterday",
            ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"],
            ["2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00"],
        ),
        (
            "24h",
            ["2026-03-29T14:40:12+02:00", "2026-03-30T14:40:12+02:00"],
            ["2026-03-28T14:40:12+01:00", "2026-03-29T14:40:12+02:00"],
        ),
        (
            "7d",
            ["2026-03-24T00:00:00+01:00", "2026-03-30T14:40:12+02:00"],
            ["2026-03-17T00:00:00+01:00", "2026-03-23T14:40:12+01:00"],
        ),
        (
            "this_month",
            ["2026-03-01T00:00:00+01:00", "2026-03-30T14:40:12+02:00"],
            ["2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"],
        ),
        (
            "last_month",
            ["2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"],
            ["2026-01-01T00:00:00+01:00", "2026-02-01T00:00:00+01:00"],
        ),
        (
            "this_quarter",
            ["2026-01-01T00:00:00+01:00", "2026-03-30T14:40:12+02:00"],
            ["2025-10-01T00:00:00+02:00", "2025-12-28T14:40:12+01:00"],
        ),
        (
            "this_year",
            ["2026-01-01T00:00:00+01:00", "2026-03-30T14:40:12+02:00"],
            ["2025-01-01T00:00:00+01:00", "2025-03-30T14:40:12+02:00"],
        ),
    ],
)
def test_periods_and_what_comes_before_them(period: str, current: list[str], before: list[str]) -> None:
    span = find_period(period, NOW, BERLIN, MONDAY, NONE)
    assert shown(span.range) == current
    assert shown(compare_with(span, Compare.PREVIOUS, Align.DATE, BERLIN)) == before


def test_a_year_earlier_is_the_same_dates_or_the_same_weekdays() -> None:
    span = find_period("today", NOW, BERLIN, MONDAY, NONE)
    assert shown(compare_with(span, Compare.YEAR, Align.DATE, BERLIN))[0] == "2025-03-30T00:00:00+01:00"
    assert shown(compare_with(span, Compare.YEAR, Align.WEEKDAY, BERLIN))[0] == "2025-03-31T00:00:00+02:00"


def test_nothing_comes_before_all() -> None:
    span = find_period("all", NOW, BERLIN, MONDAY, Range(NOW - DAY, NOW))
    assert span.range == (NOW - DAY, NOW)
    with pytest.raises(ValueError, match="allowed: year"):
        compare_with(span, Compare.PREVIOUS, Align.DATE, BERLIN)


@given(moments, zones, st.sampled_from([name for name in PERIODS if name != "all"]), st.sampled_from(list(WeekStart)))
def test_what_comes_before_ends_before(now: int, zone: ZoneInfo, period: str, week_start: WeekStart) -> None:
    span = find_period(period, now, zone, week_start, NONE)
    before = compare_with(span, Compare.PREVIOUS, Align.DATE, zone)
    assert before.start < before.end or span.range.start == span.range.end
    assert before.end <= span.range.start or period in ("24h", "7d", "30d", "90d")
    assert before.start < span.range.start


def test_dates_are_whole_local_days() -> None:
    day = parse_boundary("2026-03-29")
    assert [begin_of(day, BERLIN), end_of(day, BERLIN)] == list(day_of(date(2026, 3, 29), BERLIN))
    moment = parse_boundary("2026-03-29T12:00:00Z")
    assert begin_of(moment, BERLIN) == end_of(moment, BERLIN) == instant(datetime.fromisoformat("2026-03-29T12:00Z"))
    assert parse_boundary("2026-03-29T14:00:00 02:00") == moment, "a plus sign that arrived as a space"


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "2026-03-29T12:00:00", "", "2026", "9999-12-31x"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (neither|a time without)"):
        parse_boundary(text)
