"""Links, banners and what banners have, over HTTP."""

from typing import Any

import httpx
import pytest

RESOURCES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("/links", "linkId", {"name": "one"}, {"name": "two"}),
    ("/banners", "bannerId", {"bannerName": "one"}, {"bannerName": "two"}),
    ("/banners/languages", "languageId", {"languageName": "en"}, {"languageName": "de"}),
    ("/banners/sizes", "sizeId", {"sizeName": "s", "width": 1, "height": 2}, {"width": 3}),
    ("/banners/themes", "themeId", {"themeName": "dark"}, {"themeName": "light"}),
    ("/profiles", "profileId", {"firstName": "one"}, {"firstName": "two", "tags": ["a", "b"]}),
]


@pytest.mark.parametrize(("path", "key", "first", "change"), RESOURCES)
def test_the_life_of_an_object(
    api: httpx.Client, path: str, key: str, first: dict[str, Any], change: dict[str, Any]
) -> None:
    created = api.post(path, json=first)
    assert created.status_code == 201, created.text
    item = created.json()
    url = f"{path}/{item[key]}"
    assert created.headers["Location"] == str(api.base_url).rstrip("/") + url
    assert api.get(url).json() == item
    assert item.items() >= first.items()
    changed = api.patch(url, json=change)
    assert changed.status_code == 200
    assert changed.json().items() >= change.items()
    assert {name for name in item if changed.json()[name] != item[name]} <= {*change, "updateTime", "name"}
    assert key in {name for found in api.get(f"{path}?limit=1000").json() for name in found}
    if path == "/profiles":
        assert [found[key] for found in api.get(f"{path}?filter[{key}]={item[key]}").json()] == [item[key]]
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404
    assert api.delete(url).status_code == 404


@pytest.mark.parametrize(("path", "key", "first", "change"), RESOURCES)
def test_a_uuid_makes_a_post_repeatable(
    api: httpx.Client, mark: str, path: str, key: str, first: dict[str, Any], change: dict[str, Any]
) -> None:
    made = api.post(path, json=first | {"uuid": mark})
    again = api.post(path, json=first | {"uuid": mark})
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()[key] == again.json()[key]
    assert api.post(path, json=first | {"uuid": mark} | change).status_code == 409
    other = api.post(path, json=first).json()[key]
    assert api.patch(f"{path}/{other}", json={"uuid": mark}).status_code == 409


def test_codes_are_made_and_unique(api: httpx.Client, mark: str) -> None:
    first, second = (api.post("/links", json={}).json()["code"] for _ in range(2))
    assert first != second
    assert len(first) >= 10
    assert api.post("/links", json={"code": mark}).status_code == 201
    assert api.post("/links", json={"code": mark}).status_code == 409


def test_put_keeps_a_code_that_it_does_not_name(api: httpx.Client, mark: str) -> None:
    link = api.post("/links", json={"code": mark}).json()
    content = {"profileId": None, "bannerId": None, "name": None, "uri": None, "enabled": False, "code": None}
    replaced = api.put(f"/links/{link['linkId']}", json=content)
    assert replaced.status_code == 200, replaced.text
    assert (replaced.json()["code"], replaced.json()["enabled"]) == (mark, False)


def test_references_must_exist(api: httpx.Client) -> None:
    nobody = "000000000000000000000000"
    refused = api.post("/links", json={"profileId": nobody, "bannerId": nobody})
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/profileId", "/bannerId"}


def test_a_banner_takes_names_and_measures_from_what_it_has(api: httpx.Client, mark: str) -> None:
    language = api.post("/banners/languages", json={"languageName": mark}).json()["languageId"]
    size = api.post("/banners/sizes", json={"sizeName": "200x100", "width": 200, "height": 100}).json()["sizeId"]
    theme = api.post("/banners/themes", json={"themeName": mark}).json()["themeId"]
    content = {"bannerName": mark, "languageId": language, "sizeId": size, "themeId": theme}
    banner = api.post("/banners", json=content).json()
    assert (banner["languageName"], banner["sizeName"], banner["themeName"]) == (mark, "200x100", mark)
    assert (banner["width"], banner["height"]) == (200, 100)
    used = api.get("/banners/filters").json()
    assert {"languageId": language, "languageName": mark} in used["languages"]
    assert {"sizeId": size, "sizeName": "200x100"} in used["sizes"]
    assert api.get(f"/banners?filter[languageName]={mark}&filter[width]=200").json() == [banner]
    api.delete(f"/banners/themes/{theme}")
    assert api.get(f"/banners/{banner['bannerId']}").json()["themeId"] is None


def test_the_filters_of_banners_take_no_parameters(api: httpx.Client) -> None:
    answer = api.get("/banners/filters?query[redirect]=1")
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"parameter": "query[redirect]", "detail": "is not a parameter here; allowed: none"}
    ]


