"""Page views: the pixel, the beacon, and what a public key can do."""

import gzip
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import httpx
import pytest

from tests.ingest.test_agents import CHROME
from tests.serving import Serving, serving
from tests.waiting import until

SHOP = "https://shop.example.org"


@pytest.fixture
def site(api: httpx.Client, mark: str) -> dict[str, Any]:
    answer = api.post("/sites", json={"name": mark, "origins": [SHOP, "http://localhost:8080"]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def beacon(server: Serving, body: Any, origin: str | None = SHOP, **headers: str) -> httpx.Response:
    more = {"Origin": origin} if origin else {}
    content = body if isinstance(body, str) else httpx.Request("POST", "http://x", json=body).content
    kept = {"User-Agent": CHROME, "Content-Type": "text/plain;charset=UTF-8", **more, **headers}
    return httpx.post(f"{server.url}/collect", content=content, headers=kept)


def found(api: httpx.Client, mark: str) -> list[dict[str, Any]]:
    clicks: list[dict[str, Any]] = api.get(f"/clicks?limit=100&filter[uri]={mark}&query[visitor]=1").json()
    return clicks


def test_a_beacon_is_a_click(server: Serving, api: httpx.Client, site: dict[str, Any], mark: str) -> None:
    body = {
        "key": site["key"],
        "uri": f"{SHOP}/a?utm_source={mark}",
        "referrer": "https://blog.example/",
        "locale": "en",
        "visitorId": "v",
        "uuid": mark,
    }
    answer = beacon(server, body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"  # beacons always send some
    assert "Set-Cookie" not in answer.headers
    assert beacon(server, body).json() == answer.json()
    [click] = found(api, mark)
    assert click["clickId"] == answer.json()["clickId"]
    assert [click[name] for name in ("ip", "userAgent", "referrer", "utmSource", "uuid")] == [
        "127.0.0.1",
        CHROME,
        "https://blog.example/",
        mark,
        mark,
    ]
    assert (click["visitor"]["visitorId"], click["visitor"]["device"]) == ("v", "desktop")


def test_a_pixel_always_answers(server: Serving, api: httpx.Client, site: dict[str, Any], mark: str) -> None:
    def show(query: str, method: str = "GET", **headers: str) -> None:
        answer = httpx.request(method, f"{server.url}/p.gif?{query}", headers={"User-Agent": CHROME, **headers})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/gif")
        assert answer.headers["Cache-Control"].startswith("no-store")
        assert len(answer.content) == (43 if method == "GET" else 0)

    key = site["key"]
    show(f"key={key}&uri={SHOP}/{mark}-1&referrer=https://blog.example/")
    show(f"key={key}", Referer=f"{SHOP}/{mark}-2")
    for bad in (
        "",
        f"key=x&uri={SHOP}/{mark}",
        f"key={key}&uri=https://evil.example/{mark}",
        f"key={key}&uri=%zz{mark}",
        "&".join(f"a{number}=1" for number in range(2_000)),
        "key=" + "a" * 7_000,
        f"key={key}&uri={SHOP}/{mark}%0d%0a%00",
        "%ff%fe",
    ):
        show(bad)
    show(f"key={key}&uri={SHOP}/{mark}-3", "HEAD")
    assert sorted(each["uri"] for each in found(api, mark)) == [f"{SHOP}/{mark}-1", f"{SHOP}/{mark}-2"]


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", f"{SHOP}.evil.example", "http://shop.example.org"]
)
def test_foreign_origins_are_refused(
    server: Serving, api: httpx.Client, site: dict[str, Any], mark: str, origin: str | None
) -> None:
    answer = beacon(server, {"key": site["key"], "uri": f"{SHOP}/{mark}"}, origin)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert found(api, mark) == []


def test_pages_of_other_sites_are_refused(server: Serving, api: httpx.Client, site: dict[str, Any], mark: str) -> None:
    for uri in (f"https://evil.example/{mark}", f"https://shop.example.org@evil.example/{mark}", f"{SHOP}:444/{mark}"):
        assert beacon(server, {"key": site["key"], "uri": uri}).status_code == 403
    assert found(api, mark) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 422),
        ("{", 400),
        ('{"key": 1, "uri": "x"}', 403),
        ('{"key": "KEY"}', 422),
        ('{"key": "KEY", "uri": "https://shop.example.org/", "ip": "1.1.1.1"}', 422),
        ('{"key": "KEY", "uri": "https://shop.example.org/", "userAgent": "x"}', 422),
        ('{"key": "KEY", "uri": "https://shop.example.org/", "time": "2020-01-01T00:00:00Z"}', 422),
        ('{"key": "KEY", "uri": "https://shop.example.org/' + "a" * 40_000 + '"}', 413),
        ("[" * 30_000, 400),
    ],
)
def test_bad_beacons(server: Serving, site: dict[str, Any], body: str, status: int) -> None:
    assert beacon(server, body.replace("KEY", site["key"])).status_code == status


