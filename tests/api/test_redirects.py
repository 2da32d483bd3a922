"""Tracking links: the visitor arrives, the click is recorded, and nothing of the visitor's making leads elsewhere."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.serving import Serving, run, serving

LANDING = "https://shop.example.org/welcome?lang=en&utm_source=default#top"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def link(api: httpx.Client, mark: str) -> dict[str, str]:
    made: dict[str, str] = api.post("/links", json={"code": mark, "uri": LANDING}).json()
    return made


def follow(server: Serving, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    return httpx.request(method, server.url + path, headers={"User-Agent": BROWSER} | headers)


def clicks_of(api: httpx.Client, link: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = api.get(f"/clicks?filter[linkId]={link['linkId']}").json()
    return found


def test_a_visit_is_a_click_and_leads_to_the_landing_page(
    server: Serving, api: httpx.Client, link: dict[str, str]
) -> None:
    answer = follow(
        server, f"/r/{link['code']}?utm_campaign=may&utm_source=news%20letter", Referer="https://blog.example/a"
    )
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store, private"
    target = urlsplit(answer.headers["Location"])
    assert (target.scheme, target.netloc, target.path, target.fragment) == (
        "https",
        "shop.example.org",
        "/welcome",
        "top",
    )
    [click] = clicks_of(api, link)
    assert parse_qs(target.query) == {
        "lang": ["en"],
        "utm_campaign": ["may"],
        "utm_source": ["news letter"],
        "referral": [link["code"]],
        "click_id": [click["clickId"]],
    }
    shown = ("linkId", "utmCampaign", "utmSource", "referrer", "userAgent", "ip")
    assert [click[name] for name in shown] == [
        link["linkId"],
        "may",
        "news letter",
        "https://blog.example/a",
        BROWSER,
        "127.0.0.1",
    ]
    assert "click_id" not in click["uri"]


def test_the_visitor_who_registers_is_the_partners(server: Serving, api: httpx.Client, link: dict[str, str]) -> None:
    location = follow(server, f"/r/{link['code']}").headers["Location"]
    click_id = parse_qs(urlsplit(location).query)["click_id"][0]
    assert api.patch(f"/clicks/{click_id}", json={"firstName": "Mary"}).status_code == 200
    assert api.get(f"/links/{link['linkId']}/metrics").json()["registrations"] == 1


def test_a_banner_counts_for_its_own(server: Serving, api: httpx.Client, link: dict[str, str], mark: str) -> None:
    banner_id = api.post("/banners", json={"bannerName": mark}).json()["bannerId"]
    follow(server, f"/b/{banner_id}/{link['code']}")
    follow(server, f"/b/{'0' * 24}/{link['code']}")
    assert sorted(click["bannerId"] or "" for click in clicks_of(api, link)) == ["", banner_id]


@pytest.mark.parametrize(
    ("method", "agent"), [("HEAD", BROWSER), ("GET", "facebookexternalhit/1.1"), ("GET", "WhatsApp/2.23.20.0")]
)
def test_previews_see_the_page_and_count_for_nothing(
    server: Serving, api: httpx.Client, link: dict[str, str], method: str, agent: str
) -> None:
    answer = follow(server, f"/r/{link['code']}", method, **{"User-Agent": agent})
    assert (answer.status_code, "click_id" in answer.headers["Location"]) == (302, False)
    assert clicks_of(api, link) == []


def test_a_link_that_is_off_is_gone(server: Serving, api: httpx.Client, link: dict[str, str], mark: str) -> None:
    api.patch(f"/links/{link['linkId']}", json={"enabled": False})
    assert follow(server, f"/r/{link['code']}").status_code == 410
    api.post("/links", json={"code": f"{mark}-bare"})
    assert follow(server, f"/r/{mark}-bare").status_code == 410
    assert follow(server, f"/r/{mark}-unknown").status_code == 404


def test_a_link_that_is_over_leads_to_its_fallback_page(
    server: Serving, api: httpx.Client, link: dict[str, str]
) -> None:
    path, fallback = f"/links/{link['linkId']}", "https://shop.example.org/over\r\nSet-Cookie: a=b"
    shown = api.get(f"{path}?query[redirect]=1").json()["redirect"]
    assert shown == {"redirectStatus": 302, "expireTime": None, "fallbackUri": None}
    assert "redirect" not in api.get(path).json()
    assert api.patch(path, json={"expireTime": "2020-01-01T00:00:00Z"}).status_code == 200
    assert follow(server, f"/r/{link['code']}").status_code == 410
    assert api.patch(path, json={"fallbackUri": fallback}).status_code == 200
    answer = follow(server, f"/r/{link['code']}?a=b")
    assert (answer.status_code, answer.headers["Location"][:29]) == (302, "https://shop.example.org/over")
    assert "set-cookie" not in answer.headers
    api.patch(path, json={"expireTime": "2999-01-01T00:00:00Z", "enabled": False})
    assert follow(server, f"/r/{link['code']}").headers["Location"].startswith("https://shop.example.org/over")
    assert clicks_of(api, link) == []
    api.patch(path, json={"enabled": True})
    assert "click_id=" in follow(server, f"/r/{link['code']}").headers["Location"]
    [listed] = api.get(f"/links?filter[code]={link['code']}&query[redirect]=1").json()
    assert listed["redirect"]["expireTime"] == "2999-01-01T00:00:00+00:00"


@pytest.mark.parametrize("status", [301, 302, 307])
def test_each_link_has_its_status(server: Serving, api: httpx.Client, link: dict[str, str], status: int) -> None:
    api.patch(f"/links/{link['linkId']}", json={"redirectStatus": status})
    assert follow(server, f"/r/{link['code']}").status_code == status


def test_links_do_not_lead_on_by_other_statuses(api: httpx.Client, link: dict[str, str]) -> None:
    for bad in (200, 303, "302", None, True):
        refused = api.patch(f"/links/{link['linkId']}", json={"redirectStatus": bad})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/redirectStatus"


def test_hosts_and_path_of_links_are_settings(tmp_path: Path) -> None:
    hosts = {
        "link_hosts": "go.example.com,GO2.example.com",
        "link_path": "/to",
        "public_url": "https://api.example.com",
    }
    with serving(tmp_path / "data", **hosts) as server, server.client() as api:
        api.post("/links", json={"code": "a b", "uri": LANDING})
        for path, host, status in (
            ("/to/a%20b", "api.example.com", 302),
            ("/r/a%20b", "api.example.com", 404),
            ("/a%20b", "go.example.com", 302),
            ("/a%20b", "go2.example.com", 302),
            (f"/b/{'0' * 24}/a%20b", "go.example.com", 302),
            ("/a%20b", "api.example.com", 404),
            ("/health", "go.example.com", 404),
            ("/clicks", "go.example.com", 404),
            ("/to/a%20b", "go.example.com", 404),
            ("/", "go.example.com", 404),
            *(
                (path, host, status)
                for host in ("go.example.com:8000", "go.example.com.", "GO.Example.COM", "Go2.example.com.:443")
                for path, status in (("/a%20b", 302), ("/health", 404), ("/clicks", 404), ("/docs", 404))
            ),
        ):
            assert follow(server, path, Host=host).status_code == status, (path, host)
        assert follow(server, "/a%20b", "POST", Host="go.example.com").status_code == 404
        assert len(api.get("/clicks").json()) == 8


def test_the_host_of_the_api_is_no_host_of_links(tmp_path: Path) -> None:
    hosts = {"link_hosts": "go.example.com:8443", "public_url": "https://Go.Example.com"}
    done = run("serve", "--data", str(tmp_path / "data"), **hosts)
    assert (done.returncode, "--public-url" in done.stderr) == (1, True)


def test_a_path_of_links_may_not_hide_the_api(tmp_path: Path) -> None:
    done = run("serve", "--data", str(tmp_path / "data"), "--link-path", "/clicks")
    assert (done.returncode, "--link-path" in done.stderr) == (1, True)


def test_visitors_may_be_led_on_before_the_disk_has_their_click(tmp_path: Path) -> None:
    with serving(tmp_path / "data", redirect_first="true") as server, server.client() as api:
        link = api.post("/links", json={"code": "fast", "uri": LANDING}).json()
        answers = [follow(server, "/r/fast") for _ in range(20)]
        led = {parse_qs(urlsplit(answer.headers["Location"]).query)["click_id"][0] for answer in answers}
        assert server.stop() == 0
    with serving(tmp_path / "data") as server, server.client() as api:
        assert {
            click["clickId"] for click in api.get(f"/clicks?limit=100&filter[linkId]={link['linkId']}").json()
        } == led


def test_a_browser_that_fetches_ahead_is_marked(server: Serving, api: httpx.Client, link: dict[str, str]) -> None:
    follow(server, f"/r/{link['code']}", **{"Sec-Purpose": "prefetch;prerender"})
    follow(server, f"/r/{link['code']}")
    shown = api.get(f"/clicks?filter[linkId]={link['linkId']}&query[visitor]=1").json()
    assert [each["visitor"]["isPrefetch"] for each in shown] == [False, True]
    assert shown[0]["visitor"]["duplicateOf"] == shown[1]["clickId"]


def test_too_many_visits_of_one_link_are_refused(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "data", link_visits_per_minute="3", visits_per_minute="0", lead_anyway="false") as server,
        server.client() as api,
    ):
        for code in ("busy", "quiet"):
            api.post("/links", json={"code": code, "uri": LANDING})
        assert {follow(server, "/r/busy").status_code for _ in range(8)} == {302, 429}
        assert follow(server, "/r/quiet").status_code == 302


@pytest.mark.parametrize(
    "query",
    [
        "url=https://evil.example/",
        "//evil.example",
        "@evil.example/",
        "a=%0d%0aSet-Cookie:%20x=1",
        "a=%00&b=%ff%fe&%zz=1",
        "#//evil.example",
        "&".join(f"p{number}=1" for number in range(2_000)),
        "x=" + "a" * 7_000,
        "click_id=000000000000000000000000&referral=somebody-else&REFERRAL=another",
        "utm_source=<script>alert(1)</script>",
    ],
)
def test_nothing_in_the_query_leads_elsewhere(
    server: Serving, api: httpx.Client, link: dict[str, str], query: str
) -> None:
    answer = follow(server, f"/r/{link['code']}?{query}")
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    assert (target.scheme, target.netloc, target.path) == ("https", "shop.example.org", "/welcome")
    assert "set-cookie" not in answer.headers
    [click] = clicks_of(api, link)
    assert click["linkId"] == link["linkId"]
    assert parse_qs(target.query)["click_id"] == [click["clickId"]]
    assert parse_qs(target.query)["referral"] == [link["code"]]


@pytest.mark.parametrize("code", ["a" * 10_240, "..%2f..%2fetc", "%0d%0ax", "%00", "a%ffb"])
def test_codes_that_are_none_are_not_found(server: Serving, code: str) -> None:
    assert follow(server, f"/r/{code}").status_code in (404, 414, 431)


def test_a_landing_page_cannot_bring_headers_of_its_own(server: Serving, api: httpx.Client, mark: str) -> None:
    made = api.post("/links", json={"code": mark, "uri": "https://shop.example.org/\r\nSet-Cookie: a=b/ä"})
    assert made.status_code == 201
    answer = follow(server, f"/r/{mark}")
    assert answer.status_code == 302
    assert "set-cookie" not in answer.headers
    assert answer.headers["Location"].startswith("https://shop.example.org/")


@pytest.mark.parametrize("size", [16_000, 65_536, 1_000_000])
def test_large_headers_do_no_harm(server: Serving, api: httpx.Client, link: dict[str, str], size: int) -> None:
    """Cookies are nothing that is looked at; what is too large for the server's own buffer ends the connection."""
    try:
        answer = follow(server, f"/r/{link['code']}", Referer="https://x.example/" + "a" * 5_000, Cookie="a" * size)
    except httpx.TransportError:
        assert size == 1_000_000
    else:
        assert answer.status_code == (302 if size == 16_000 else answer.status_code) in (302, 400, 431)
    assert all(len(click["referrer"]) <= 2_048 for click in clicks_of(api, link))
    assert follow(server, f"/r/{link['code']}").status_code == 302
    assert "aaaaaaaa" not in server.log.read_text()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Forwarded-For": "1.1.1.1"}, "1.1.1.1"),
        ({"X-Forwarded-For": "6.6.6.6, 1.1.1.1, 10.0.0.9"}, "1.1.1.1"),
        ({"X-Forwarded-For": "6.6.6.6, nonsense"}, "127.0.0.1"),
        ({"Forwarded": 'for=6.6.6.6, for="[2a00:1450::1]:443";proto=https'}, "2a00:1450::1"),
        ({"Forwarded": "for=1.1.1.1:8080", "X-Forwarded-For": "6.6.6.6"}, "1.1.1.1"),
        ({"Forwarded": "for=_hidden"}, "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_who_came(proxied: Serving, headers: dict[str, str], expected: str) -> None:
    with proxied.client() as api:
        assert follow(proxied, "/r/proxied", **headers).status_code == 302
        assert api.get("/clicks?limit=1").json()[0]["ip"] == expected


def test_too_many_visits_of_one_address_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data", visits_per_minute="3", lead_anyway="false") as server, server.client() as api:
        link = api.post("/links", json={"code": "busy", "uri": LANDING}).json()
        answers = [follow(server, "/r/busy") for _ in range(8)]
        assert {answer.status_code for answer in answers} == {302, 429}
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 429)
        assert len(clicks_of(api, link)) == sum(answer.status_code == 302 for answer in answers)


