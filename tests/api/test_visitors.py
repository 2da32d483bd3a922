"""Who clicked: what is told of it, what is filtered by it, what is counted."""

from pathlib import Path
from typing import Any

import httpx

from tests.ingest.test_agents import CHROME, GOOGLE, IPHONE
from tests.mmdb import write_mmdb
from tests.serving import serving

IP = "8.8.8.8"


def make_link(api: httpx.Client, mark: str) -> dict[str, Any]:
    answer = api.post("/links", json={"code": mark, "uri": "https://shop.example.org/"})
    assert answer.status_code == 201
    link: dict[str, Any] = answer.json()
    return link


def click(api: httpx.Client, mark: str, **more: Any) -> str:
    answer = api.post("/clicks", json={"ip": IP, "uri": f"https://shop.example.org/?referral={mark}", **more})
    assert answer.status_code == 201, answer.text
    assert "visitor" not in answer.json()
    click_id: str = answer.json()["clickId"]
    return click_id


def visitor(api: httpx.Client, click_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/clicks/{click_id}?query[visitor]=1").json()["visitor"]
    return found


def test_the_expansion_says_who_clicked(api: httpx.Client, mark: str) -> None:
    assert visitor(api, click(api, mark, userAgent=IPHONE, visitorId="v-1")) == {
        "device": "phone",
        "browser": "Mobile Safari",
        "os": "iOS",
        "isBot": False,
        "botRule": None,
        "isDataCentre": None,
        "isPrefetch": None,
        "duplicateOf": None,
        "visitorId": "v-1",
    }
    robot = visitor(api, click(api, mark, userAgent=GOOGLE))
    assert (robot["isBot"], robot["botRule"], robot["device"]) == (True, "Googlebot\\/", None)
    nobody = visitor(api, click(api, mark))
    assert (nobody["isBot"], nobody["device"], nobody["browser"]) == (None, None, None)


def test_filters_find_who_clicked(api: httpx.Client, mark: str) -> None:
    desk, phone = click(api, mark, userAgent=CHROME), click(api, mark, userAgent=IPHONE, visitorId=mark)
    robot, nobody = click(api, mark, userAgent=GOOGLE), click(api, mark)

    def found(query: str) -> set[str]:
        answer = api.get(f"/clicks?limit=100&filter[uri]={mark}&{query}")
        assert answer.status_code == 200, answer.text
        return {each["clickId"] for each in answer.json()}

    assert found("filter[isBot]=1") == {robot}
    assert found("filter[isBot]=0") == {desk, phone}
    assert found("filter[isBot][null]=1") == {nobody}
    assert found("filter[isBot][ne]=1") == {desk, phone, nobody}
    assert found("filter[botRule][contains]=googlebot") == {robot}
    assert found("filter[device]=phone") == {phone}
    assert found("filter[device]=phone&filter[device]=desktop") == {desk, phone}
    assert found("filter[browser][contains]=safari") == {phone}
    assert found("filter[os]=Windows") == {desk}
    assert found(f"filter[visitorId]={mark}") == {phone}
    exported = api.get(f"/clicks/export?format=ndjson&filter[uri]={mark}&filter[isBot]=1").text.splitlines()
    assert len(exported) == 1


def test_robots_are_kept_and_not_counted(api: httpx.Client, mark: str) -> None:
    link = make_link(api, mark)
    click(api, mark, userAgent=CHROME)
    robot = click(api, mark, userAgent=GOOGLE)
    figures = api.get(f"/links/{link['linkId']}/metrics").json()
    assert (figures["clicks"], figures["uniqueClicks"], figures["registrations"]) == (1, 1, 0)
    everything = api.get(f"/links/{link['linkId']}/metrics?bots=1").json()
    assert (everything["clicks"], everything["uniqueClicks"]) == (2, 2)
    assert api.patch(f"/clicks/{robot}", json={"firstName": "Mary"}).status_code == 200
    assert api.get(f"/links/{link['linkId']}/metrics").json()["registrations"] == 1
    assert api.delete(f"/clicks/{robot}").status_code == 204
    figures = api.get(f"/links/{link['linkId']}/metrics").json()
    assert (figures["clicks"], figures["uniqueClicks"], figures["registrations"]) == (1, 1, 0)


def test_a_repeat_is_marked_and_counted_as_no_new_visitor(api: httpx.Client, mark: str) -> None:
    link = make_link(api, mark)
    at = "2024-05-01T10:00:{:02d}+00:00"
    first = click(api, mark, userAgent=CHROME, time=at.format(0))
    second = click(api, mark, userAgent=CHROME, time=at.format(10))
    later = click(api, mark, userAgent=CHROME, time=at.format(11))
    again = click(api, mark, userAgent=CHROME, time=at.format(12))
    other = click(api, mark, userAgent=IPHONE, time=at.format(1))
    assert [visitor(api, each)["duplicateOf"] for each in (first, second, later, again, other)] == [
        None,
        first,
        None,
        later,
        None,
    ]
    assert {each["clickId"] for each in api.get(f"/clicks?filter[duplicateOf]={first}").json()} == {second}
    figures = api.get(f"/links/{link['linkId']}/metrics").json()
    assert (figures["clicks"], figures["uniqueClicks"]) == (5, 2)
    assert api.delete(f"/clicks/{first}").status_code == 204
    assert visitor(api, second)["duplicateOf"] is None


def test_repeats_are_found_within_one_batch(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    rows = [
        {"ip": IP, "uri": f"https://x.example/?referral={mark}", "userAgent": CHROME, "time": f"2024-05-01T10:00:{at}Z"}
        for at in ("00", "05", "30", "31")
    ]
    ids = api.post("/clicks/batch", json=rows).json()["clickIds"]
    assert [visitor(api, each)["duplicateOf"] for each in ids] == [None, ids[0], None, ids[2]]


def test_without_a_link_nothing_is_a_repeat(api: httpx.Client, mark: str) -> None:
    ids = [click(api, mark, userAgent=CHROME) for _ in range(2)]
    assert [visitor(api, each)["duplicateOf"] for each in ids] == [None, None]


def test_a_data_centre_is_told_by_its_network(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "asn.mmdb", "8.8.8.0", 24, {"autonomous_system_number": 15169})
    with serving(tmp_path / "data", asn=str(tmp_path / "asn.mmdb")) as server, server.client() as own:
        hoster = click(own, "x", userAgent=CHROME)
        body = {"ip": "1.1.1.1", "uri": "https://shop.example.org/", "userAgent": CHROME}
        unknown = own.post("/clicks", json=body).json()["clickId"]
        assert visitor(own, hoster)["isDataCentre"] is True
        assert visitor(own, unknown)["isDataCentre"] is None
        assert [each["clickId"] for each in own.get("/clicks?filter[isDataCentre]=1").json()] == [hoster]
