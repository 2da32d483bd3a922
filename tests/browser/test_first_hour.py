"""From the line that `clicktrail serve` prints to the first client and who earned it: a browser, and the commands that
the page Set-up gives."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import watched_page
from tests.ingest.test_agents import CHROME
from tests.people import PASSWORD
from tests.serving import Serving, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.own_server,  # it begins with nothing
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


def menu(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def step(page: Page, name: str) -> Locator:
    return page.locator(".checklist > li").filter(has=page.get_by_role("heading", name=name, exact=True))


def command(page: Page, name: str) -> str:
    return step(page, name).locator("code").first.inner_text()


def run(tracker: Serving, *lines: str) -> str:
    """What the lines print, run in one shell on the server."""
    env = environment(data=str(tracker.data), **tracker.store)
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", "\n".join(lines)], capture_output=True, text=True, timeout=60, env=env, check=True
    )
    return done.stdout


def fill(page: Page, button: str, **values: str) -> None:
    """Opens the dialog of a button, types the values by label, and saves."""
    page.get_by_role("button", name=button).click()
    form = page.get_by_role("dialog")
    for label, value in values.items():
        form.get_by_label(label.replace("_", " "), exact=True).fill(value)
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)


def become_first_user(page: Page, tracker: Serving) -> None:
    [link] = re.findall(r"^Set up the first user: (\S+)$", tracker.log.read_text(), re.MULTILINE)
    page.goto(link)
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()


def test_the_first_hour(browser: Browser, tracker: Serving) -> None:
    with watched_page(browser, tracker) as (page, _):
        become_first_user(page, tracker)
        expect(page.get_by_text("Nothing has arrived yet.")).to_be_visible()
        with tracker.client() as api:  # history of another server, which is no first click
            body = {"clickId": "old-1", "ip": "8.8.8.8", "uri": "https://shop.example/", "time": "2020-02-03T00:00:00Z"}
            assert api.post("/imports", json=[body]).json()["results"][0]["status"] == 201
        page.get_by_role("link", name="Begin with Set-up").click()
        for name in ("Partner and link", "First click"):
            expect(step(page, name)).to_contain_text("Not seen yet")
        page.get_by_role("link", name="Or do it on the page Partners.").click()
        fill(page, "New partner", First_name="Ada", Last_name_or_company="Media")
        expect(page.get_by_role("heading", name="Ada Media")).to_be_visible()
        fill(page, "New link", Landing_page="https://shop.example/", Name="Spring", Code="spring")
        expect(page.get_by_role("heading", name="Spring")).to_be_visible()
        address = page.locator(".copyable code").first.inner_text()
        assert address == f"{tracker.url}/r/spring"

        menu(page, "Live")
        expect(page.get_by_text("Connected. Clicks appear as they arrive.")).to_be_visible()
        page.evaluate("window.isSamePage = true")
        rows = page.locator(".arrivals li")
        expect(rows).to_have_count(2)
        visit = httpx.get(address, headers={"User-Agent": CHROME})
        assert (visit.status_code, visit.headers["location"].split("?")[0]) == (302, "https://shop.example/")
        expect(rows).to_have_count(3)
        arrival, before, old = rows.nth(0), rows.nth(1), rows.nth(2)
        expect(arrival).to_contain_text("Spring")
        expect(arrival.locator("a.when")).to_have_text(re.compile(r"^\d{1,2}:\d\d:\d\d( [AP]M)?$"))
        expect(before).to_have_text("Before you opened this page")
        expect(old.locator("a.when")).to_contain_text("2020")
        arrival.locator("a.when").click()
        expect(page.get_by_text("This click counts, and it is unique")).to_be_visible()
        expect(page.get_by_text("No registration has considered this click.")).to_be_visible()
        click_id = page.locator("h1 code").inner_text()
        given = page.get_by_role("region", name="Who earned the client").locator("code").inner_text()

        menu(page, "Set-up")
        expect(step(page, "First click")).to_contain_text("Seen at")
        assert command(page, "Registration") == given
        printed = run(tracker, command(page, "Access token"), command(page, "Registration"))
        assert json.loads(printed)["clickId"] == click_id
        expect(step(page, "Registration")).to_contain_text("Seen at")

        menu(page, "Registrations")
        row = page.locator("tbody tr")
        expect(row).to_have_count(1)
        for text in ("Mary", "Ada Media", "Spring"):
            expect(row).to_contain_text(text)
        row.get_by_role("link", name="Mary").click()
        earned = page.get_by_role("region", name="Who earned this client")
        expect(earned).to_contain_text("Last click")
        expect(earned.get_by_role("link", name="Spring").first).to_be_visible()
        expect(earned.locator("tbody tr")).to_contain_text("Earned the client")
        expect(page.get_by_role("region", name="Registrations", exact=True)).to_contain_text("Ada Media")
        menu(page, "Overview")
        expect(page.locator(".figure", has_text="Registrations").locator(".value").first).to_have_text("1")
        assert page.evaluate("window.isSamePage")
