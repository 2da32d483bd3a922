"""The dashboard in a real browser. Policy violations, console errors and requests to other hosts fail."""

import gzip
import re

import httpx
import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import OpenPage
from tests.browser.programme import Programme
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("postgres"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
FIRST_VIEW_BYTES = 90_000
GO = "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')) }"
"""Opens a path without loading the page, which would forget the token."""


def test_the_overview_shows_the_numbers_of_the_report(page: Page, tracker: Serving) -> None:
    with tracker.client() as api:
        totals = api.get("/reports?metrics=clicks,activePartners").json()["totals"]
    expect(page.locator(".figure", has_text="Clicks").locator(".value").first).to_have_text(str(totals["clicks"]))
    expect(page.locator(".figure", has_text="Active partners").locator(".value")).to_have_text("3")
    expect(page.get_by_role("img", name=re.compile("Clicks: 30 points"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_url_is_the_view(page: Page) -> None:
    page.get_by_label("Period", exact=True).select_option("7d")
    page.get_by_role("button", name="Phone").click()
    expect(page).to_have_url(re.compile(r"period=7d&filter\[device\]\[eq\]=phone$"))
    expect(page.get_by_text("Device is phone")).to_be_visible()
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(r"device.*period=30d"))
    page.go_back()
    expect(page.get_by_label("Period", exact=True)).to_have_value("7d")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_the_overview_says_how_many_clicks_are_left_out(open_page: OpenPage, tracker: Serving, zone: str) -> None:
    with tracker.client() as api:
        click = {"ip": "8.8.8.8", "uri": "https://x.example/", "time": "1700-07-01T12:00:00Z", "uuid": "old"}
        assert api.post("/clicks", json=click).status_code in (200, 201)
    page = open_page(f"?period=all&zone={zone}")
    said = page.get_by_text("1 click is left out of these figures")
    expect(said).to_be_visible()
    page.get_by_label("Period", exact=True).select_option("30d")
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(page.get_by_text("left out of these figures")).to_have_count(0)


def test_the_chart_is_read_by_keys_and_as_a_table(page: Page) -> None:
    chart = page.get_by_role("img", name=re.compile("Clicks: 30 points"))
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".chart .readout")).to_contain_text("before:")
    page.get_by_role("button", name="Show as table").click()
    expect(page.locator(".chart-table tbody tr")).to_have_count(30)


def test_the_first_view_is_small_and_strict(tracker: Serving) -> None:
    answer = httpx.get(f"{tracker.url}/dashboard")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    files = set(re.findall(r'(?:href|src)="([^"]+)"', answer.text))
    sizes = [len(gzip.compress(answer.content, 9))]
    for path in sorted(files):
        file = httpx.get(tracker.url + path, headers={"Accept-Encoding": "gzip"})
        assert file.status_code == 200, path
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        sizes.append(int(file.headers["content-length"]))
    assert len(files) > 20
    assert sum(sizes) < FIRST_VIEW_BYTES
    assert httpx.get(f"{tracker.url}/assets/0/app/main.js").status_code == 404


@pytest.mark.parametrize("path", ["/partners/..%2Fusers%2Fabc", "/links/%", "/links/..%2Fsession%23", "/clicks/x"])
def test_a_path_with_something_else_than_an_id_asks_for_nothing(open_page: OpenPage, path: str) -> None:
    page = open_page()
    asked: list[str] = []
    page.locator("main h1").wait_for()
    expect(page.locator(".skeleton, [aria-busy=true]")).to_have_count(0)
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(GO, f"/dashboard{path}")
    expect(page.get_by_role("heading", name="No such page")).to_be_visible()
    # The Overview may still have asked for its map.
    assert [url for url in asked if "/assets/" not in url and "/reports?" not in url] == []


@pytest.mark.parametrize("path", ["/links/{}", "/clicks/{}", "/clients/{}", "/partners/{}", "/partners/{}/statement"])
def test_an_unknown_id_is_not_found_once(open_page: OpenPage, programme: Programme, path: str) -> None:
    assert programme.clicks
    page = open_page(refusals=(404,))
    expect(page.locator(".figure").first).to_be_visible()
    failed: list[str] = []

    def note(answer: Response) -> None:
        if answer.status >= 400:
            failed.append(answer.url)

    page.on("response", note)
    page.evaluate(GO, f"/dashboard{path.format('0' * 24)}")
    expect(page.get_by_role("alert")).to_contain_text("Not found")
    page.wait_for_load_state("networkidle")
    assert len(failed) == 1, failed
