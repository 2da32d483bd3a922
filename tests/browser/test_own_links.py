"""The form of a link for a partner who may change links, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import watched_page
from tests.conftest import ENGINES, NewStore
from tests.serving import Serving, serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]
SHOP = "https://shop.example"


@pytest.fixture(scope="module", params=ENGINES)
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> Iterator[Serving]:
    settings = {"partner_origins": SHOP, **new_store(request.param)}
    with serving(tmp_path_factory.mktemp("own") / "data", **settings) as running:
        yield running


def open_form(page: Page, house: Serving, partner: str, link: dict[str, Any]) -> None:
    page.goto(f"{house.url}/dashboard/links/{link['linkId']}")
    page.get_by_role("button", name="Use a token").click()
    page.get_by_label("Access token").fill(house.token("partner", partner))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Edit link").click()


@pytest.mark.parametrize("end", [{}, {"enabled": False}, {"expireTime": "2021-01-01T00:00:30Z"}])
def test_partners_are_asked_only_what_they_may_change(house: Serving, browser: Browser, end: dict[str, Any]) -> None:
    with house.client() as api, watched_page(browser, house, refusals=(401,)) as (page, _):
        partner = api.post("/profiles", json={"firstName": "Ada"}).json()["profileId"]
        link = api.post("/links", json={"profileId": partner, "uri": f"{SHOP}/", "name": "Old", **end}).json()
        open_form(page, house, partner, link)
        form = page.get_by_role("dialog")
        expect(form.locator("[name=name]")).to_have_value("Old")
        expect(form.locator("[name=code]")).to_have_count(0)
        for name in ("uri", "fallbackUri", "expireTime"):
            expect(form.locator(f"[name={name}]")).to_have_count(0 if end else 1)
        form.locator("[name=name]").fill("New")
        form.get_by_role("button", name="Save").click()
        expect(form).to_have_count(0)
        assert api.get(f"/links/{link['linkId']}").json()["name"] == "New"
