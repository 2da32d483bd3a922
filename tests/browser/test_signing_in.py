"""Invitations, passwords, second factors and sessions in a real browser. Each person has a browser of its own."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import unquote_plus

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import watched_page
from tests.conftest import NewStore
from tests.people import PASSWORD, WRONG, invite
from tests.serving import Serving, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
FAILURES = 10
"""The default of CLICKTRAIL_LOCKOUT_FAILURES."""
FRESH = "another horse battery"
REFUSALS = (401, 403, 422, 429)
"""Statuses that the browser reports by itself, each as late as it likes."""
OpenBrowser = Callable[[str], Page]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    """A server without users. No password and no token of a link is ever in its log. tests/api has both engines."""
    folder = tmp_path_factory.mktemp("people")
    with serving(folder / "data", **new_store("postgres")) as running:
        yield running
        log = re.sub(r"Set up the first user: \S+", "", running.log.read_text())
    for secret in (PASSWORD, WRONG, FRESH):
        assert secret not in log


@pytest.fixture
def open_browser(browser: Browser, house: Serving) -> Iterator[OpenBrowser]:
    """Opens a URL in a new browser. No request has a secret in its URL."""
    with ExitStack() as stack:

        def opened(url: str) -> Page:
            page, _ = stack.enter_context(watched_page(browser, house, refusals=REFUSALS))
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(url)

            def check() -> None:
                secrets = [PASSWORD, WRONG, FRESH, *filter(None, [url.partition("#")[2]])]
                sent = [unquote_plus(each.partition("#")[0]) for each in asked]  # no fragment is sent
                assert [each for each in sent for secret in secrets if secret in each] == []

            checks.append(check)
            return page

        checks: list[Callable[[], None]] = []
        yield opened
        for check in checks:
            check()


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def accept(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Set password and sign in").click()


def link_of(house: Serving, name: str, scope: str = "read", partner: str | None = None) -> str:
    with house.client() as api:
        return f"{house.url}/welcome#{invite(api, name, scope, partner)[1]}"


def overview(page: Page) -> None:
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_the_first_user_comes_by_the_printed_link(house: Serving, open_browser: OpenBrowser) -> None:
    [link] = re.findall(r"^Set up the first user: (\S+)$", house.log.read_text(), re.MULTILINE)
    page = open_browser(link)
    expect(page.get_by_text("There is no admin yet.")).to_be_visible()
    assert page.get_by_text("invited").count() == 0
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password", exact=True).fill("too short")
    page.get_by_role("button", name="Set password and sign in").click()
    expect(page.get_by_role("heading", name="Set your password")).to_be_visible()
    accept(page)
    overview(page)
    assert "#" not in page.url
    expect(page.locator(".who")).to_have_text("ann")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "ANN", PASSWORD)
    overview(page)
    page.reload()
    overview(page)
    used = open_browser(link)
    expect(used.get_by_label("Name")).to_have_count(0)
    accept(used)
    expect(used.get_by_role("alert")).to_contain_text("This link is not valid any more")


def test_a_wrong_password_and_a_wrong_name_read_the_same(house: Serving, open_browser: OpenBrowser) -> None:
    own = open_browser(link_of(house, "bob"))
    accept(own)
    overview(own)
    page = open_browser(f"{house.url}/dashboard")
    for name, password in (("bob", WRONG), ("nobody", PASSWORD)):
        sign_in(page, name, password)
        expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Code of your second factor")).to_have_count(0)


def test_a_second_factor_is_set_up_and_asked_for(house: Serving, open_browser: OpenBrowser) -> None:
    page = open_browser(link_of(house, "dan"))
    accept(page)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Set up a second factor").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="QR code of the secret")).to_have_js_property("complete", True)
    app = pyotp.TOTP(dialog.locator(".copyable code").inner_text())
    dialog.get_by_label("Code of the app").fill("000000")
    dialog.get_by_role("button", name="Turn on").click()
    expect(dialog.locator(".field .problem")).to_contain_text("is not the current code")
    dialog.get_by_label("Code of the app").fill(app.now())
    dialog.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("A sign-in also needs a code")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("Name")).to_be_focused()
    sign_in(page, "dan", PASSWORD)
    expect(page.get_by_role("alert")).to_have_text("Type the code that your authenticator app shows.")
    code = page.get_by_label("Code of your second factor")
    expect(code).to_be_focused()
    code.fill(app.at(time.time() + 30))  # each code works once
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_a_page_that_came_over_http_says_why_no_one_can_sign_in(house: Serving, open_browser: OpenBrowser) -> None:
    page = open_browser(f"{house.url}/dashboard")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    for path in ("/dashboard", "/welcome#a-token"):
        page.goto("about:blank")
        page.goto(f"{house.url}{path}")
        expect(page.get_by_role("alert")).to_contain_text("This page came over HTTP")


def test_a_link_that_was_replaced_or_made_up_opens_nothing(house: Serving, open_browser: OpenBrowser) -> None:
    old = link_of(house, "eve")
    with house.client() as api:
        [user] = [each for each in api.get("/users?limit=100").json() if each["name"] == "eve"]
        assert api.post(f"/users/{user['userId']}/invitation").status_code == 200
    for link in (old, f"{house.url}/welcome#{'a' * 43}"):
        page = open_browser(link)
        accept(page)
        expect(page.get_by_role("alert")).to_contain_text("it was used or replaced, or its time is over")
    page = open_browser(f"{house.url}/welcome")
    expect(page.get_by_role("alert")).to_have_text("This address has no invitation. Ask for a new one.")


def test_a_partner_who_was_invited_sees_the_portal(house: Serving, open_browser: OpenBrowser) -> None:
    with house.client() as api:
        partner = api.post("/profiles", json={"firstName": "Fay Media"}).json()["profileId"]
        api.post("/links", json={"profileId": partner, "code": f"fay{partner[-6:]}", "uri": "https://shop.example/"})
    admin = open_browser(link_of(house, "root", "admin"))
    accept(admin)
    admin.get_by_role("link", name="Settings").click()
    admin.get_by_role("link", name="Users").click()
    admin.get_by_role("button", name="Invite a user").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill("fay")
    dialog.get_by_label("Access").select_option("partner")
    dialog.get_by_label("Partner").last.fill(partner)
    expect(dialog.get_by_text("Fay Media")).to_be_visible()
    dialog.get_by_role("button", name="Make a link").click()
    link = admin.get_by_role("dialog").locator(".copyable code").inner_text()
    page = open_browser(link)
    accept(page)
    expect(page.get_by_role("heading", name="Your link")).to_be_visible()
    expect(page.locator(".address.main code")).to_have_text(f"{house.url}/r/fay{partner[-6:]}")
    expect(page.get_by_role("link", name="Statement")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)


def test_signing_out_everywhere_and_a_new_password_end_other_browsers(
    house: Serving, open_browser: OpenBrowser
) -> None:
    here = open_browser(link_of(house, "gus"))
    accept(here)
    there = open_browser(f"{house.url}/dashboard")
    sign_in(there, "gus", PASSWORD)
    overview(there)
    here.get_by_role("link", name="Settings").click()
    expect(here.get_by_role("region", name="Where you are signed in").locator("tbody tr")).to_have_count(2)
    here.get_by_label("Current password").fill(WRONG)
    here.get_by_label("New password").fill(FRESH)
    here.get_by_role("button", name="Change password").click()
    expect(here.get_by_role("alert")).to_contain_text("is wrong")
    here.get_by_label("Current password").fill(PASSWORD)
    here.get_by_role("button", name="Change password").click()
    expect(here.get_by_text("The password was changed.")).to_be_visible()
    there.get_by_label("Period", exact=True).select_option("7d")
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(there, "gus", FRESH)
    overview(there)
    here.get_by_role("button", name="Sign out everywhere").click()
    expect(here.get_by_role("heading", name="Sign in")).to_be_visible()
    there.reload()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()


def test_too_many_failures_are_locked_out(house: Serving, open_browser: OpenBrowser) -> None:
    """The last test of the file: all browsers have one address. tests/api/test_time.py sees the end of the lock."""
    own = open_browser(link_of(house, "cat"))
    accept(own)
    overview(own)
    body = {"name": "cat", "password": WRONG}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: httpx.post(f"{house.url}/session", json=body, timeout=30), range(FAILURES)))
    page = open_browser(f"{house.url}/dashboard")
    sign_in(page, "cat", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    own.get_by_label("Period", exact=True).select_option("7d")
    overview(own)
