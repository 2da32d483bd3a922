"""Ranges at the ends of the calendar, and clicks whose times are there: an answer or a refusal, never a failure."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.errors import MalformedRequest
from clicktrail.reports.buckets import Grain, WeekStart
from clicktrail.reports.dimensions import DIMENSIONS, Grouping
from clicktrail.reports.metrics import METRICS
from clicktrail.reports.periods import Align, Compare, Range, Span, begin_of, end_of
from clicktrail.reports.question import Question, find_ranges
from tests.conftest import ENGINES, NewStore
from tests.serving import serving

ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "Etc/GMT+12", "Pacific/Kiritimati", "Europe/Berlin")
DAYS = [*range(date(1, 1, 1).toordinal(), date(5, 1, 1).toordinal())]
DAYS += range(date(9985, 1, 1).toordinal(), date.max.toordinal() + 1)
days = st.sampled_from(DAYS).map(date.fromordinal)
FIRST = "0001-01-01T00:00:00+00:00"


@given(
    days,
    st.integers(0, 5_000),
    st.sampled_from(ZONES),
    st.sampled_from([None, *Grain]),
    st.sampled_from(list(WeekStart)),
    st.sampled_from([None, *Compare]),
    st.sampled_from(list(Align)),
    st.sampled_from(["time", "hourOfDay", "link"]),
)
def test_any_range_has_buckets_or_is_refused(
    first: date,
    length: int,
    zone: str,
    grain: Grain | None,
    week_start: WeekStart,
    compare: Compare | None,
    align: Align,
    by: str,
) -> None:
    last, place = date.fromordinal(min(first.toordinal() + length, date.max.toordinal())), ZoneInfo(zone)
    try:
        found = Range(begin_of(first, place), end_of(last, place))
    except ValueError as error:
        assert "the years 3 to 9989" in str(error)
        assert not (first.year >= 3 and last.year <= 9989)
        return
    question = Question(
        metrics=(METRICS["clicks"],),
        groupings=(Grouping(DIMENSIONS[by]),),
        span=Span(found),
        grain=grain,
        zone=place,
        week_start=week_start,
        compare=compare,
        align=align,
        sort="clicks",
        is_descending=True,
        limit=None,
    )
    try:
        ranges = find_ranges(question, 0, Range(0, 0))
    except MalformedRequest as error:
        assert {each.parameter for each in error.mistakes} <= {"compare", "grain"}
        return
    assert (ranges.starts != ()) == (by == "time")
    assert by != "time" or ranges.starts[0] <= found.start < found.end <= ranges.end_of_last


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z&zone=America/New_York", "from"),
        ("from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z&group_by=time", "to"),
        ("from=9999-12-31T20:00:00Z&to=9999-12-31T23:00:00Z&zone=Asia/Tokyo", "from"),
        ("from=9999-01-01&to=9999-12-30&group_by=time&grain=year", "from"),
        ("from=9980-01-01&to=9999-12-30&group_by=time&grain=month", "to"),
        ("from=9999-12-30&to=9999-12-31&group_by=time&grain=day", "to"),
        ("from=9999-12-25&to=9999-12-30&group_by=time&grain=week", "to"),
        ("from=0001-01-01&to=0001-01-03&group_by=time&grain=week&week_start=sunday", "from"),
        ("from=2026-01-01&to=2026-01-02&compare_from=0001-01-01&compare_to=0001-01-02", "compare_from"),
        ("from=0003-01-01&to=0003-02-01&compare=year", "compare"),
        ("from=0003-01-01&to=9989-12-31&compare=previous", "compare"),
    ],
)
def test_what_the_calendar_has_no_room_for_is_refused_by_its_name(
    api: httpx.Client, query: str, parameter: str
) -> None:
    answer = api.get(f"/reports?{query}")
    assert answer.status_code == 400, answer.text
    errors = {each["parameter"]: each["detail"] for each in answer.json()["errors"]}
    assert errors[parameter] == "reaches beyond the years 3 to 9989"


def test_random_ranges_at_the_ends_of_the_calendar_never_fail(api: httpx.Client) -> None:
    random = Random(5)
    for _ in range(120):
        start = datetime.fromordinal(random.choice(DAYS[:-1])) + timedelta(seconds=random.randrange(86_400))
        room = datetime.max - start
        end = start + min(timedelta(days=random.choice([1, 10, 700])), room)
        dates = random.random() < 0.5
        query = {
            "from": start.date().isoformat() if dates else f"{start.isoformat()}Z",
            "to": end.date().isoformat() if dates else f"{end.isoformat()}Z",
            "zone": random.choice(ZONES),
            "week_start": random.choice([*WeekStart]),
            "group_by": random.choice(["", "time", "hourOfDay", "dayOfWeek,time", "link"]),
            **({"compare": random.choice([*Compare])} if random.random() < 0.5 else {}),
        }
        if "time" in query["group_by"]:
            query["grain"] = random.choice([*Grain])
        answer = api.get("/reports", params=query)
        assert answer.status_code in (200, 400), (query, answer.text)


@pytest.fixture(scope="module", params=ENGINES)
def old(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> Iterator[httpx.Client]:
    """A store with a click of the first day of the calendar, one of the year 1700, and two of today."""
    folder: Path = tmp_path_factory.mktemp("old")
    with serving(folder / "data", **new_store(request.param)) as server, server.client() as api:
        for more in ({"time": FIRST}, {"time": "1700-07-01T12:00:00Z"}, {}, {}):
            body = {"ip": "8.8.8.8", "uri": "https://x.example/", **more}
            assert api.post("/clicks", json=body).status_code == 201
        yield api


def ask(api: httpx.Client, query: str) -> dict[str, Any]:
    answer = api.get(f"/reports?period=all&metrics=allClicks&{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_all_clicks_are_counted_whatever_their_time(old: httpx.Client, zone: str) -> None:
    for by in ("", "device"):
        found = ask(old, f"zone={zone.replace('+', '%2B')}&group_by={by}")
        assert (found["totals"]["allClicks"], found["meta"]["leftOut"]) == (4, 0)
        assert datetime.fromisoformat(found["meta"]["from"]) == datetime.fromisoformat(FIRST)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("query", ["group_by=time", "group_by=hourOfDay,time", "group_by=dayOfWeek", "compare=year"])
def test_where_the_clock_is_needed_the_answer_says_what_is_left_out(old: httpx.Client, query: str, zone: str) -> None:
    found = ask(old, f"{query}&zone={zone.replace('+', '%2B')}")
    assert (found["totals"]["allClicks"], found["meta"]["leftOut"]) == (2, 2)
    assert sum(row["allClicks"] for row in found["rows"]) == 2
    filtered = ask(old, f"{query}&filter[uri]=nowhere")
    assert (filtered["totals"]["allClicks"], filtered["meta"]["leftOut"]) == (0, 0)


def test_a_file_that_would_lack_clicks_is_refused(old: httpx.Client) -> None:
    query = "/reports/export?format=ndjson&period=all&metrics=allClicks&group_by="
    assert old.get(f"{query}device").text.count('"allClicks":4') == 1
    refused = old.get(f"{query}hourOfDay")
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert error["parameter"] == "period"
    assert "2 clicks" in error["detail"]
    assert '"allClicks":2' in old.get(f"{query}dayOfWeek&filter[clickStartTime]=1900-01-01T00:00:00Z").text


def test_an_offset_has_hours_and_minutes_alone(old: httpx.Client) -> None:
    """Berlin was 53 minutes and 28 seconds ahead."""
    found = old.get("/reports?from=1890-01-01&to=1890-01-02&zone=Europe/Berlin&group_by=time&grain=day").json()
    assert found["meta"]["from"] == found["rows"][0]["time"] == "1889-12-31T23:59:32+00:53"
    assert found["meta"]["to"] == "1890-01-02T23:59:32+00:53"
