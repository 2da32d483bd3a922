"""Values in spellings that other programs write, and what is said of those that have no plain meaning."""

import json
from typing import Any

import httpx
import pytest

from clicktrail.model.reading import Reading
from clicktrail.model.times import add_offset, find_day, parse_time
from tests.serving import Serving

URI = "https://my.example/"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (" 8.8.8.8 ", "8.8.8.8"),
        ("8.8.8.8:1234", "8.8.8.8"),
        ("[8.8.8.8]", "8.8.8.8"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("\t2001:db8::1\n", "2001:db8::1"),
        ("[::ffff:8.8.8.8]:80", "8.8.8.8"),
    ],
)
def test_addresses_with_what_stands_around_them(api: httpx.Client, mark: str, sent: str, stored: str) -> None:
    answer = api.post("/clicks", json={"ip": sent, "uri": f"{URI}?utm_source={mark}"})
    assert (answer.status_code, answer.json()["ip"]) == (201, stored)
    batch = api.post("/clicks/batch", json=[{"ip": sent, "uri": f"{URI}?utm_source={mark}"}])
    assert batch.status_code == 201
    found = api.get("/clicks", params={"filter[ip]": sent, "filter[utmSource]": mark}).json()
    assert [each["ip"] for each in found] == [stored, stored]


@pytest.mark.parametrize(
    "ip", ["8.8.8.8:", "8.8.8.8:123456", "2001:db8::1]:443", "[2001:db8::1", "[]", "8.8.8.8 9.9.9.9", "[[::1]]", ""]
)
def test_addresses_without_a_plain_meaning(api: httpx.Client, ip: str) -> None:
    answer = api.post("/clicks", json={"ip": ip, "uri": URI})
    assert answer.status_code == 422
    [mistake] = answer.json()["errors"]
    assert mistake["pointer"] == "/ip"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (1700000000, "2023-11-14T22:13:20+00:00"),
        ("1700000000", "2023-11-14T22:13:20+00:00"),
        (1700000000.5, "2023-11-14T22:13:20.500000+00:00"),
        (1700000000123, "2023-11-14T22:13:20.123000+00:00"),
        ("1700000000123456", "2023-11-14T22:13:20.123456+00:00"),
        ("1612011200000", "2021-01-30T12:53:20+00:00"),  # by ISO 8601 it could be a day of 1612
    ],
)
def test_unix_times(api: httpx.Client, mark: str, sent: Any, stored: str) -> None:
    answer = api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"{URI}?utm_source={mark}", "time": sent})
    assert (answer.status_code, answer.json()["time"]) == (201, stored)
    query = {"filter[utmSource]": mark, "filter[clickStartTime]": str(sent), "filter[clickEndTime]": str(sent)}
    assert [each["time"] for each in api.get("/clicks", params=query).json()] == [stored]


@pytest.mark.parametrize("time", [1, 12345678901, 10**17, True, "20210101", "1e9", -1700000000, [1700000000]])
def test_numbers_that_are_no_time(api: httpx.Client, time: Any) -> None:
    answer = api.post("/clicks", json={"ip": "8.8.8.8", "uri": URI, "time": time})
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/time"])


def test_a_unix_time_has_no_zone() -> None:
    zone = Reading().zone
    for text in ("1700000000", "1612011200000"):
        assert add_offset(text, zone) == text
        assert find_day(text, zone) is None
    assert parse_time("1612011200000") == 1612011200000 * 1000


