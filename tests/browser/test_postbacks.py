"""The page of postbacks: was the partner's server told?"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.browser.programme import Programme
from tests.conftest import NewStore
from tests.ingest.test_agents import CHROME
from tests.serving import Serving, serving
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("postgres"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.usefixtures("given_up"),
]


@pytest.fixture(scope="module")
def tracker(store_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    """A server that gives a delivery up after its first attempt."""
    folder = tmp_path_factory.mktemp("postbacks") / "data"
    with serving(folder, postback_attempts="1", **new_store(store_kind)) as running:
        yield running


@pytest.fixture(scope="module")
def given_up(tracker: Serving, programme: Programme) -> dict[str, str]:
    """The delivery of a postback to a forbidden address, and the postback of another partner."""
    with tracker.client() as api:
        for partner, name in zip(programme.partners, ("Refused", "Silent"), strict=False):
            body: dict[str, Any] = {
                "profileId": partner,
                "name": name,
                "uri": "https://localhost/told?event={event}",
                "events": ["registration"],
            }
            assert api.post("/postbacks", json=body).status_code == 201
        body = {"code": "spring1", "profile": {"firstName": "Paul"}}
        assert api.post("/registrations", json=body).status_code == 201
        until(lambda: api.get("/deliveries?filter[status]=dead").json() != [], "a delivery was given up")
        delivery: dict[str, str] = api.get("/deliveries?filter[status]=dead").json()[0]
        return delivery


@pytest.mark.parametrize("view", VIEWS)
def test_what_was_told_and_what_was_given_up(open_page: OpenPage, given_up: dict[str, str], view: str) -> None:
    page = open_page("/postbacks", view=view)
    row = page.locator(".row", has_text="Refused")
    expect(row).to_contain_text("Ada Media")
    expect(row).to_contain_text(given_up["error"])
    expect(page.locator(".row", has_text="Silent")).to_contain_text("Nothing was sent yet.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    row.get_by_role("link", name="1", exact=True).click()
    expect(page).to_have_url(re.compile(r"filter\[status\]=dead"))
    expect(page.get_by_label("Any state")).to_have_value("dead")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Any state").select_option("delivered")
    expect(page.get_by_text("No delivery passes these filters.")).to_be_visible()
    page.go_back()
    page.locator("tbody tr td a").first.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(given_up["deliveryId"])
    expect(dialog.get_by_role("list", name="Attempts")).to_contain_text(given_up["error"])
    expect(dialog.get_by_role("list", name="Attempts").get_by_role("listitem")).to_contain_text(["no answer"])
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(re.compile("delivery="))


def test_a_test_and_a_replay(open_page: OpenPage, tracker: Serving, given_up: dict[str, str]) -> None:
    page = open_page(f"/postbacks?delivery={given_up['deliveryId']}")
    page.get_by_role("button", name="Send again").click()
    page.get_by_role("dialog", name="Send again", exact=True).get_by_role("button", name="Send again").click()
    expect(page.get_by_role("dialog")).to_have_count(1)
    with tracker.client() as api:
        path = f"/deliveries/{given_up['deliveryId']}/attempts"
        until(lambda: len(api.get(path).json()) == 2, "it was sent, and given up again")
    page.keyboard.press("Escape")
    row = page.locator(".row", has_text="Refused")
    row.get_by_role("button", name="Send a test").click()
    expect(row.get_by_role("status")).to_contain_text("Failed after")
    row.get_by_role("button", name="Send all given up again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send all given up again").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_postback_is_made_and_shows_its_secret_once(open_page: OpenPage, programme: Programme) -> None:
    page = open_page(f"/postbacks?filter[profileId]={programme.partners[2]}", refusals=(422,))
    expect(page.get_by_text("There is no postback yet.")).to_be_visible()
    page.get_by_role("button", name="New postback").press("Enter")
    expect(page.get_by_label("Partner")).to_have_value(re.compile("Cedar"))
    page.get_by_label("URL").fill("http://tracker.example/")
    page.keyboard.press("Enter")
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_have_text("Please correct the marked fields.")
    page.get_by_label("URL").fill("https://tracker.example/told?click={click_id}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("whsec_")
    assert page.get_by_role("dialog").evaluate("(each) => each.scrollWidth <= each.clientWidth")
    page.keyboard.press("Escape")
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("In use").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".row")).to_contain_text("Disabled")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".row")).to_have_count(0)


def test_a_partner_sees_own_postbacks_alone(open_page: OpenPage, programme: Programme) -> None:
    page = open_page("/postbacks", scope="partner", partner=programme.partners[1])
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".row")).to_contain_text("Silent")
    expect(page.get_by_text("Nothing was sent yet.")).to_have_count(2)
    for name in ("Send a test", "Edit", "Delete", "New postback"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_a_click_shows_the_attempts_of_its_postbacks(
    open_page: OpenPage, tracker: Serving, programme: Programme
) -> None:
    """The last test of this file: its delivery would be among those that the others count."""
    with tracker.client() as api:
        body = {"profileId": programme.partners[0], "uri": "https://localhost/click", "events": ["click"]}
        assert api.post("/postbacks", json=body).status_code == 201
        click = {"ip": "8.8.8.8", "uri": "https://shop.example/?referral=spring1", "userAgent": CHROME}
        click_id = api.post("/clicks", json=click).json()["clickId"]
        until(lambda: api.get(f"/deliveries?filter[clickId]={click_id}&filter[status]=dead").json() != [], "given up")
    page = open_page(f"/clicks/{click_id}", view="phone")
    page.get_by_role("button", name="Show the attempts: 1").click()
    attempts = page.get_by_role("dialog").get_by_role("list", name="Attempts")
    expect(attempts).to_contain_text("localhost was not found, or has an address that is not a public address")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
