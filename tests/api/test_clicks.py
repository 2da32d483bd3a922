"""Recording and reading clicks, over HTTP."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest


def body(**fields: Any) -> dict[str, Any]:
    return {"ip": "185.155.96.184", "uri": "https://my.stage.org/register"} | fields


def post(api: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = api.post("/clicks", json=body(**fields))
    assert answer.status_code == 201, answer.text
    click: dict[str, Any] = answer.json()
    return click


def test_a_created_click_is_where_its_location_says(api: httpx.Client) -> None:
    answer = api.post("/clicks", json=body())
    assert answer.status_code == 201
    assert api.get(answer.headers["Location"]).json() == answer.json()


def test_utm_fields_are_decoded_the_last_wins_and_empty_is_null(api: httpx.Client) -> None:
    uri = "https://x.example/?UTM_Source=a&utm_source=b+c%21&utm_term=&utm_medium=%E9&utm_content=x%00y#utm_campaign=no"
    click = post(api, uri=uri)
    assert click["uri"] == uri
    assert [click[f"utm{part}"] for part in ("Source", "Term", "Medium", "Content", "Campaign")] == [
        "b c!",
        None,
        "�",
        "xy",
        None,
    ]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("2A00:1450:4001:081B:0:0:0:200E", "2a00:1450:4001:81b::200e"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_addresses_are_canonical(api: httpx.Client, sent: str, stored: str) -> None:
    assert post(api, ip=sent)["ip"] == stored


def test_a_private_address_has_no_country(api: httpx.Client) -> None:
    click = post(api, ip="192.168.1.1")
    assert [click[key] for key in ("countryCode", "countryName", "latitude", "longitude")] == [None] * 4


def test_google_dns_is_in_the_united_states(api: httpx.Client) -> None:
    click = post(api, ip="8.8.8.8")
    assert (click["latitude"], click["longitude"], click["countryCode"]) == ("37.751", "-97.822", "US")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2021-01-01T03:00:00+03:00", "2021-01-01T00:00:00+00:00"),
        ("2021-01-01T00:00:00Z", "2021-01-01T00:00:00+00:00"),
        ("2021-01-01T00:00:00.123456+00:00", "2021-01-01T00:00:00.123456+00:00"),
        ("1969-12-31T23:59:59.5+00:00", "1969-12-31T23:59:59.500000+00:00"),
    ],
)
def test_times_are_shown_in_utc(api: httpx.Client, sent: str, stored: str) -> None:
    assert post(api, time=sent)["time"] == stored


def test_a_time_may_be_a_little_ahead_and_no_more(api: httpx.Client) -> None:
    now = datetime.now(UTC)
    assert api.post("/clicks", json=body(time=(now + timedelta(minutes=4)).isoformat())).status_code == 201
    refused = api.post("/clicks", json=body(time=(now + timedelta(minutes=6)).isoformat()))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/time"


def test_now_is_the_default_time(api: httpx.Client) -> None:
    assert abs(datetime.fromisoformat(post(api)["time"]).timestamp() - time.time()) < 5


def test_country_names_speak_the_language_that_is_asked_for(api: httpx.Client, mark: str) -> None:
    post(api, uri=f"https://x.example/?utm_source={mark}")
    german = {"Accept-Language": "de-AT, en;q=0.5"}
    found = api.get(f"/clicks?filter[utmSource]={mark}&filter[countryName]=estl", headers=german).json()
    assert [click["countryName"] for click in found] == ["Estland"]
    assert api.get(f"/clicks?filter[utmSource]={mark}&filter[countryName]=estl").json() == []
    unknown = api.get(f"/clicks?filter[utmSource]={mark}", headers={"Accept-Language": "xx, *;q=0.1"}).json()
    assert unknown[0]["countryName"] == "Estonia"


class TestRepeats:
    def test_the_same_uuid_creates_nothing(self, api: httpx.Client, mark: str) -> None:
        first = api.post("/clicks", json=body(uuid=mark))
        again = api.post("/clicks", json=body(uuid=mark))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert len(api.get(f"/clicks?filter[uuid]={mark}").json()) == 1

    def test_another_click_with_the_same_uuid_is_a_conflict(self, api: httpx.Client, mark: str) -> None:
        api.post("/clicks", json=body(uuid=mark))
        refused = api.post("/clicks", json=body(uuid=mark, ip="1.1.1.1", referrer="https://a.example"))
        assert refused.status_code == 409
        assert {error["pointer"] for error in refused.json()["errors"]} == {"/ip", "/referrer"}

    def test_without_uuid_every_post_is_a_click(self, api: httpx.Client) -> None:
        assert post(api)["clickId"] != post(api)["clickId"]


class TestLinksOfClicks:
    def test_the_code_names_link_and_banner(self, api: httpx.Client, mark: str) -> None:
        banner = api.post("/banners", json={"bannerName": mark}).json()["bannerId"]
        other = api.post("/banners", json={"bannerName": "other", "cdnFileUrl": "https://c.example/o.png"}).json()[
            "bannerId"
        ]
        link = api.post("/links", json={"code": mark, "bannerId": banner}).json()["linkId"]
        plain = post(api, uri=f"https://x.example/?referral={mark}")
        named = post(api, uri=f"https://x.example/?referral={mark}&banner={other}")
        unknown = post(api, uri=f"https://x.example/?referral={mark}&banner=000000000000000000000000")
        assert (plain["linkId"], plain["bannerId"], plain["bannerName"]) == (link, banner, mark)
        assert (named["bannerId"], named["cdnFileUrl"]) == (other, "https://c.example/o.png")
        assert unknown["bannerId"] == banner

    def test_an_unknown_link_loses_no_click(self, api: httpx.Client, mark: str) -> None:
        assert post(api, uri=f"https://x.example/?referral={mark}")["linkId"] is None

    def test_a_link_works_from_the_moment_it_is_there(self, api: httpx.Client, mark: str) -> None:
        for number in range(20):
            link = api.post("/links", json={"code": f"{mark}{number}"}).json()["linkId"]
            assert post(api, uri=f"https://x.example/?referral={mark}{number}")["linkId"] == link


class TestPages:
    @pytest.fixture
    def clicks(self, api: httpx.Client, mark: str) -> list[str]:
        return [
            post(api, uri=f"https://x.example/?utm_campaign={mark}&utm_term={'ab'[number % 2] if number % 3 else ''}")[
                "clickId"
            ]
            for number in range(25)
        ]

    def test_newest_first_by_default(self, api: httpx.Client, mark: str, clicks: list[str]) -> None:
        page = api.get(f"/clicks?filter[utmCampaign]={mark}").json()
        assert [click["clickId"] for click in page] == clicks[::-1][:10]

    def test_offset(self, api: httpx.Client, mark: str, clicks: list[str]) -> None:
        page = api.get(f"/clicks?filter[utmCampaign]={mark}&sort_order=asc&limit=5&offset=20").json()
        assert [click["clickId"] for click in page] == clicks[20:]

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_links_lead_through_the_whole_list(
        self, api: httpx.Client, mark: str, clicks: list[str], order: str
    ) -> None:
        url, seen = f"/clicks?filter[utmCampaign]={mark}&sort_by=utmTerm&sort_order={order}&limit=4", []
        while url:
            answer = api.get(url)
            seen += [(click["utmTerm"], click["clickId"]) for click in answer.json()]
            url = answer.links.get("next", {}).get("url", "")
        assert sorted(click_id for _, click_id in seen) == clicks
        known = [pair for pair in seen if pair[0] is not None]
        assert known == sorted(known, reverse=order == "desc")
        unknown = [click_id for term, click_id in seen if term is None]
        assert seen[len(known) :] == [(None, click_id) for click_id in sorted(unknown, reverse=order == "desc")]

    def test_exact_counts_on_request(self, api: httpx.Client, mark: str, clicks: list[str]) -> None:
        url = f"/clicks?filter[utmCampaign]={mark}&limit=2"
        assert "X-Total-Count" not in api.get(url).headers
        counted = api.get(url, headers={"Prefer": "respond-async, count=exact"})
        assert counted.headers["X-Total-Count"] == str(len(clicks))


def test_every_single_expansion_is_there_or_null(api: httpx.Client) -> None:
    click_id = post(api)["clickId"]
    query = "query[link]=1&query[profile]=1&query[metrics]=1&query[contacts]=1"
    click = api.get(f"/clicks/{click_id}?{query}").json()
    assert (click["link"], click["profile"], click["metrics"], click["contacts"]) == (None, None, None, [])
    assert "link" not in api.get(f"/clicks/{click_id}?query[link]=0").json()


@pytest.mark.parametrize(
    "name", ["filter[bannerIdFilter]", "bannerIdFilter", "filter%5BbannerId%5D", "filter[bannerId]"]
)
def test_the_banner_filter_has_its_names(api: httpx.Client, mark: str, name: str) -> None:
    banner = api.post("/banners", json={"bannerName": mark}).json()["bannerId"]
    click_id = post(api, uri=f"https://x.example/?banner={banner}")["clickId"]
    assert [click["clickId"] for click in api.get(f"/clicks?{name}={banner}").json()] == [click_id]


def test_a_deleted_banner_leaves_its_clicks(api: httpx.Client, mark: str) -> None:
    banner = api.post("/banners", json={"bannerName": mark}).json()["bannerId"]
    click_id = post(api, uri=f"https://x.example/?banner={banner}")["clickId"]
    assert api.delete(f"/banners/{banner}").status_code == 204
    click = api.get(f"/clicks/{click_id}").json()
    assert (click["bannerId"], click["bannerName"]) == (None, None)
