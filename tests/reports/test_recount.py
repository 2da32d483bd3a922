"""Every report equals a recount in plain Python of what the exports give."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
import pytest

from clicktrail.reports.dimensions import DELAYS
from tests.conftest import ENGINES, NewStore
from tests.reports.recount import (
    ADDING,
    DIMENSIONS,
    FILTERS,
    METRICS,
    NOW,
    Programme,
    label,
    make_programme,
    recount,
    us_of,
)
from tests.serving import Serving, serving

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")
QUESTIONS = 60
KEYS = {"partner": "partnerId", "link": "linkId", "banner": "bannerId", "site": "siteId"}
"""Dimension -> the key of its value in a row, where that is not its name."""


@pytest.fixture(scope="module", params=ENGINES)
def own(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> Iterator[Serving]:
    folder: Path = tmp_path_factory.mktemp("reports")
    with serving(folder / "data", **new_store(request.param)) as server:
        yield server


@pytest.fixture(scope="module")
def programme(own: Serving) -> Iterator[Programme]:
    with own.client() as api:
        yield make_programme(api, "recount", 7)


def ask(api: httpx.Client, query: Mapping[str, str]) -> dict[str, Any]:
    wanted = query.get("filter", "none")
    text = urlencode({name: value for name, value in query.items() if name != "filter"})
    answer = api.get(f"/reports?{text}{'' if wanted == 'none' else f'&{wanted}'}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def draw(random: Random) -> dict[str, str]:
    """A question with a random range, grouping, zone and filter."""
    start = NOW - timedelta(days=random.choice([1, 3, 40, 200]), seconds=random.randrange(100_000))
    end = start + timedelta(days=random.choice([1, 2, 35, 210]), seconds=random.randrange(100_000))
    dates = random.random() < 0.5
    query = {
        "group_by": ",".join(random.sample(DIMENSIONS, random.randrange(4))),
        "metrics": ",".join(random.sample(METRICS, random.randrange(1, 8))),
        "from": start.date().isoformat() if dates else start.isoformat(),
        "to": end.date().isoformat() if dates else end.isoformat(),
        "zone": random.choice(ZONES),
        "week_start": random.choice(["monday", "sunday", "saturday"]),
        "filter": random.choice([*FILTERS]),
        "grain": random.choice(["hour", "day", "week", "month", "quarter", "year"]),
        "limit": "1000",
    }
    if query["grain"] == "hour":
        query["grain"] = "hour" if end - start < timedelta(days=40) else "day"
    return query


def keys_of(row: Mapping[str, Any], query: Mapping[str, str]) -> tuple[Any, ...]:
    names = [name for name in query["group_by"].split(",") if name]
    zone = ZoneInfo(query["zone"])
    return tuple(
        label(us_of(row["time"]), zone, query["grain"], query["week_start"])
        if name == "time"
        else row[KEYS.get(name, name)]
        for name in names
    )


def check(
    found: Mapping[str, Any], expected: Mapping[tuple[Any, ...], Mapping[str, Any]], query: Mapping[str, str]
) -> None:
    """The rows of a report are the groups of a recount; rows without anything are buckets of time."""
    metrics = query["metrics"].split(",")
    rows = {keys_of(row, query): row for row in found["rows"]}
    assert len(rows) == len(found["rows"])
    groups = {key: values for key, values in expected.items() if key != ("total",)}
    if not query["group_by"]:
        groups = {(): expected["total",]}
    for key, values in groups.items():
        assert key in rows, (key, values, query, [*rows])
        assert {name: rows[key][name] for name in metrics} == {name: values[name] for name in metrics}, key
    for key in rows.keys() - groups.keys():
        assert "time" in query["group_by"].split(","), (key, rows[key], [*groups])
        assert not any(rows[key][name] for name in metrics if name in ADDING)
    assert {name: found["totals"][name] for name in metrics} == {name: expected["total",][name] for name in metrics}
    if "tag" not in query["group_by"]:
        for name in {*metrics} & {*ADDING, "registered"}:
            assert sum(row[name] for row in found["rows"]) == found["totals"][name]


@pytest.mark.parametrize("seed", range(4))
def test_every_report_equals_a_recount(programme: Programme, seed: int) -> None:
    random = Random(seed)
    for _ in range(QUESTIONS):
        query = draw(random)
        if "time" not in query["group_by"].split(","):
            asked = {name: value for name, value in query.items() if name != "grain"}
        else:
            asked = {name: value for name, value in query.items() if name != "limit"}
        found = ask(programme.api, asked)
        start, end = us_of(found["meta"]["from"]), us_of(found["meta"]["to"])
        check(found, recount(programme, query, start, end), query)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("grain", ["minute", "hour", "day", "week", "month"])
def test_each_bucket_of_a_range_is_a_row_and_they_sum_to_the_range(programme: Programme, zone: str, grain: str) -> None:
    start = NOW - timedelta(days={"minute": 1, "hour": 60}.get(grain, 210))
    query = {"group_by": "time", "grain": grain, "zone": zone, "from": start.isoformat(), "to": NOW.isoformat()}
    found = ask(programme.api, {**query, "metrics": "allClicks,uniqueClicks"})
    times = [us_of(row["time"]) for row in found["rows"]]
    assert times == sorted(set(times))
    step_s = 60 if grain == "minute" else 900  # no clock changes in a quarter hour
    walked = range(us_of(start.isoformat()), us_of(NOW.isoformat()), step_s * 1_000_000)
    labels = [*dict.fromkeys(label(us, ZoneInfo(zone), grain, "monday") for us in walked)]
    assert [label(us, ZoneInfo(zone), grain, "monday") for us in times] == labels
    whole = ask(
        programme.api, {**{key: query[key] for key in ("zone", "from", "to")}, "metrics": "allClicks,uniqueClicks"}
    )
    for name in ("allClicks", "uniqueClicks"):
        assert sum(row[name] for row in found["rows"]) == found["totals"][name] == whole["totals"][name]


def test_a_comparison_is_the_same_report_of_the_other_range(programme: Programme) -> None:
    metrics = "clicks,visitors,conversionRate,registered"
    for by in ("partner", "link,device", "time", "parameter[sub]"):
        for how in (
            {"compare": "year"},
            {"compare": "previous"},
            {"compare_from": "2024-02-01", "compare_to": "2024-04-15"},
        ):
            query = {"group_by": by, "metrics": metrics, "from": "2024-04-01", "to": "2024-05-01"}
            query |= {"grain": "week"} if "time" in by else {"limit": "1000"}
            found = ask(programme.api, {**query, **how})
            span = {"from": found["meta"]["compareFrom"], "to": found["meta"]["compareTo"]}
            other = ask(programme.api, {**query, **span})
            assert {name: found["totals"]["previous"][name] for name in metrics.split(",")} == other["totals"]
            if by != "time":
                key_of = {tuple(value for key, value in row.items() if key in _keys(by)): row for row in other["rows"]}
                for row in found["rows"]:
                    before = key_of.get(tuple(value for key, value in row.items() if key in _keys(by)))
                    assert row["previous"]["clicks"] == (before["clicks"] if before else 0)
                    assert row["previous"]["visitors"] == (before["visitors"] if before else 0)
            else:
                pairs = list(zip(found["rows"], other["rows"], strict=False))
                assert all(row["previous"]["clicks"] == before["clicks"] for row, before in pairs)


def _keys(by: str) -> set[str]:
    return {KEYS.get(name, name) for name in by.split(",")}


def test_pages_and_other_are_the_whole_report(programme: Programme) -> None:
    query = {"group_by": "link,parameter[sub]", "metrics": "clicks,visitors,activeLinks", "period": "all"}
    whole = ask(programme.api, {**query, "limit": "1000"})
    pages, answer = [], programme.api.get("/reports", params={**query, "limit": "3"}, headers={"Prefer": "count=exact"})
    assert answer.headers["X-Total-Count"] == str(len(whole["rows"]))
    while True:
        pages += answer.json()["rows"]
        if "next" not in answer.links:
            break
        answer = programme.api.get(answer.links["next"]["url"])
    assert pages == whole["rows"]
    for limit in (1, 4, len(whole["rows"]), 1000):
        found = ask(programme.api, {**query, "limit": str(limit), "other": "1", "compare": "year"})
        assert found["other"]["groups"] == len(whole["rows"]) - len(found["rows"])
        assert sum(row["clicks"] for row in found["rows"]) + found["other"]["clicks"] == whole["totals"]["clicks"]
        assert found["other"]["visitors"] <= whole["totals"]["visitors"]


@pytest.mark.parametrize("by", ["clicks", "conversionRate", "visitors", "lastClickTime", "link"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_rows_are_in_the_order_asked_for(programme: Programme, by: str, order: str) -> None:
    metrics = "clicks,conversionRate,visitors,lastClickTime"
    query = {"group_by": "link,device", "metrics": metrics, "period": "all", "sort_by": by, "sort_order": order}
    rows = ask(programme.api, {**query, "limit": "1000"})["rows"]
    values = [row[KEYS.get(by, by)] for row in rows]
    known = [float(value) if by == "conversionRate" else value for value in values if value is not None]
    assert known == sorted(known, reverse=order == "desc")
    assert all(value is None for value in values[len(known) :])


@pytest.mark.parametrize("order", ["asc", "DESC"])
def test_delays_are_sorted_by_their_length(programme: Programme, order: str) -> None:
    for by in ("delay", "device,delay", "time,delay"):
        query = {"group_by": by, "metrics": "registrations", "period": "all", "sort_by": "delay", "sort_order": order}
        rows = ask(programme.api, query | ({} if "time" in by else {"limit": "1000"}))["rows"]
        values = [row["delay"] for row in rows if row["delay"] is not None]
        places = [[*DELAYS].index(value) for value in values]
        assert places == sorted(places, reverse=order == "DESC")
        assert [*dict.fromkeys(values)] != sorted({*values}, reverse=order == "DESC"), "letters have another order"
        assert [row["delay"] for row in rows[len(values) :]] == [None] * (len(rows) - len(values))


def test_one_link_over_all_time_equals_its_figures(programme: Programme) -> None:
    for link_id in programme.links:
        figures = programme.api.get(f"/links/{link_id}/metrics").json()
        metrics = ",".join(figures)
        found = ask(programme.api, {"period": "all", "metrics": metrics, "filter": f"filter[linkId]={link_id}"})
        assert found["totals"] == figures


def test_partners_see_their_own_rows_alone(programme: Programme, own: Serving) -> None:
    query = {"group_by": "partner", "metrics": "clicks,registered,activePartners", "period": "all"}
    everyone = {row["partnerId"]: row for row in ask(programme.api, query)["rows"]}
    for partner in programme.partners:
        with own.client("partner", partner) as theirs:
            found = ask(theirs, query)
            assert [row["partnerId"] for row in found["rows"]] == [partner] * (partner in everyone)
            for row in found["rows"]:
                assert row["clicks"] == everyone[partner]["clicks"] == found["totals"]["clicks"]
                assert row["registered"] == everyone[partner]["registered"]
            assert theirs.get("/reports?filter[profileContacts]=a@b.example").status_code == 403


def test_files_hold_all_rows(programme: Programme) -> None:
    query = "group_by=link,time&from=2024-04-01&to=2024-05-01&grain=day&compare=previous"
    report = programme.api.get(f"/reports?{query}").json()["rows"]
    lines = programme.api.get(f"/reports/export?format=ndjson&{query}").text.splitlines()
    assert [httpx.Response(200, text=line).json() for line in lines] == report
    table = programme.api.get(f"/reports/export?format=csv&{query}").text.splitlines()
    assert len(table) == len(report) + 1
    assert table[0].startswith("linkId,linkCode,linkName,time,isPartial,clicks,uniqueClicks,")
    assert programme.api.get(f"/reports/export?format=parquet&{query}").content[:4] == b"PAR1"


def test_moments_are_read_with_a_plus_sign_that_arrives_as_a_space(programme: Programme) -> None:
    path = "/reports?from=2024-04-01T00:00:00+02:00&to=2024-04-02T00:00:00%2B02:00"
    assert programme.api.get(path).json()["meta"]["from"] == "2024-03-31T22:00:00+00:00"
    assert datetime.fromisoformat(programme.api.get(path).json()["meta"]["to"]).hour == 22


@pytest.mark.parametrize(("path", "dimension"), [("/links", "link"), ("/profiles", "partner")])
def test_lists_with_figures_equal_the_report(programme: Programme, path: str, dimension: str) -> None:
    metrics = "clicks,uniqueClicks,registrations,conversionRate,firstClickTime,lastClickTime"
    query = {"group_by": dimension, "period": "all", "limit": "1000", "metrics": metrics}
    rows = {row[KEYS[dimension]]: row for row in ask(programme.api, query)["rows"]}
    key = "linkId" if dimension == "link" else "profileId"
    listed = programme.api.get(f"{path}?limit=1000&query[metrics]=1").json()
    assert {each[key] for each in listed} >= {each for each in rows if each is not None}
    for each in listed:
        assert programme.api.get(f"{path}/{each[key]}?query[metrics]=1").json() == each
        if each[key] in rows:
            assert each["metrics"] == {name: rows[each[key]][name] for name in metrics.split(",")}
        else:
            assert (each["metrics"]["clicks"], each["metrics"]["firstClickTime"]) == (0, None)
    assert "metrics" not in programme.api.get(path).json()[0]


def test_each_registration_is_in_the_row_of_its_own_rule_and_delay(programme: Programme) -> None:
    """Also a registration by a code alone, which has no click."""
    base = {"period": "all", "metrics": "registered", "group_by": "rule"}
    rows = programme.api.get("/reports", params=base | {"filter[code]": code_of(programme)}).json()["rows"]
    link = next(iter(programme.links))
    expected = Counter(each["registration"]["rule"] for each in programme.registrations if each["linkId"] == link)
    assert "code" in expected
    assert {row["rule"]: row["registered"] for row in rows if row["registered"]} == dict(expected)


def code_of(programme: Programme) -> str:
    """The code of the first link."""
    code: str = programme.api.get(f"/links/{next(iter(programme.links))}").json()["code"]
    return code