@pytest.mark.usefixtures("site")
def test_browsers_may_ask_first(server: Serving) -> None:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = httpx.options(f"{server.url}/collect", headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
    assert httpx.options(f"{server.url}/collect", headers=asked | {"Origin": "https://evil.example"}).status_code == 403


def test_a_page_with_thousands_of_parameters(
    server: Serving, api: httpx.Client, site: dict[str, Any], mark: str
) -> None:
    uri = f"{SHOP}/{mark}?" + "&".join("a" for _ in range(3_000))
    assert beacon(server, {"key": site["key"], "uri": uri}).status_code == 201
    assert len(found(api, mark)) == 1


def test_a_site_that_is_off_takes_nothing(server: Serving, api: httpx.Client, site: dict[str, Any], mark: str) -> None:
    assert api.patch(f"/sites/{site['siteId']}", json={"enabled": False}).status_code == 200
    assert beacon(server, {"key": site["key"], "uri": f"{SHOP}/{mark}"}).status_code == 403


def test_a_key_reads_nothing(server: Serving, api: httpx.Client, site: dict[str, Any]) -> None:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {site['key']}"}) as client:
        assert {client.get(path).status_code for path in ("/clicks", "/sites", "/links")} == {401}
    for scope, partner in (("read", None), ("partner", api.post("/profiles", json={}).json()["profileId"])):
        with server.client(scope, partner) as client:
            assert client.post("/sites", json={"origins": [SHOP]}).status_code == 403
    assert api.get(f"/sites/{site['siteId']}").json()["key"] == site["key"]


def test_a_visit_by_a_tracking_link_is_one_click(
    server: Serving, api: httpx.Client, site: dict[str, Any], mark: str
) -> None:
    api.post("/links", json={"code": mark, "uri": f"{SHOP}/welcome"})
    landing = httpx.get(f"{server.url}/r/{mark}", headers={"User-Agent": CHROME}).headers["Location"]
    answer = beacon(server, {"key": site["key"], "uri": landing, "visitorId": mark, "uuid": f"{mark}-u"})
    assert answer.status_code == 200
    [click] = found(api, mark)
    assert (click["clickId"], click["visitor"]["visitorId"]) == (answer.json()["clickId"], mark)
    assert beacon(server, {"key": site["key"], "uri": landing, "visitorId": "another"}).status_code == 200
    [click] = found(api, mark)
    assert click["visitor"]["visitorId"] == mark
    # The visitor registers on the site: the link has earned the client.
    made = api.post("/registrations", json={"visitorId": mark, "profile": {"firstName": "Mary"}}).json()
    assert made["clickId"] == click["clickId"]
    # An id that nobody knows is no click.
    unknown = {"key": site["key"], "uri": f"{SHOP}/{mark}-x?click_id={'0' * 24}"}
    assert beacon(server, unknown).status_code == 201


def test_the_snippet_is_small_and_kept(server: Serving) -> None:
    answer = httpx.get(f"{server.url}/clicktrail.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "max-age" in answer.headers["Cache-Control"]
    assert len(gzip.compress(answer.content, 9)) < 2_048
    assert "%" + "CLICK%" not in answer.text
    again = httpx.get(f"{server.url}/clicktrail.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "origins", [None, [], "https://a.example", ["a.example"], ["https://a.example/x"], [1], ["ftp://a"]]
)
def test_a_site_has_origins(api: httpx.Client, origins: Any) -> None:
    refused = api.post("/sites", json={"origins": origins})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/origins"


def test_a_partner_learns_no_more_of_a_site_than_its_id(
    server: Serving, api: httpx.Client, site: dict[str, Any], mark: str
) -> None:
    partner = api.post("/profiles", json={"firstName": "Ada"}).json()["profileId"]
    assert api.post("/links", json={"code": mark, "profileId": partner}).status_code == 201
    assert beacon(server, {"key": site["key"], "uri": f"{SHOP}/?referral={mark}"}).status_code == 201
    query = f"/reports?group_by=site&period=24h&filter[code]={mark}"
    [row] = api.get(query).json()["rows"]
    assert (row["siteId"], row["siteName"]) == (site["siteId"], mark)
    with server.client("partner", partner) as theirs:
        assert theirs.get("/sites").json() == []
        [row] = theirs.get(query).json()["rows"]
        assert (row["siteId"], row["siteName"], row["clicks"]) == (site["siteId"], None, 1)


def test_an_objection_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    mine = str(uuid4())
    with serving(tmp_path) as server, server.client() as api:
        site = api.post("/sites", json={"name": "shop", "origins": [SHOP]}).json()
        view = {"key": site["key"], "uri": f"{SHOP}/", "visitorId": mine}
        assert beacon(server, view).status_code == 201
        assert beacon(server, {"key": site["key"], "visitorId": mine, "consent": False}).status_code == 204
        server.kill()
    with serving(tmp_path) as server, server.client() as api:
        until(lambda: api.get(f"/clicks?filter[visitorId]={mine}").json() == [], "the page view is stripped")
        server.stop()
    with duckdb.connect(str(tmp_path / "clicktrail.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM objections").fetchall() == [(0,)]


def test_a_browser_that_objects_is_forgotten(
    server: Serving, api: httpx.Client, site: dict[str, Any], mark: str
) -> None:
    """The answer is the same whether there was anything; ids that could be guessed do nothing."""
    mine, other = str(uuid4()), str(uuid4())
    for visitor_id in (mine, mine, other, f"{mark}-guessed"):
        body = {"key": site["key"], "uri": f"{SHOP}/{mark}?a=1", "visitorId": visitor_id}
        assert beacon(server, body).status_code == 201
    elsewhere = api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"{SHOP}/{mark}", "visitorId": mine}).json()
    objection = {"key": site["key"], "consent": False}
    answers = [beacon(server, {**objection, "visitorId": each}) for each in (mine, str(uuid4()), f"{mark}-guessed", 7)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    assert beacon(server, {**objection, "visitorId": other}, origin="https://evil.example").status_code == 403

    def count(visitor_id: str) -> int:
        return len(api.get(f"/clicks?filter[visitorId]={visitor_id}").json())

    until(lambda: count(mine) == 1, "the page views of the browser are stripped")
    assert (count(other), count(f"{mark}-guessed")) == (1, 1)
    assert api.get(f"/clicks/{elsewhere['clickId']}").json()["ip"] == "8.8.8.8"  # not a page view of this site
    clicks = found(api, mark)
    assert len(clicks) == 5
    assert sum(each["ip"].startswith("100::") for each in clicks) == 2
    shown = httpx.get(f"{server.url}/p.gif?key={site['key']}&consent=false&visitorId={other}&uri={SHOP}/{mark}")
    assert shown.status_code == 200
    until(lambda: count(other) == 0, "the pixel takes objections too")
    for said in ("False", "no", "0"):
        assert httpx.get(f"{server.url}/p.gif?key={site['key']}&consent={said}&uri={SHOP}/{mark}").status_code == 200
    assert len(found(api, mark)) == 5
