"""The settings in a real browser: users, programs, sites and banners, with the password asked for again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from clicktrail.http.endpoint.trails import is_due
from clicktrail.http.router import RESOURCES
from clicktrail.model.access import ActorKind, Scope, Viewer
from clicktrail.query.fields import CONTACT, PROFILE
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import OpenPage, admin_page
from tests.people import PASSWORD, WRONG, Person
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.own_server,
    pytest.mark.engines("duckdb"),  # tests/api has each of the requests on both
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
TEXTS_JS = Path(__file__).parent.parent.parent / "src/clicktrail/web/app/texts.js"
PERSON = Viewer(Scope.ADMIN, actor="mary", actor_kind=ActorKind.USER)
LABELS = (
    """() => [...document.querySelectorAll("tbody tr:first-child td")].map((each) => each.getAttribute("data-label"))"""
)
"""What a phone writes before each value of the first row."""


@pytest.fixture
def admin(browser: Browser, tracker: Serving) -> Iterator[Page]:
    """An admin who has just signed in."""
    with admin_page(browser, tracker, refusals=(401, 403, 404)) as page:
        yield page


def go(page: Page, part: str) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("navigation", name="Parts of the settings").get_by_role("link", name=part).click()


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def test_users_are_invited_disabled_reset_and_deleted(admin: Page, tracker: Serving) -> None:
    go(admin, "Users")
    admin.get_by_role("button", name="Invite a user").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill("hal")
    dialog.get_by_label("Access").select_option("read")
    dialog.get_by_role("button", name="Make a link").click()
    link = admin.get_by_role("dialog").locator(".copyable code").inner_text()
    assert re.fullmatch(re.escape(tracker.url) + r"/welcome#[\w-]{43}", link)
    admin.get_by_role("button", name="Done").click()
    expect(row(admin, "hal")).to_contain_text("Invited")
    admin.get_by_role("button", name="Disable: hal").click()
    admin.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(row(admin, "hal")).to_contain_text("Disabled")
    admin.get_by_role("button", name="Enable: hal").click()
    expect(row(admin, "hal")).to_contain_text("Invited")
    admin.get_by_role("button", name="Delete: hal").click()
    admin.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(admin, "hal")).to_have_count(0)
    expect(admin.get_by_role("button", name=re.compile("Delete: admin"))).to_have_count(0)


def test_the_password_is_asked_for_again(admin: Page) -> None:
    """The server says so; here its first answer is made to say so without five minutes of waiting."""
    go(admin, "Programs")
    problem = '{"type": "urn:clicktrail:problem:password-required", "title": "a", "status": 403, "detail": "b"}'
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if route.request.method != "POST" or refused:
            route.continue_()
            return
        refused.append("once")
        route.fulfill(status=403, content_type="application/problem+json", body=problem)

    admin.route(re.compile(r"/clients$"), refuse_once)
    admin.get_by_role("button", name="Add an OAuth client").click()
    admin.get_by_role("dialog").get_by_label("Name").fill("landing pages")
    admin.get_by_role("button", name="Add", exact=True).click()
    asking = admin.get_by_role("dialog", name="Type your password again")
    asking.get_by_label("Password").fill(WRONG)
    asking.get_by_role("button", name="Confirm").click()
    expect(asking.get_by_role("alert")).to_contain_text("is wrong")
    asking.get_by_label("Password").fill(PASSWORD)
    asking.get_by_role("button", name="Confirm").click()
    shown = admin.get_by_role("dialog", name="Id and secret")
    expect(shown.locator(".copyable")).to_have_count(2)
    admin.get_by_role("button", name="Done").click()
    admin.get_by_role("button", name="Revoke", exact=True).click()
    admin.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row(admin, "landing pages")).to_contain_text("Revoked")


def test_sites_and_banners_are_added_and_changed(open_page: OpenPage, tracker: Serving) -> None:
    page = open_page(view="phone")
    go(page, "Sites")
    page.get_by_role("button", name="Add a site").click()
    page.get_by_label("Name").fill("shop")
    page.get_by_label("Origins").fill("https://shop.example\nhttps://blog.example")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "shop")).to_contain_text("https://blog.example")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Page views are accepted").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(row(page, "shop")).to_contain_text("Disabled")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(LABELS) == ["Name", "Origins", "Key", "State", None]
    go(page, "Banners")
    page.get_by_role("button", name="Add a banner").click()
    page.get_by_label("Name").fill("Spring")
    page.get_by_label("Width in pixels").fill("300")
    page.get_by_label("Height in pixels").fill("250")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "Spring")).to_contain_text("300 × 250")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no banner yet.")).to_be_visible()
    with tracker.client() as api:
        [site] = api.get("/sites").json()
        assert (site["origins"], site["enabled"]) == (["https://shop.example", "https://blog.example"], False)
        assert api.get("/banners").json() == []


def test_only_admins_see_more_than_their_account(open_page: OpenPage) -> None:
    page = open_page("/settings", scope="read")
    expect(page.get_by_text("You use a token.")).to_be_visible()
    expect(page.get_by_role("navigation", name="Parts of the settings")).to_have_count(0)
    page = open_page("/settings/users", scope="read")
    expect(page.get_by_text("You may not see this.")).to_be_visible()


def test_the_settings_in_force_are_listed(open_page: OpenPage, tracker: Serving) -> None:
    page = open_page("/settings/server")
    changed = page.get_by_role("region", name="Settings that differ from the default")
    expect(changed).to_contain_text("CLICKTRAIL_PORT")
    expect(changed).to_contain_text(tracker.url.rpartition(":")[2])
    expect(page.get_by_text("All is well.")).to_be_visible()


def test_the_record_of_processing_is_shown(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        record = api.get("/privacy").json()
    page = open_page("/settings/privacy")
    policy = page.get_by_role("region", name="What is stored of a click, and what partners see")
    expect(policy.locator("dt")).to_have_text([each["name"] for each in record["policy"]])
    expect(policy).to_contain_text("Settings are read when the server starts.")
    held = page.get_by_role("table").first
    expect(held.get_by_role("row")).to_have_count(len(record["fields"]) + 1)
    expect(held).to_contain_text("CLICKTRAIL_IP_AFTER_DAYS")
    expect(held).not_to_contain_text("`")
    ages = page.get_by_role("region", name="Clicks by age").first.locator("tbody td:first-child")
    expect(ages).to_have_text(["Up to 30 days", "30 to 90 days", "90 to 365 days", "More than 365 days"])
    expect(page.get_by_text("never an address, user agent, name or contact")).to_be_visible()


def test_all_other_sessions_end_whatever_became_of_them(admin: Page, tracker: Serving) -> None:
    """One has ended and one has begun since the list was loaded."""
    name = admin.locator(".who").inner_text()
    others = [Person(tracker, name) for _ in range(3)]
    assert [each.sign_in().status_code for each in others[:2]] == [201, 201]
    admin.get_by_role("link", name="Settings").click()
    expect(admin.get_by_role("row")).to_have_count(4)
    assert others[1].ask("DELETE", "/session").status_code == 204
    assert others[2].sign_in().status_code == 201
    admin.get_by_role("button", name="End all others").click()
    expect(admin.get_by_role("row")).to_have_count(2)
    assert [each.get("/session").status_code for each in others] == [401, 401, 401]


def test_the_audit_log_says_who_did_what(admin: Page, tracker: Serving) -> None:
    with tracker.client() as api:
        link = api.post("/links", json={"code": "audited"}).json()["linkId"]
    go(admin, "Audit log")
    expect(row(admin, link)).to_contain_text("Link added")
    expect(row(admin, "Invitation accepted").first).to_contain_text("User admin")
    admin.get_by_label("What", exact=True).select_option("Backup downloaded")
    expect(admin.get_by_text("No entry passes these filters.")).to_be_visible()
    admin.get_by_label("What", exact=True).select_option("User added")
    expect(row(admin, "User added").first).to_contain_text("Token")
    admin.get_by_label("Who", exact=True).select_option("Command")
    expect(admin.get_by_text("No entry passes these filters.")).to_be_visible()


def test_every_action_of_the_audit_log_has_words() -> None:
    operations = [each for modules in RESOURCES.values() for module in modules for each in module.OPERATIONS]
    audited = {
        *(each.name for each in operations if is_due(each.audit, each.method, PERSON)),
        *(each.name for each in operations if each.method == "GET" and each.answer in (PROFILE, CONTACT)),
    }
    actions = TEXTS_JS.read_text().partition("actions: {")[2].partition("}")[0]
    assert audited - {"allowCollect"} <= set(re.findall(r"^\s+(\w+): ", actions, re.MULTILINE))


def test_a_click_shows_what_changed_on_it(admin: Page, tracker: Serving) -> None:
    with tracker.client() as api:
        click = api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://a.example/"}).json()["clickId"]
        client = api.patch(f"/clicks/{click}", json={"firstName": "Mary"}).json()["profileId"]
    admin.goto(f"{tracker.url}/dashboard/clicks/{click}")
    panel = admin.locator(".panel").filter(has=admin.get_by_role("heading", name="History"))
    expect(panel.get_by_role("row").nth(1)).to_contain_text(client)
    expect(panel.get_by_role("row").nth(1)).to_contain_text("a client registered through it")
