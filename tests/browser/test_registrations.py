"""Who registered, who earned it, and why: the list of registrations and the page of one client."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.browser.programme import Programme
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("duckdb"),  # test_person erases the newest client of the other one
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


def expect_count(page: Page, count: int) -> None:
    expect(page.locator(".panel h2 .count")).to_have_text(re.compile(f"^{count} registrations?$"))


@pytest.mark.parametrize("view", VIEWS)
def test_the_number_of_the_overview_leads_to_the_registrations(
    open_page: OpenPage, programme: Programme, tracker: Serving, view: str
) -> None:
    del programme
    page = open_page(view=view)
    figure = page.locator(".figure").filter(has=page.get_by_role("button", name="Registered", exact=True))
    number = figure.locator(".value a")
    shown = int(number.inner_text())
    number.click()
    expect_count(page, shown)
    expect(page.locator("tbody tr")).to_have_count(shown)
    with tracker.client() as api:
        newest = api.get("/registrations?filter[rule][ne]=none&sort_by=time&limit=1").json()[0]
        name = api.get(f"/profiles/{newest['profileId']}").json()["name"]
    expect(page.locator("tbody tr").first).to_contain_text(name)
    expect(page.locator("tbody tr").first).to_contain_text("Last click")
    page.get_by_role("button", name="Registered").click()
    expect(page).to_have_url(re.compile("sort_order=asc"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("tbody").get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_text("The last click in the window earns the client.")).to_be_visible()
    expect(page.locator("tr").filter(has_text="Earned the client")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_registrations_are_filtered_by_keys(open_page: OpenPage, programme: Programme, tracker: Serving) -> None:
    partner = programme.partners[0]
    with tracker.client() as api:
        own = api.get(f"/registrations?filter[partnerId]={partner}&limit=1000").json()
        assert own
    page = open_page("/registrations?period=all")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_label("Field")).to_have_value("partnerId")
    page.get_by_label("Value").fill(partner)
    page.keyboard.press("Enter")
    expect_count(page, len(own))
    expect(page.locator(".chip")).to_contain_text("Partner is Ada Media")
    page.keyboard.press("Escape")
    expect(page.locator(".chip")).to_have_count(0)


def test_partners_see_own_clients_with_masked_contacts(
    open_page: OpenPage, programme: Programme, tracker: Serving
) -> None:
    partner, other = programme.partners[:2]
    with tracker.client() as api:
        own = api.get(f"/registrations?filter[partnerId]={partner}&limit=1000&filter[clickId][null]=0").json()
        foreign = api.get(f"/registrations?filter[partnerId]={other}&limit=1").json()[0]
        contact = {"contacts": [{"key": "email", "value": "someone@mail.example"}]}
        assert api.patch(f"/profiles/{own[0]['profileId']}", json=contact).status_code == 200
    page = open_page("/registrations?period=all", scope="partner", partner=partner)
    expect_count(page, len(own))
    expect(page.get_by_role("columnheader", name="Partner")).to_have_count(0)
    with tracker.client("partner", partner) as asking:
        assert asking.get(f"/profiles/{foreign['profileId']}/attribution").status_code == 404
    page = open_page(f"/clients/{own[0]['profileId']}", scope="partner", partner=partner)
    expect(page.get_by_text("s***@***")).to_be_visible()
    expect(page.get_by_text("Parts of the contacts are hidden from you")).to_be_visible()
    expect(page.get_by_text("someone@")).to_have_count(0)
