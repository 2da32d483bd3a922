"""The snippet in a real browser: Debian's Chromium, on pages that a local server shows."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import CHROMIUM
from tests.browser.slow import held, until_asked
from tests.ingest.test_agents import CHROME
from tests.serving import Serving, serving
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]
PAGE = """<!doctype html><title>shop</title>
<script src="{url}/clicktrail.js" data-key="{key}" {options}></script>
<form action="/done">
<input type="hidden" name="click_id"><input type="hidden" name="visitor_id"><button>ok</button>
</form>
"""


class Shop(ThreadingHTTPServer):
    """Pages that carry the snippet; what its forms sent is kept."""

    page = ""
    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Shop)
        self.server.asked.append(self.path)
        content = self.server.page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder: Path = tmp_path_factory.mktemp("browser")
    with serving(folder / "data") as running:
        yield running


@pytest.fixture(scope="module")
def api(tracker: Serving) -> Iterator[httpx.Client]:
    with tracker.client() as client:
        yield client


@pytest.fixture(scope="module")
def shop(tracker: Serving, api: httpx.Client) -> Iterator[Shop]:
    server = Shop(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    key = api.post("/sites", json={"origins": [server.url]}).json()["key"]
    server.page = PAGE.replace("{url}", tracker.url).replace("{key}", key)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(user_agent=CHROME)
    yield context
    context.close()


def visit(visitor: BrowserContext, shop: Shop, path: str, options: str = "") -> Page:
    """Opens a page and waits until it has been quiet for a while: on a busy machine what it sends may come later."""
    page = visitor.new_page()
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    show(page, shop, path, options)
    return page


def show(page: Page, shop: Shop, path: str, options: str = "") -> None:
    template, shop.page = shop.page, shop.page.replace("{options}", options)
    try:
        page.goto(shop.url + path, wait_until="networkidle")
    finally:
        shop.page = template


def clicks(api: httpx.Client, mark: str) -> list[dict[str, Any]]:
    """What was recorded of pages with this mark, the oldest first."""
    found: list[dict[str, Any]] = api.get(f"/clicks?limit=100&filter[uri]={mark}&query[visitor]=1").json()
    return found[::-1]


def recorded(api: httpx.Client, mark: str, count: int = 1) -> list[dict[str, Any]]:
    """The same, as soon as there are so many."""
    until(lambda: len(clicks(api, mark)) >= count, f"{count} are recorded")
    return clicks(api, mark)


def click_id(page: Page) -> str | None:
    value: str | None = page.evaluate("clicktrail.clickId()")
    return value


def until_brought(page: Page, click: dict[str, Any]) -> None:
    """The page has its answer: this click brought the visitor."""
    page.wait_for_function("click => clicktrail.clickId() === click", arg=click["clickId"])


def test_an_arrival_is_recorded_and_remembered(
    api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str
) -> None:
    page = visit(visitor, shop, f"/?utm_source={mark}&x=1#part")
    [click] = recorded(api, mark)
    assert (click["utmSource"], click["uri"]) == (mark, f"{shop.url}/?utm_source={mark}&x=1")
    until_brought(page, click)
    [cookie] = visitor.cookies()
    assert (cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["domain"] == "localhost"
    # A later page of the same visitor is recorded, but what brought them stays.
    show(page, shop, f"/plain-{mark}")
    arrival, later = recorded(api, mark, 2)
    assert click_id(page) == arrival["clickId"] == click["clickId"]
    assert later["visitor"]["visitorId"] == arrival["visitor"]["visitorId"] == page.evaluate("clicktrail.visitorId()")
    assert later["visitor"]["device"] == "desktop"
    # A new campaign brings them anew.
    show(page, shop, f"/?utm_campaign=again&m={mark}")
    until_brought(page, recorded(api, mark, 3)[-1])


def test_forms_carry_the_click(api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str) -> None:
    page = visit(visitor, shop, f"/?utm_source={mark}")
    [click] = recorded(api, f"utm_source={mark}")
    until_brought(page, click)
    shop.asked.clear()
    page.click("button")
    page.wait_for_url("**/done**")
    sent = next(path for path in shop.asked if path.startswith("/done"))
    assert f"click_id={click['clickId']}" in sent
    assert f"visitor_id={click['visitor']['visitorId']}" in sent


def test_a_tracking_link_is_one_click(
    tracker: Serving, api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str
) -> None:
    link_id = api.post("/links", json={"code": mark, "uri": f"{shop.url}/welcome"}).json()["linkId"]
    page = visitor.new_page()
    page.goto(f"{tracker.url}/r/{mark}", wait_until="networkidle")
    until(lambda: clicks(api, mark)[0]["visitor"]["visitorId"] is not None, "the page is known as its arrival")
    [click] = clicks(api, mark)
    assert (click["linkId"], click_id(page)) == (link_id, click["clickId"])
    assert click["visitor"]["visitorId"] == page.evaluate("clicktrail.visitorId()")


def test_pages_that_change_without_loading(api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str) -> None:
    page = visit(visitor, shop, f"/?m={mark}")
    until_brought(page, recorded(api, mark)[0])
    page.evaluate(f"history.pushState({{}}, '', '/next?m={mark}&utm_source=spa')")
    until_brought(page, recorded(api, mark, 2)[1])
    page.evaluate("history.replaceState({}, '', location.href + '#only-the-fragment')")
    page.evaluate("history.back()")
    found = recorded(api, mark, 3)
    assert [each["uri"].removeprefix(shop.url) for each in found] == [
        f"/?m={mark}",
        f"/next?m={mark}&utm_source=spa",
        f"/?m={mark}",
    ]
    assert found[1]["referrer"] == found[0]["uri"]
    assert click_id(page) == found[1]["clickId"]  # what brought them stays


def test_blocked_cookies_do_no_harm(api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str) -> None:
    visitor.add_init_script(
        "const no = () => { throw new Error('blocked') }; Object.defineProperty(document, 'cookie', {get: no, set: no})"
    )
    errors: list[object] = []
    visitor.on("weberror", lambda error: errors.append(error))
    page = visit(visitor, shop, f"/?utm_source={mark}")
    until_brought(page, recorded(api, mark)[0])
    assert errors == []


@pytest.mark.parametrize(
    "signal",
    [
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
        "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
    ],
)
def test_who_does_not_want_to_be_seen_is_not(
    api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str, signal: str
) -> None:
    visitor.add_init_script(signal)
    page = visit(visitor, shop, f"/?utm_source={mark}")
    assert (clicks(api, mark), visitor.cookies(), click_id(page)) == ([], [], None)


def test_consent_is_waited_for_and_can_be_taken_back(
    api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str
) -> None:
    page = visit(visitor, shop, f"/?utm_source={mark}", 'data-consent="wait"')
    assert (clicks(api, mark), visitor.cookies()) == ([], [])
    page.evaluate("clicktrail.consent(true)")
    [click] = recorded(api, mark)
    until_brought(page, click)
    page.evaluate("clicktrail.consent(false)")
    assert (visitor.cookies(), click_id(page), page.evaluate("clicktrail.visitorId()")) == ([], None, None)


NOTE_ANSWERS = """const read = Response.prototype.json
Response.prototype.json = function () {
  return read.call(this).finally(() => setTimeout(() => { window.isAnswered = true }))
}"""
"""Notes when the page has an answer and has done what it does with it."""


def test_consent_that_is_taken_back_before_the_answer_stays_so(shop: Shop, visitor: BrowserContext, mark: str) -> None:
    page = visitor.new_page()
    page.add_init_script(NOTE_ANSWERS)
    waiting = held(page, "**/collect", "POST")
    page.goto(f"{shop.url}/?utm_source={mark}")
    until_asked(page, waiting)
    assert visitor.cookies() != []
    page.evaluate("clicktrail.consent(false)")
    waiting[0].fulfill(json={"clickId": "a" * 24}, headers={"Access-Control-Allow-Origin": "*"})
    page.wait_for_function("window.isAnswered")
    assert (visitor.cookies(), click_id(page), page.evaluate("clicktrail.visitorId()")) == ([], None, None)


def test_only_campaigns_where_that_is_wanted(api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str) -> None:
    page = visit(visitor, shop, f"/{mark}", 'data-views="campaign"')
    assert clicks(api, mark) == []
    show(page, shop, f"/{mark}?referral=somebody", 'data-views="campaign"')
    assert len(recorded(api, mark)) == 1


BEACON = """([url, body]) => navigator.sendBeacon(url, new Blob([body], {type: 'application/json'}))"""


def test_a_beacon_may_be_json(
    tracker: Serving, api: httpx.Client, shop: Shop, visitor: BrowserContext, mark: str
) -> None:
    """The browser asks first, for the credentials that beacons always have as well.

    No request is routed here: where one is, Playwright answers what the browser asks.
    """
    page = visitor.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    show(page, shop, f"/plain-{mark}", 'data-consent="wait"')
    key = re.search('data-key="([^"]+)"', shop.page)
    body = {"key": key and key[1], "uri": f"{shop.url}/?beacon={mark}"}
    assert page.evaluate(BEACON, [f"{tracker.url}/collect", json.dumps(body)])
    page.wait_for_load_state("networkidle")
    until(lambda: len(clicks(api, f"beacon={mark}")) == 1, "the beacon is recorded")
    assert said == []


def test_the_snippet_takes_no_time(tracker: Serving, shop: Shop, visitor: BrowserContext) -> None:
    page = visit(visitor, shop, "/")
    script = httpx.get(f"{tracker.url}/clicktrail.js").text
    took = page.evaluate(
        """script => [...Array(21)].map(() => {
            Object.defineProperty(document, "currentScript",
                {value: {src: "http://localhost:1/clicktrail.js", dataset: {}}, configurable: true})
            const run = new Function(script), from = performance.now()
            run()
            return performance.now() - from
        })""",
        script,
    )
    assert min(took) < 5  # what it costs, not what else the machine did
