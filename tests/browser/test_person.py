"""The page of a client: a file of all that is held, and the erasure with its receipt."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import OpenPage
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("postgres"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


def test_a_person_is_saved_and_erased(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        contacts = [{"key": "email", "value": "grace@mail.example"}, {"key": "phone", "value": "+493012345678"}]
        code = api.post("/links", json={"uri": "https://shop.example/"}).json()["code"]
        click = {"ip": "8.8.4.4", "uri": f"https://shop.example/?referral={code}"}
        click_id = api.post("/clicks", json=click).json()["clickId"]
        body = {"clickId": click_id, "profile": {"firstName": "Grace", "contacts": contacts}}
        client = api.post("/registrations", json=body).json()["profileId"]
        page, asked = open_page(), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        for contact in ("Grace@mail.example", "0049 30 123456-78"):
            page.get_by_role("button", name="Search").click()
            page.get_by_label("Id or uuid of a click").fill(contact)
            expect(page.locator(".found a")).to_have_text("Grace")
            page.keyboard.press("Enter")
            expect(page).to_have_url(re.compile(f"/clients/{client}"))
            expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("heading", name="This person's data")).to_be_visible()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Everything we hold (JSON)").click()
        held = json.loads(saved.value.path().read_text())
        assert held["profiles"][0]["contacts"][0]["value"] == "grace@mail.example"
        page.get_by_role("button", name="Erase this person").click()
        page.get_by_role("button", name="Erase", exact=True).click()
        receipt = page.get_by_role("dialog", name="Erased")
        expect(receipt).to_contain_text("Contacts deleted")
        assert "grace" not in receipt.inner_text().lower()
        erasure = receipt.locator("code").inner_text()
        assert api.get(f"/persons/erasures/{erasure}").json()["contacts"] == 2
        assert api.get(f"/profiles/{client}").status_code == 404
        receipt.get_by_role("button", name="Close").last.click()
        expect(page).to_have_url(re.compile("/registrations"))
        erased = api.get(f"/clicks/{click_id}").json()["profileId"]
        expect(page.locator("td", has_text=f"…{erased[-8:]}")).to_be_visible()
        page.get_by_role("button", name="Search").click()
        page.get_by_label("Id or uuid of a click").fill(click_id)
        expect(page.locator(".found a")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.locator(".attribution")).to_contain_text(f"…{erased[-8:]}")
        expect(page.get_by_role("definition").filter(has_text="100::")).to_contain_text("the person was erased")
        assert [url for url in asked if url.endswith(f"/profiles/{erased}")] == []
