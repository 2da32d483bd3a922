"""Objects that clients send back as they got them, as PHP, Python and JavaScript programs do."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving import Serving

Json = dict[str, Any]
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
CLIENT: Json = {
    "firstName": "Mary",
    "lastName": "Smith",
    "middleName": "",
    "enabled": True,
    "uuid": None,
    "contacts": [{"key": "email", "value": "client@email.com"}, {"key": "phone", "value": "+9876543210"}],
}
EXPANSIONS = "query[link]=1&query[profile]=1&query[contacts]=1&query[metrics]=1&query[visitor]=1"
OF_A_CLICK = {
    "clickId": "00000000000000000000000a",
    "time": "2020-01-01T00:00:00+00:00",
    "ip": "8.8.4.4",
    "uri": "https://other.example/",
    "utmSource": "other",
    "profileId": "00000000000000000000000a",
    "countryCode": "ZZ",
    "countryName": "Atlantis",
    "createTime": "2001-01-01T00:00:00+00:00",
    "updateTime": "2001-01-01T00:00:00+00:00",
    "uuid": "other",
}


def make(api: httpx.Client, path: str, **body: Any) -> str:
    """The path of a new object."""
    answer = api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return urlsplit(answer.headers["Location"]).path


def make_click(api: httpx.Client, mark: str, **body: Any) -> str:
    return make(api, "/clicks", ip="8.8.8.8", uri=f"https://x.example/?utm_source={mark}", **body)


def make_all(api: httpx.Client, mark: str, text: str) -> dict[str, str]:
    """One object of each resource -> its path, with all that GET can add."""
    paths = {
        "profile": make(api, "/profiles", **CLIENT, tags=[mark], countryNumericCode="840"),
        "nobody": make(api, "/profiles"),
        "language": make(api, "/banners/languages", languageName=text or mark),
        "size": make(api, "/banners/sizes", sizeName=text, width=1, height=2),
        "theme": make(api, "/banners/themes", themeName=text),
        "site": make(api, "/sites", name=text, origins=["https://shop.example.org"]),
    }
    profile_id = paths["profile"].rpartition("/")[2]
    paths["contact"] = make(api, f"{paths['profile']}/contacts", key="email", value="second@email.com")
    facets = {f"{name}Id": paths[name].rpartition("/")[2] for name in ("language", "size", "theme")}
    paths["banner"] = make(api, "/banners", bannerName=text, **facets)
    banner_id = paths["banner"].rpartition("/")[2]
    link = {"profileId": profile_id, "bannerId": banner_id, "name": text, "uri": "https://x.example/"}
    paths["link"] = make(api, "/links", **link, code=mark, fallbackUri="https://x.example/over") + "?query[redirect]=1"
    target = {"profileId": profile_id, "name": text, "uri": "https://t.example/{click_id}", "events": ["click"]}
    paths["postback"] = make(api, "/postbacks", **target)
    click = make(api, "/clicks", ip="8.8.8.8", uri=f"https://x.example/?referral={mark}", referrer=text, userAgent=text)
    assert api.put(click, json={"profile": CLIENT}).status_code == 200
    paths["click"] = f"{click}?{EXPANSIONS}"
    paths["page view"] = f"{make_click(api, mark, referrer=text)}?{EXPANSIONS}"
    return paths


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_what_get_shows_can_be_put_and_patched_back(api: httpx.Client, text: str) -> None:
    for name, path in make_all(api, f"m{id(text)}{len(text)}{text.encode().hex()}"[:60] + _next(), text).items():
        shown = api.get(path).json()
        for method in ("PATCH", "PUT"):
            answer = api.request(method, path.partition("?")[0], json=shown)
            assert answer.status_code == 200, (name, method, shown, answer.text)
            assert api.get(path).json() == shown, (name, method)


def _next() -> str:
    _COUNT.append(None)
    return f"-{len(_COUNT)}"


_COUNT: list[None] = []


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_a_whole_click_with_a_client_registers_the_client(api: httpx.Client, mark: str, is_wrapped: bool) -> None:
    path = make_click(api, mark, uuid=mark)
    click = api.get(path).json()
    client = {name: value for name, value in CLIENT.items() if name != "uuid"} | {"firstName": mark}
    body = click | ({"profile": client} if is_wrapped else client)
    answer = api.patch(path, json=body)
    assert answer.status_code == 200, answer.text
    shown = api.get(f"{path}?query[profile]=1").json()
    assert (shown["profile"]["firstName"], shown["profile"]["uuid"], shown["uuid"]) == (mark, None, mark)
    assert len(shown["profile"]["contacts"]) == 2
    again = api.patch(path, json=body)  # as after a timeout
    assert (again.status_code, again.json()) == (200, answer.json()), again.text


def test_the_whole_click_may_be_put_with_a_flat_client(api: httpx.Client, mark: str) -> None:
    path = make_click(api, mark, uuid=mark)
    answer = api.put(path, json=api.get(path).json() | CLIENT | {"uuid": f"{mark}-client"})
    assert answer.status_code == 200, answer.text
    for _ in range(2):
        shown = api.get(f"{path}?query[profile]=1").json()
        assert (shown["uuid"], shown["profile"]["uuid"]) == (mark, f"{mark}-client")
        flat = api.get(path).json() | {name: value for name, value in CLIENT.items() if name != "uuid"}
        assert api.put(path, json=flat).status_code == 200  # its uuid is the click's own


def test_a_token_that_reads_nothing_learns_nothing_by_sending_back(server: Serving, mark: str) -> None:
    with server.client() as api, server.client("write") as writer:
        paths = make_all(api, mark, mark)
        path = paths["click"].partition("?")[0]
        for guess in ("mine", mark):
            answer = writer.patch(path, json={"link": {"name": guess}, "profile": {"name": guess, "firstName": "Mary"}})
            assert answer.status_code == 200, answer.text
        click = api.get(paths["click"]).json()
        assert writer.post("/clicks", json=click | {"link": {"name": "mine"}}).status_code == 200
        assert api.post("/clicks", json=click | {"link": {"name": "mine"}}).status_code == 422


@pytest.mark.parametrize("body", [{}, {"profile": None}, {"profile": ""}, {"profile": {}}])
def test_a_patch_that_names_no_client_changes_nothing(api: httpx.Client, mark: str, body: Json) -> None:
    path = make_click(api, mark)
    before = api.get(path).json()
    assert api.patch(path, json=body).json() == before
    assert api.get(path).json() == before
    assert api.put(path, json=body).status_code == 422
    for nothing in ("null", '""', "[]"):
        assert api.patch(path, content=nothing).status_code == 422


@pytest.mark.parametrize("name", OF_A_CLICK)
def test_a_read_only_key_of_a_click_that_differs_is_refused(api: httpx.Client, mark: str, name: str) -> None:
    path = make_click(api, mark)
    refused = api.patch(path, json={"profile": CLIENT, name: OF_A_CLICK[name]})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{name}"]
    assert "differs from the stored value" in refused.json()["errors"][0]["detail"]
    assert api.get(path).json()["profileId"] is None


def test_read_only_keys_that_differ_are_refused_wherever_they_stand(api: httpx.Client, mark: str) -> None:
    paths = make_all(api, mark, mark)
    for path, change, pointer in (
        (paths["profile"], {"name": "Ann"}, "/name"),
        (paths["profile"], {"country": {"alpha2": "DE"}}, "/country/alpha2"),
        (paths["contact"], {"contactId": "0" * 24}, "/contactId"),
        (paths["banner"], {"languageName": "xx"}, "/languageName"),
        (paths["site"], {"key": "mine"}, "/key"),
        (paths["postback"], {"secret": "whsec_mine"}, "/secret"),
        (paths["link"], {"redirect": {"redirectStatus": 307}}, "/redirect/redirectStatus"),
        (paths["click"], {"link": {"name": "mine"}}, "/link/name"),
        (paths["click"], {"visitor": {"device": "toaster"}}, "/visitor/device"),
        (paths["click"], {"profile": {"profileId": "0" * 24}}, "/profile/profileId"),
    ):
        refused = api.patch(path.partition("?")[0], json=change)
        assert refused.status_code == 422, (path, change, refused.text)
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


def test_the_secret_of_a_postback_may_come_back(api: httpx.Client, mark: str) -> None:
    profile_id = make(api, "/profiles", firstName=mark).rpartition("/")[2]
    made = api.post("/postbacks", json={"profileId": profile_id, "uri": "https://t.example/", "events": ["click"]})
    path = urlsplit(made.headers["Location"]).path
    assert made.json()["secret"]
    assert api.put(path, json=made.json()).status_code == 200
    repeated = {"uuid": mark, **{name: made.json()[name] for name in ("profileId", "uri", "events")}}
    first = api.post("/postbacks", json=repeated).json()
    assert api.post("/postbacks", json=first).status_code == 200
    refused = api.post("/postbacks", json=first | {"secret": "whsec_mine"})
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/secret"]


def test_a_contact_that_is_changed_keeps_its_id(api: httpx.Client, mark: str) -> None:
    path = make(api, "/profiles", **CLIENT)
    profile = api.get(path).json()
    email = profile["contacts"][0]
    email["value"] = f"{mark}@email.com"
    for _ in range(2):
        changed = api.put(path, json=profile)
        assert changed.status_code == 200, changed.text
        assert [(each["contactId"], each["value"]) for each in changed.json()["contacts"]] == [
            (each["contactId"], each["value"]) for each in profile["contacts"]
        ]
    profile["contacts"][0]["contactId"] = "0" * 24
    assert [error["pointer"] for error in api.put(path, json=profile).json()["errors"]] == ["/contacts/0/contactId"]


def test_a_whole_click_is_recorded_under_its_own_id(api: httpx.Client, mark: str) -> None:
    click = api.get(f"{make_click(api, mark)}?{EXPANSIONS}").json()
    moved = click | {"clickId": f"6006dda2{mark[1:].ljust(16, '0')}", "createTime": None, "utmTerm": "nonsense"}
    first = api.post("/clicks", json=moved)
    assert first.status_code == 201, first.text
    assert first.json()["clickId"] == moved["clickId"]
    assert first.json()["createTime"].startswith("2021-01-19T")
    assert first.headers["Location"].endswith(f"/clicks/{moved['clickId']}")
    again = api.post("/clicks", json=first.json())
    assert (again.status_code, again.json()) == (200, first.json())
    upper = api.post("/clicks", json=first.json() | {"clickId": moved["clickId"].upper()})
    assert upper.status_code == 200, upper.text
    for change, status in (({"utmSource": "other"}, 422), ({"uri": "https://y.example/"}, 409), ({"uuid": "u"}, 409)):
        refused = api.post("/clicks", json=first.json() | change)
        assert refused.status_code == status, refused.text
        assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{next(iter(change))}"]


def test_a_known_uuid_under_another_id_is_a_conflict(api: httpx.Client, mark: str) -> None:
    click = api.get(make_click(api, mark, uuid=mark)).json()
    refused = api.post("/clicks", json=click | {"clickId": f"6006dda2{mark[1:].ljust(16, '0')}"})
    assert refused.status_code == 409
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/clickId"]


def test_whole_clicks_may_be_rows_of_a_batch(api: httpx.Client, mark: str) -> None:
    clicks = [api.get(make_click(api, mark)).json() for _ in range(2)]
    answer = api.post("/clicks/batch", json=clicks)
    assert (answer.status_code, answer.json()["repeated"]) == (201, 2), answer.text