def test_nobody_elses_word_is_taken(server: Serving, api: httpx.Client, link: dict[str, str]) -> None:
    follow(server, f"/r/{link['code']}", **{"X-Forwarded-For": "1.1.1.1", "Forwarded": "for=1.1.1.1"})
    assert clicks_of(api, link)[0]["ip"] == "127.0.0.1"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder: Path = tmp_path_factory.mktemp("proxied")
    with serving(folder / "data", trusted_proxies="127.0.0.0/8, 10.0.0.0/8") as running:
        with running.client() as api:
            api.post("/links", json={"code": "proxied", "uri": LANDING})
        yield running


@pytest.mark.parametrize(("kind", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_a_link_is_a_qr_code(api: httpx.Client, link: dict[str, str], kind: str, begin: bytes) -> None:
    answer = api.get(f"/links/{link['linkId']}/qr?format={kind}")
    assert (answer.status_code, answer.content[: len(begin)]) == (200, begin)
    again = api.get(f"/links/{link['linkId']}/qr?format={kind}")
    assert again.content == answer.content


def test_a_qr_code_of_nothing_or_of_no_kind(api: httpx.Client, link: dict[str, str]) -> None:
    assert api.get(f"/links/{'0' * 24}/qr").status_code == 404
    refused = api.get(f"/links/{link['linkId']}/qr?format=gif&filter[code]=a&x=1")
    assert refused.status_code == 400
    assert len(refused.json()["errors"]) == 3
    assert api.get(f"/links/{link['linkId']}/qr").headers["Content-Type"] == "image/svg+xml"
