"""The page Live: what arrives appears by itself, and says why it does not count."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import OpenPage
from tests.browser.programme import ROBOT, Programme
from tests.events import following
from tests.ingest.test_agents import CHROME
from tests.people import PASSWORD, make_person
from tests.serving import Serving
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("duckdb"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


def arrive(api: httpx.Client, code: str, mark: str, **more: Any) -> dict[str, Any]:
    uri = f"https://shop.example/{mark}?referral={code}"
    answer = api.post("/clicks", json={"ip": "8.8.8.8", "uri": uri, "userAgent": CHROME, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def wait_until_open(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text="Connected. Clicks appear")).to_be_visible()
    expect(page.locator(".arrivals li").first).to_be_visible()


@pytest.mark.parametrize("view", ["wide", "phone"])
def test_clicks_appear_with_the_reason_why_they_do_not_count(
    open_page: OpenPage, programme: Programme, tracker: Serving, mark: str, view: str
) -> None:
    page, ip = open_page("/live", view), {"wide": "9.9.9.9", "phone": "9.9.9.10"}[view]
    wait_until_open(page)
    with tracker.client() as api:
        arrive(api, "spring1", f"{mark}1", ip=ip)
        arrive(api, "spring1", f"{mark}2", ip=ip)
        arrive(api, "autumn1", f"{mark}3", userAgent=ROBOT)
        rows = page.locator(".arrivals li").filter(has_text=mark)
        expect(rows).to_have_count(3)
        expect(rows.nth(2)).to_contain_text("spring 1")
        expect(rows.nth(2)).not_to_have_class("uncounted")
        expect(rows.nth(1)).to_contain_text("Not unique, repeats an earlier click")
        expect(rows.nth(0)).to_contain_text("Does not count, robot: Googlebot")
        expect(rows.nth(0)).to_have_class("uncounted")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    chart = page.get_by_role("img", name=re.compile("The last 30 minutes: [0-9,]+ clicks"))
    chart.focus()

    def count(key: str) -> tuple[int, int]:
        page.keyboard.press(key)
        told = re.search("([0-9]+) clicks and ([0-9]+) clicks of", page.locator(".readout").inner_text())
        return (int(told[1]), int(told[2])) if told else (0, 0)

    until(lambda: all(map(sum, zip(count("End"), count("ArrowLeft"), strict=True))), "both kinds are in the chart")
    page.get_by_role("button", name="Show as table").click()
    expect(page.locator(".chart-table tbody tr")).to_have_count(30)
    del programme


def test_a_pause_holds_clicks_back(open_page: OpenPage, programme: Programme, tracker: Serving, mark: str) -> None:
    page = open_page("/live")
    wait_until_open(page)
    page.keyboard.press("p")
    with tracker.client() as api:
        arrive(api, "spring1", mark)
    go_on = page.get_by_role("button", name="Go on: 1 new click waits")
    expect(go_on).to_be_visible()
    assert page.locator(".arrivals li").filter(has_text=mark).count() == 0
    go_on.click()
    expect(page.locator(".arrivals li").filter(has_text=mark)).to_have_count(1)
    del programme


def test_a_partner_sees_own_clicks_alone(
    open_page: OpenPage, programme: Programme, tracker: Serving, mark: str
) -> None:
    page = open_page("/live", scope="partner", partner=programme.partners[0])
    wait_until_open(page)
    with tracker.client() as api:
        arrive(api, "spring2", f"{mark}-other")
        arrive(api, "spring1", f"{mark}-own")
    rows = page.locator(".arrivals li").filter(has_text=mark)
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"{mark}-own")


def test_a_lost_connection_comes_back_by_itself(
    open_page: OpenPage, programme: Programme, tracker: Serving, mark: str
) -> None:
    page = open_page("")
    with tracker.client() as api, following(api) as events:
        first = arrive(api, "spring1", f"{mark}-first")["clickId"]
        assert events.clicks(1)[0]["clickId"] == first
        arrive(api, "spring1", f"{mark}-meanwhile")
        shown = api.get(f"/clicks/{first}?query[visitor]=1").text
        asked: list[str | None] = []

        def answer(route: Route) -> None:
            """At first a stream that ends after one click."""
            asked.append(route.request.headers.get("last-event-id"))
            if len(asked) > 1:
                route.continue_()
                return
            route.fulfill(content_type="text/event-stream", body=f"id: {first}\nevent: click\ndata: {shown}\n\n")

        page.route("**/live?**", answer)
        page.get_by_role("link", name="Live").click()
        wait_until_open(page)
        arrive(api, "spring1", f"{mark}-last")
        expect(page.locator(".arrivals li").filter(has_text=mark)).to_have_count(3)
    assert asked == [None, first]
    expect(page.locator(".note.warn")).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")
    del programme


def test_clicks_that_the_stream_missed_have_their_place(
    open_page: OpenPage, programme: Programme, tracker: Serving, mark: str
) -> None:
    """As after a restart of the server: the stream cannot say what came meanwhile, the list can."""
    page = open_page("")
    with tracker.client() as api:
        first = arrive(api, "spring1", f"{mark}-first")["clickId"]
        shown = api.get(f"/clicks/{first}?query[visitor]=1").text
        streams = iter([f"id: {first}\nevent: click\ndata: {shown}\n\n", 'event: missed\ndata: {"count":null}\n\n'])
        opened: list[Route] = []

        def answer(route: Route) -> None:
            opened.append(route)
            if len(opened) == 2:
                arrive(api, "spring1", f"{mark}-missed")
            body = next(streams, None)
            route.continue_() if body is None else route.fulfill(content_type="text/event-stream", body=body)

        page.route("**/live?**", answer)
        page.get_by_role("link", name="Live").click()
        expect(page.locator(".note.warn")).to_be_visible()
        rows = page.locator(".arrivals li").filter(has_text=mark)
        expect(rows).to_have_count(2)
        expect(rows.nth(0)).to_contain_text(f"{mark}-missed")
        expect(rows.nth(1)).to_contain_text(f"{mark}-first")
    page.unroute_all(behavior="ignoreErrors")
    del programme


def test_a_silent_connection_is_a_lost_one(open_page: OpenPage, programme: Programme) -> None:
    """A line can be cut so that neither end is told. The server says something every 15 seconds."""
    page = open_page("")
    page.clock.install()
    page.get_by_role("link", name="Live").click()
    wait_until_open(page)
    with page.expect_request("**/live?**"):
        page.clock.fast_forward(60_000)
        expect(page.get_by_role("status").filter(has_text="lost")).to_be_visible()
        page.clock.fast_forward(5_000)
    wait_until_open(page)
    del programme


def test_a_session_follows_too(open_page: OpenPage, programme: Programme, tracker: Serving, mark: str) -> None:
    with tracker.client() as api:
        person = make_person(tracker, api, mark, "read")
        page = open_page("/live")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Name").fill(person.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        wait_until_open(page)
        arrive(api, "spring1", mark)
        expect(page.locator(".arrivals li").filter(has_text=mark)).to_have_count(1)
    del programme
