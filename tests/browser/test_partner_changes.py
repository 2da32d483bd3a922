"""Partners change their own links and postbacks in the pages, where the operator allows it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.conftest import NewStore
from tests.serving import Serving, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("duckdb"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def tracker(store_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    """A server that lets partners change links and postbacks."""
    folder = tmp_path_factory.mktemp("partners") / "data"
    with serving(folder, partner_origins=SHOP, partner_postbacks="2", **new_store(store_kind)) as running:
        yield running


@pytest.fixture
def partner(tracker: Serving) -> str:
    with tracker.client() as api:
        made: str = api.post("/profiles", json={"firstName": "Ada", "lastName": "Media"}).json()["profileId"]
        return made


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("view", VIEWS)
def test_a_partner_adds_changes_and_disables_a_link(
    open_page: OpenPage, tracker: Serving, partner: str, view: str
) -> None:
    page = open_page(view=view, scope="partner", partner=partner, refusals=(422,))
    page.get_by_role("link", name="Add your first link").click()
    press(page, "New link")
    form = page.get_by_role("dialog")
    for of_operator in ("Partner", "Your own key"):
        expect(form.get_by_label(of_operator)).to_have_count(0)
    landing = form.get_by_label("Landing page")
    landing.fill("no address")
    press(page, "Save")
    expect(landing).to_have_attribute("aria-invalid", "true")  # the browser found it: nothing was sent
    landing.fill("https://evil.example/")
    press(page, "Save")
    expect(form.locator(".field", has=page.get_by_label("Landing page")).locator(".problem")).to_contain_text(SHOP)
    expect(landing).to_be_focused()
    landing.fill(f"{SHOP}/a")
    form.get_by_label("Name").fill(f"Mine {view}")
    press(page, "Save")
    expect(page.locator("h1")).to_have_text(f"Mine {view}")
    press(page, "Edit link")
    form.get_by_label("Name").fill(f"Changed {view}")
    press(page, "Save")
    expect(page.locator("h1")).to_have_text(f"Changed {view}")
    press(page, "Disable")
    form.get_by_role("button", name="Disable").click()
    expect(page.locator("h1")).to_have_text(f"Changed {view} Disabled")
    expect(page.get_by_role("button", name="Use again")).to_have_count(0)
    with tracker.client() as api:
        [link] = api.get(f"/links?filter[profileId]={partner}").json()
    assert (link["name"], link["uri"], link["enabled"]) == (f"Changed {view}", f"{SHOP}/a", False)


def test_a_partner_adds_changes_and_deletes_a_postback(open_page: OpenPage, tracker: Serving, partner: str) -> None:
    page = open_page("/postbacks", scope="partner", partner=partner)
    press(page, "New postback")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Partner")).to_have_count(0)
    form.get_by_label("URL").fill("https://tracker.example/seen?event={event}")
    press(page, "Save")
    expect(form).to_contain_text("The secret of the postback")
    form.get_by_role("button", name="Close").click()
    for what in ("Send a test", "Edit", "Delete"):
        expect(page.get_by_role("button", name=what, exact=True)).to_be_visible()
    press(page, "Edit")
    form.get_by_label("Name").fill("Mine")
    form.get_by_label("In use").uncheck()
    press(page, "Save")
    expect(page.locator(".row")).to_contain_text("Mine")
    with tracker.client() as api:
        [postback] = api.get(f"/postbacks?filter[profileId]={partner}").json()
    assert (postback["name"], postback["enabled"]) == ("Mine", False)
    press(page, "Delete")
    form.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no postback yet.")).to_be_visible()


def test_nothing_else_can_be_changed(open_page: OpenPage, tracker: Serving, partner: str) -> None:
    with tracker.client() as api:
        link = api.post("/links", json={"profileId": partner, "uri": f"{SHOP}/b"}).json()
        click = {"ip": "8.8.8.8", "uri": f"{SHOP}/b?referral={link['code']}"}
        click_id = api.post("/clicks", json=click).json()["clickId"]
    page = open_page(f"/clicks/{click_id}", scope="partner", partner=partner)
    expect(page.get_by_role("heading", name="What was recorded")).to_be_visible()
    expect(page.get_by_text("No registration has considered this click.")).to_be_visible()
    expect(page.get_by_role("button", name="Delete this click")).to_have_count(0)
    expect(page.get_by_text("curl -s -g -X POST")).to_have_count(0)


@pytest.mark.parametrize("end", [{}, {"enabled": False}, {"expireTime": "2021-01-01T00:00:30Z"}])
def test_partners_are_asked_only_what_they_may_change(
    open_page: OpenPage, tracker: Serving, partner: str, end: dict[str, Any]
) -> None:
    with tracker.client() as api:
        link = api.post("/links", json={"profileId": partner, "uri": f"{SHOP}/", "name": "Old", **end}).json()
        page = open_page(f"/links/{link['linkId']}", scope="partner", partner=partner)
        press(page, "Edit link")
        form = page.get_by_role("dialog")
        expect(form.locator("[name=name]")).to_have_value("Old")
        expect(form.locator("[name=code]")).to_have_count(0)
        for name in ("uri", "fallbackUri", "expireTime"):
            expect(form.locator(f"[name={name}]")).to_have_count(0 if end else 1)
        form.locator("[name=name]").fill("New")
        form.get_by_role("button", name="Save").click()
        expect(form).to_have_count(0)
        assert api.get(f"/links/{link['linkId']}").json()["name"] == "New"
