"""Sessions that end, change or ask for the password while a person is at work."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import admin_page
from tests.browser.programme import Programme
from tests.browser.slow import held, until_asked
from tests.people import PASSWORD, WRONG, invite
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.own_server,
    pytest.mark.engines("duckdb"),  # the requests are the same on both
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.usefixtures("programme"),
]


@pytest.fixture
def admin(browser: Browser, tracker: Serving) -> Iterator[Page]:
    """An admin with a session, who has just signed in."""
    with admin_page(browser, tracker, refusals=(401, 403, 500)) as page:
        yield page


PASSWORD_ASKED = json.dumps(
    {"type": "urn:clicktrail:problem:password-required", "title": "a", "status": 403, "detail": "b"}
)


def password_asked(page: Page, url: str, method: str) -> Callable[[], int]:
    """As when the password was typed long ago. Returns how often this was asked."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method != method:
            route.fallback()
            return
        asked.append(route.request.url)
        route.fulfill(status=403, content_type="application/problem+json", body=PASSWORD_ASKED)

    page.route(url, answer)
    return lambda: len(asked)


def test_a_password_is_not_asked_for_what_was_left(admin: Page) -> None:
    """Else the password that is typed for one thing would do another, such as the deletion of a user."""
    admin.get_by_role("link", name="Settings").click()
    asked = password_asked(admin, "**/session/second-factor", "POST")
    admin.get_by_role("button", name="Set up a second factor").click()
    expect(admin.get_by_role("dialog", name="Type your password again")).to_be_visible()
    admin.go_back()
    expect(admin.get_by_role("heading", name="Overview")).to_be_visible()
    admin.get_by_role("link", name="Settings").click()
    expect(admin.get_by_role("button", name="Set up a second factor")).to_be_enabled()
    expect(admin.get_by_role("dialog")).to_have_count(0)
    assert asked() == 1


def test_a_user_without_an_invitation_is_shown(admin: Page) -> None:
    admin.get_by_role("link", name="Settings").click()
    admin.get_by_role("link", name="Users").click()
    admin.route("**/invitation", lambda route: route.fulfill(status=500, body=""))
    admin.get_by_role("button", name="Invite a user").click()
    admin.get_by_role("dialog").get_by_label("Name").fill("half")
    admin.get_by_role("button", name="Make a link").click()
    expect(admin.get_by_role("alert")).to_contain_text("500")
    expect(admin.get_by_role("row").filter(has_text="half")).to_contain_text("Invited")


def test_no_one_is_told_to_be_signed_out_who_is_not(admin: Page) -> None:
    admin.route("**/session", lambda route: route.fulfill(body="<html>"))
    admin.get_by_role("button", name="Sign out").click()
    expect(admin.get_by_role("alert")).to_contain_text("You are still signed in")
    admin.reload()
    expect(admin.get_by_role("alert")).to_contain_text("did not answer")
    admin.unroute("**/session")
    admin.get_by_role("button", name="Try again").click()
    expect(admin.get_by_role("heading", name="Overview")).to_be_visible()
    admin.get_by_role("button", name="Sign out").click()
    expect(admin.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_export_asks_for_the_password_in_time(admin: Page) -> None:
    """A download that the server refuses says nothing to the person."""
    admin.get_by_role("link", name="Clicks", exact=True).click()
    waiting = held(admin, "**/session")
    files = held(admin, "**/clicks/export?*")
    admin.get_by_role("button", name="Export").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_role("button", name="Download").click()
    until_asked(admin, waiting, 2)
    session = waiting[0].fetch().json() | {"confirmedUntil": None}
    for each in waiting:
        each.fulfill(json=session)
    expect(dialog.get_by_label("Password")).to_be_visible()
    assert files == []


def test_a_tab_follows_who_is_signed_in(admin: Page, tracker: Serving, programme: Programme) -> None:
    """All tabs share one session. Else the figures of a partner would stand under the name of an admin."""
    with tracker.client() as api:
        _, token = invite(api, "partner of a tab", "partner", programme.partners[0])
    expect(admin.get_by_role("link", name="Partners", exact=True)).to_be_visible()
    other = admin.context.new_page()
    other.goto(f"{tracker.url}/welcome#{token}")
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Set password and sign in").click()
    expect(other.locator(".who")).to_have_text("partner of a tab")
    admin.evaluate("dispatchEvent(new Event('focus'))")  # what the browser does when a person turns to the tab
    expect(admin.locator(".who")).to_have_text("partner of a tab")
    expect(admin.get_by_role("link", name="Partners", exact=True)).to_have_count(0)
    expect(admin.get_by_role("heading", name="Your link")).to_be_visible()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    admin.evaluate("dispatchEvent(new Event('focus'))")
    expect(admin.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ends_loses_nothing_that_was_typed(admin: Page) -> None:
    name = admin.locator(".who").inner_text()
    late = held(admin, "**/banners?*")
    admin.get_by_role("link", name="Links").click()
    admin.get_by_role("button", name="New link").click()
    form = admin.get_by_role("dialog", name="New link")
    form.get_by_label("Name").fill("Typed at length")
    until_asked(admin, late)
    admin.context.clear_cookies()
    form.locator("form").evaluate("form => form.requestSubmit()")  # another request may have been refused before
    again = admin.get_by_role("dialog", name="Sign in again")
    expect(again.get_by_label("Name")).to_have_value(name)
    again.get_by_label("Password").fill(WRONG)
    again.get_by_role("button", name="Sign in").click()
    expect(again.get_by_role("alert")).to_be_visible()
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_count(0)
    with admin.expect_response("**/banners?*"):
        late[0].fulfill(status=401, body="")  # of the session that has ended
    form.get_by_role("button", name="Save").click()
    expect(admin.locator("h1")).to_have_text("Typed at length")


def test_who_does_not_sign_in_again_is_signed_out(admin: Page) -> None:
    admin.get_by_role("link", name="Links").click()
    admin.get_by_role("button", name="New link").click()
    admin.context.clear_cookies()
    admin.evaluate("dispatchEvent(new Event('focus'))")
    admin.get_by_role("dialog", name="Sign in again").get_by_role("button", name="Cancel").click()
    expect(admin.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(admin.get_by_role("dialog")).to_have_count(0)