def test_a_byte_order_mark_before_a_body(api: httpx.Client, mark: str) -> None:
    click: dict[str, Any] = {"ip": "8.8.8.8", "uri": f"{URI}?utm_source={mark}"}
    for path, body, status in (
        ("/clicks", json.dumps(click), 201),
        ("/clicks/batch", json.dumps([click]), 201),
        ("/profiles", '{"firstName": "Mary"}', 201),
        ("/clicks", "", 400),
    ):
        answer = api.post(path, content=b"\xef\xbb\xbf" + body.encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code == status, answer.text
    lines = b"\xef\xbb\xbf" + json.dumps(click).encode() + b"\n"
    assert api.post("/clicks/batch", content=lines, headers={"Content-Type": "application/x-ndjson"}).status_code == 201
    assert len(api.get(f"/clicks?filter[utmSource]={mark}").json()) == 3


@pytest.mark.parametrize("name", ["bannerIdFilter", "filter[bannerId]"])
def test_lists_as_php_writes_them(api: httpx.Client, mark: str, name: str) -> None:
    banners = [api.post("/banners", json={"bannerName": mark}).json()["bannerId"] for _ in range(2)]
    for banner in banners:
        api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"{URI}?utm_source={mark}&banner={banner}"})
    one, other = banners
    for query, count in (
        (f"{name}[]={one}&{name}[]={other}", 2),
        (f"{name}[0]={one}", 1),
        (f"{name}[]=", 2),
        (f"{name}[]={one}", 1),
        (f"{name}[ne][]={one}", 1),
    ):
        answer = api.get(f"/clicks?filter[utmSource]={mark}&{query}")
        assert (answer.status_code, len(answer.json())) == (200, count), query


def refusal(api: httpx.Client, query: str) -> str:
    answer = api.get(f"/clicks?{query}")
    assert answer.status_code == 400
    [mistake] = answer.json()["errors"]
    return f"{mistake['parameter']} {mistake['detail']}"


def test_what_is_refused_says_what_is_allowed(api: httpx.Client) -> None:
    assert refusal(api, "limit=-1") == "limit must be a whole number of 0 or more; a number above 1000 means 1000"
    assert refusal(api, "filter[ip]=10.0.0.0/8") == "filter[ip] takes an address; a block goes into filter[ip][in]"
    assert "such as 192.0.2.1 or 2001:db8::1" in refusal(api, "filter[ip]=x")


def test_mistakes_of_a_postback_name_its_parameters(server: Serving, api: httpx.Client, mark: str) -> None:
    partner = api.post("/profiles", json={"firstName": "Ada"}).json()["profileId"]
    token = server.token("postback", partner)

    def errors(**parameters: str) -> tuple[int, dict[str, str]]:
        answer = httpx.get(f"{server.url}/postback", params={"token": token, **parameters})
        problem = answer.json()
        assert not [word for word in ("clickId", "firstName", "/code", "pointer") if word in json.dumps(problem)]
        return answer.status_code, {each["parameter"]: each["detail"] for each in problem["errors"]}

    status, found = errors(first_name="x" * 300, phone="1", time="x", ip="x")
    assert (status, set(found)) == (400, {"first_name", "phone", "time", "ip", "click_id, visitor_id, uuid, code"})
    assert found["click_id, visitor_id, uuid, code"] == "is missing: give at least one of these"
    assert errors(click_id="0" * 24) == (422, {"click_id": f"there is no click {'0' * 24}"})
    assert errors(code=mark) == (422, {"code": "there is no link with this code"})


def test_a_robots_click_is_not_won_by_naming_its_repeat(api: httpx.Client, mark: str) -> None:
    """What docs/attribution.md says of repeats."""
    api.post("/links", json={"code": mark})
    body = {"ip": "8.8.8.8", "uri": f"{URI}?referral={mark}", "userAgent": "curl/8.0", "time": "2024-05-10T10:00:00Z"}
    original, repeat = (api.post("/clicks", json=body).json()["clickId"] for _ in range(2))
    named = {"time": "2024-05-11T00:00:00Z", "profile": {"firstName": "Mary"}}
    made = api.post("/registrations", json={**named, "clickId": repeat}).json()
    assert (made["clickId"], made["rule"]) == (None, "none")
    assert {each["clickId"]: each["outcome"] for each in made["considered"]} == {original: "robot", repeat: "duplicate"}
    assert api.post("/registrations", json={**named, "clickId": original}).json()["clickId"] == original
