"""The pages of partners: who brings clients, and who brings robots."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.browser.programme import Programme
from tests.people import PASSWORD
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("postgres"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.usefixtures("programme"),
]
METRICS = "clicks,uniqueClicks,botRate,duplicateRate,registrations,conversionRate"


@pytest.mark.parametrize("view", VIEWS)
def test_partners_are_compared_sorted_and_searched(open_page: OpenPage, tracker: Serving, view: str) -> None:
    with tracker.client() as api:
        path = f"/reports?group_by=partner&metrics={METRICS}&filter[partnerId][null]=0&sort_by="
        best = api.get(f"{path}clicks").json()["rows"][0]
        worst = api.get(f"{path}botRate").json()["rows"][0]
    page = open_page("/partners", view=view)
    first = page.locator("tbody tr").first
    expect(first).to_contain_text(best["partnerName"])
    for name in ("clicks", "uniqueClicks", "registrations"):
        expect(first).to_contain_text(str(best[name]))
    for name in ("botRate", "duplicateRate", "conversionRate"):
        expect(first).to_contain_text(f"{best[name]}%")
    expect(page.get_by_role("img", name=re.compile("Clicks over time"))).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if view == "wide":
        page.get_by_role("button", name="Robots").click()
        expect(page).to_have_url(re.compile("sort_by=botRate"))
        expect(first).to_contain_text(f"{worst['botRate']}%")
    page.keyboard.press("/")
    page.keyboard.type("cedar")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=re.compile("^Cedar Partners")).click()
    expect(page.locator("h1")).to_contain_text("Cedar Partners")


@pytest.mark.parametrize("view", VIEWS)
def test_one_partner(open_page: OpenPage, tracker: Serving, programme: Programme, view: str) -> None:
    partner = programme.partners[0]
    with tracker.client() as api:
        api.patch(f"/profiles/{partner}", json={"countryNumericCode": "276"})
        totals = api.get(f"/reports?filter[partnerId]={partner}&metrics=clicks,botRate").json()["totals"]
        [last] = api.get(f"/registrations?filter[partnerId]={partner}&sort_by=time&limit=1").json()
        client = api.get(f"/profiles/{last['profileId']}").json()
    page = open_page(f"/partners/{partner}", view=view)
    expect(page.locator("h1")).to_have_text("Ada Media")
    expect(page.locator(".figure", has_text="Clicks").locator(".value").first).to_have_text(str(totals["clicks"]))
    expect(page.locator(".figure", has_text="Robots").locator(".value")).to_have_text(f"{totals['botRate']}%")
    expect(page.locator(".panel", has_text="Details")).to_contain_text("Germany")
    panel = page.locator(".panel", has_text="Latest clients")
    expect(panel.locator("tbody tr").first).to_contain_text(client["name"])
    expect(page.locator(".panel", has=page.get_by_role("heading", name="Links"))).to_contain_text("spring 1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Statement").click()
    expect(page.locator("h1")).to_have_text("Statement of Ada Media")


def test_the_overview_leads_to_partners_and_links(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("link", name="Ada Media").click()
    expect(page.locator("h1")).to_have_text("Ada Media")
    page.get_by_role("link", name="spring 1", exact=True).first.click()
    expect(page.locator("h1")).to_have_text("spring 1")


def test_a_partner_is_made_and_invited(open_page: OpenPage) -> None:
    page = open_page("/partners", refusals=(422,))
    page.get_by_role("button", name="New partner").press("Enter")
    page.get_by_label("Last name or company").fill("Delta Deals")
    page.get_by_label("E-mail").fill("not an address")
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("E-mail").fill("delta@partners.example")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Delta Deals")
    expect(page.get_by_text("delta@partners.example")).to_be_visible()
    page.get_by_role("button", name="Invite this partner").click()
    page.get_by_label("Name to sign in with").fill("delta")
    page.keyboard.press("Enter")
    link = page.locator("dialog .copyable code").inner_text()
    expect(page.locator(".panel", has_text="Users of this partner")).to_contain_text("Invited")
    page.goto(link)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    expect(page.get_by_role("link", name="Links").first).to_be_visible()
    expect(page.get_by_role("link", name="Partners")).to_have_count(0)


def test_no_partner_opens_the_page_of_partners(open_page: OpenPage, programme: Programme) -> None:
    page = open_page("/partners", scope="partner", partner=programme.partners[0])
    expect(page.get_by_role("alert")).to_contain_text("You may not see this.")
    expect(page.locator("table")).to_have_count(0)


def test_a_session_types_the_password_again(open_page: OpenPage, tracker: Serving, programme: Programme) -> None:
    """The server asks for the password after five minutes; here the first answer is replaced by its refusal."""
    name = f"boss-{programme.partners[0][-6:]}"
    with tracker.client() as api:
        user = api.post("/users", json={"name": name, "scope": "admin"}).json()
        invitation = api.post(f"/users/{user['userId']}/invitation").json()["url"]
    page = open_page(refusals=(401, 403))
    page.goto(invitation)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    page.get_by_role("link", name="Partners").first.click()
    page.get_by_role("link", name="Borealis Blog").click()
    refusal = {
        "type": "urn:clicktrail:problem:password-required",
        "title": "",
        "status": 403,
        "detail": "",
        "errors": [],
    }
    page.route("**/users", lambda route: route.fulfill(status=403, json=refusal), times=1)
    page.get_by_role("button", name="Invite this partner").click()
    page.get_by_label("Name to sign in with").fill("borealis")
    page.keyboard.press("Enter")
    confirmation = page.get_by_role("dialog").filter(has_text="Type your password again")
    confirmation.get_by_label("Password").fill("wrong password!")
    page.keyboard.press("Enter")
    expect(confirmation.get_by_role("alert")).to_be_visible()
    confirmation.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("dialog .copyable code")).to_contain_text("/welcome#")
