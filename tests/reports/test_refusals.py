"""What a report cannot be is refused, and the refusal says what is allowed."""

import httpx
import pytest

from clicktrail.reports.dimensions import DIMENSIONS
from clicktrail.reports.metrics import METRICS

HUGE = "from=1000-01-01&to=2000-01-01"


@pytest.mark.parametrize(
    ("query", "parameter", "allowed"),
    [
        ("group_by=colour", "group_by", "countryCode"),
        ("group_by=link,,partner,site,tag", "group_by", "at most 3"),
        ("group_by=" + ",".join([f"parameter[x{number}]" for number in range(200)]), "group_by", "at most 3"),
        ("group_by=time,time", "group_by", "twice"),
        ("group_by=parameter", "group_by", "parameter[NAME]"),
        ("group_by=parameter[]", "group_by", "parameter[NAME]"),
        ("metrics=clicks,money", "metrics", "uniqueClicks"),
        ("metrics=,", "metrics", "uniqueClicks"),
        ("zone=Mars/Olympus", "zone", "Europe/Berlin"),
        ("zone=../../etc/passwd", "zone", "IANA"),
        ("zone=localtime", "zone", "IANA"),
        ("zone=Factory", "zone", "IANA"),
        ("zone=berlin", "zone", "Europe/Berlin"),
        ("period=fortnight", "period", "this_month"),
        ("grain=decade", "grain", "minute"),
        ("grain=day&group_by=link", "grain", "needs time in group_by"),
        ("week_start=friday", "week_start", "saturday"),
        ("from=2024-01-02&to=2024-01-01", "to", "later than from"),
        ("from=2024-01-02", "to", "required with from"),
        ("to=2024-01-02", "from", "required with to"),
        ("from=2024-01-02&to=2024-01-03&period=7d", "period", "cannot be combined"),
        ("from=2024-01-02T10:00:00&to=2024-01-03", "from", "offset"),
        ("from=yesterday&to=2024-01-03", "from", "2026-01-31"),
        ("from=2024-01-01&to=9999-12-31", "to", "years"),
        (f"{HUGE}&group_by=time&grain=hour", "from", "200 years"),
        ("from=1900-01-01&to=2024-01-01&group_by=time&grain=hour", "grain", "week"),
        ("compare=later", "compare", "previous"),
        ("compare=previous&period=all", "compare", "year"),
        ("compare=previous&compare_from=2023-01-01&compare_to=2023-02-01", "compare", "cannot be combined"),
        ("compare=previous&align=weekday", "align", "compare=year"),
        ("limit=1000000", "limit", "1 to 1000"),
        ("limit=0", "limit", "1 to 1000"),
        ("cursor=abc", "cursor", "not a cursor"),
        ("sort_by=bots", "sort_by", "clicks"),
        ("sort_order=up", "sort_order", "asc"),
        ("other=1", "other", "group_by"),
        ("other=1&group_by=tag", "other", "overlap"),
        ("filter[colour]=red", "filter[colour]", "utmSource"),
        ("offset=3", "offset", "cursor"),
    ],
)
def test_a_refusal_names_the_parameter_and_what_is_allowed(
    api: httpx.Client, query: str, parameter: str, allowed: str
) -> None:
    answer = api.get(f"/reports?{query}")
    assert answer.status_code == 400, answer.text
    errors = {each["parameter"]: each["detail"] for each in answer.json()["errors"]}
    assert allowed in errors[parameter], errors


def test_all_mistakes_are_named_at_once(api: httpx.Client) -> None:
    errors = api.get("/reports?group_by=colour&metrics=money&zone=Mars&limit=0").json()["errors"]
    assert {each["parameter"] for each in errors} == {"group_by", "metrics", "zone", "limit"}
    details = {each["parameter"]: each["detail"] for each in errors}
    assert all(name in details["metrics"] for name in METRICS)
    assert all(name in details["group_by"] for name in DIMENSIONS)


def test_a_cursor_of_another_report_is_refused(api: httpx.Client, mark: str) -> None:
    rows = [{"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}{place}"} for place in range(3)]
    assert api.post("/clicks/batch", json=rows).status_code == 201
    answer = api.get("/reports?group_by=utmSource&limit=1")
    following = answer.links["next"]["url"]
    assert api.get(following).status_code == 200
    assert api.get(following.replace("limit=1", "limit=2")).status_code == 200
    for other in ("group_by=utmTerm", "group_by=utmSource&period=7d", "group_by=utmSource&filter[isBot]=1"):
        refused = api.get(following.replace("group_by=utmSource", other))
        assert refused.status_code == 400
        assert "another report" in refused.json()["errors"][0]["detail"]


def test_the_link_of_a_report_with_other_leads_on(api: httpx.Client, mark: str) -> None:
    rows = [{"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}{place}"} for place in range(3)]
    assert api.post("/clicks/batch", json=rows).status_code == 201
    params = {"group_by": "utmSource", "filter[utmSource][starts]": mark, "limit": "2", "other": "1"}
    first = api.get("/reports", params=params)
    second = api.get(first.links["next"]["url"])
    assert (first.json()["other"]["groups"], second.status_code) == (1, 200)
    found = [row["utmSource"] for answer in (first, second) for row in answer.json()["rows"]]
    assert sorted(found) == [f"{mark}{place}" for place in range(3)]


@pytest.mark.parametrize("name", ["'", "a.*b", "(?i", "\\", "%", "sub id", "é", "a" * 64, "$1", "{}"])
def test_any_name_of_a_parameter_is_looked_for_as_it_is(api: httpx.Client, mark: str, name: str) -> None:
    uri = str(httpx.URL("https://x.example/", params={"utm_source": mark, name: "here"}))
    assert api.post("/clicks", json={"ip": "8.8.8.8", "uri": uri}).status_code == 201
    params = {"group_by": f"parameter[{name}]", "filter[utmSource]": mark}
    [row] = api.get("/reports", params=params).json()["rows"]
    assert row[f"parameter[{name}]"] == "here"
    assert (
        api.get("/reports", params={**params, "group_by": "parameter[sub]"}).json()["rows"][0]["parameter[sub]"] is None
    )