class TestAttributionIsNotLost:
    @pytest.fixture
    def clicked(self, api: httpx.Client, mark: str) -> tuple[str, str]:
        partner = api.post("/profiles", json={"firstName": mark}).json()["profileId"]
        link = api.post("/links", json={"code": mark, "profileId": partner}).json()["linkId"]
        api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"https://x.example/?referral={mark}"})
        return partner, link

    def test_a_link_with_clicks_stays(self, api: httpx.Client, clicked: tuple[str, str]) -> None:
        assert api.delete(f"/links/{clicked[1]}").status_code == 409

    def test_a_partner_with_clicks_stays(self, api: httpx.Client, clicked: tuple[str, str]) -> None:
        assert api.delete(f"/profiles/{clicked[0]}").status_code == 409
        assert api.patch(f"/profiles/{clicked[0]}", json={"enabled": False}).status_code == 200

    def test_a_partner_without_clicks_goes_and_the_link_stays(self, api: httpx.Client, mark: str) -> None:
        partner = api.post("/profiles", json={"firstName": mark}).json()["profileId"]
        link = api.post("/links", json={"profileId": partner}).json()["linkId"]
        assert api.delete(f"/profiles/{partner}").status_code == 204
        assert api.get(f"/links/{link}").json()["profileId"] is None


def test_link_metrics_count_exactly(api: httpx.Client, mark: str) -> None:
    link = api.post("/links", json={"code": mark}).json()["linkId"]
    assert api.get(f"/links/{link}/metrics").json() == {
        "clicks": 0,
        "uniqueClicks": 0,
        "registrations": 0,
        "conversionRate": "0.00",
        "firstClickTime": None,
        "lastClickTime": None,
    }
    ids = []
    for number in range(6):
        click = {
            "ip": f"8.8.8.{number // 2}",
            "uri": f"https://x.example/?referral={mark}",
            "userAgent": "b" if number == 5 else None,
            "time": f"2021-01-01T0{number}:00:00+00:00",
        }
        ids.append(api.post("/clicks", json=click).json()["clickId"])
    api.patch(f"/clicks/{ids[0]}", json={"firstName": "Mary"})
    assert api.get(f"/links/{link}/metrics").json() == {
        "clicks": 6,
        "uniqueClicks": 4,
        "registrations": 1,
        "conversionRate": "16.67",
        "firstClickTime": "2021-01-01T00:00:00+00:00",
        "lastClickTime": "2021-01-01T05:00:00+00:00",
    }
    again = {"ip": "8.8.8.0", "uri": f"https://x.example/?referral={mark}", "time": "2021-01-02T00:00:00+00:00"}
    api.post("/clicks", json=again)  # the same visitor on the next day
    assert api.get(f"/links/{link}/metrics").json()["uniqueClicks"] == 5


def test_contacts_of_a_profile(api: httpx.Client, mark: str) -> None:
    profile = api.post("/profiles", json={"firstName": mark}).json()["profileId"]
    base = f"/profiles/{profile}/contacts"
    made = api.post(base, json={"key": "email", "value": f"{mark}@email.com"})
    assert made.status_code == 201
    url = f"{base}/{made.json()['contactId']}"
    assert made.headers["Location"].endswith(url)
    assert api.post(base, json={"key": "email", "value": f"{mark}@email.com"}).status_code == 409
    assert api.post(base, json={"key": "email", "value": "+1"}).status_code == 422
    assert api.patch(url, json={"key": "phone"}).status_code == 422
    assert api.patch(url, json={"key": "phone", "value": "+16502530000"}).json()["value"] == "+16502530000"
    assert api.get(base).json() == [api.get(url).json()]
    assert api.get(f"/profiles/{profile}").json()["contacts"] == api.get(base).json()
    assert api.get(f"/profiles?filter[contacts]=+1650&filter[firstName]={mark}").json() != []
    elsewhere = api.post("/profiles", json={}).json()["profileId"]
    assert api.get(f"/profiles/{elsewhere}/contacts/{made.json()['contactId']}").status_code == 404
    assert api.delete(url).status_code == 204
    assert api.get(base).json() == []
    assert api.get("/profiles/000000000000000000000000/contacts").status_code == 404


def test_a_profile_shows_its_country(api: httpx.Client) -> None:
    profile = api.post("/profiles", json={"countryNumericCode": "276"}).json()
    assert profile["country"] == {"alpha2": "DE", "alpha3": "DEU", "numeric": "276", "name": "Germany"}
    french = api.get(f"/profiles/{profile['profileId']}", headers={"Accept-Language": "fr"}).json()
    assert french["country"]["name"] == "Allemagne"
    assert api.post("/profiles", json={"countryNumericCode": "000"}).status_code == 422
