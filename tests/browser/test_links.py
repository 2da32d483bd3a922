"""The pages of links: which link works, and what is handed out."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.browser.programme import Programme
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("duckdb"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.usefixtures("programme"),
]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("view", VIEWS)
def test_the_best_links_and_those_that_a_search_finds(open_page: OpenPage, tracker: Serving, view: str) -> None:
    with tracker.client() as api:
        rows = api.get("/reports?group_by=link&metrics=clicks,uniqueClicks&limit=25").json()["rows"]
        new = api.post("/links", json={"name": f"Unclicked {view}", "uri": "https://shop.example/new"}).json()
    page = open_page("/links", view=view)
    first = page.locator("tbody tr").first
    expect(first.locator("td").first).to_contain_text(rows[0]["linkName"])
    expect(first).to_contain_text(str(rows[0]["clicks"]))
    expect(first).to_contain_text("Ada Media")
    expect(page.locator("tbody tr")).to_have_count(len(rows))
    assert fits(page)
    page.keyboard.press("/")
    page.keyboard.type("unCLICKED")
    expect(page.locator("tbody tr").first).to_contain_text(new["name"])
    expect(page).to_have_url(re.compile(r"q=unCLICKED"))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="All links").click()
    expect(page).to_have_url(re.compile(r"links\?list=all$"))
    expect(page.locator("tbody tr").first).to_contain_text("Unclicked")
    page.go_back()
    expect(first.locator("td").first).to_contain_text(rows[0]["linkName"])


def test_one_link_is_handed_out_tested_and_counted(open_page: OpenPage, tracker: Serving, programme: Programme) -> None:
    link_id = programme.links[0]
    with tracker.client() as api:
        link = api.get(f"/links/{link_id}").json()
        report = api.get(f"/reports?filter[linkId]={link_id}&metrics=clicks,bots").json()["totals"]
        banner = {
            "bannerName": 'A "big" one',
            "cdnFileUrl": "https://cdn.example/a.png?b=1&c=2",
            "width": 300,
            "height": 250,
        }
        banner_id = api.post("/banners", json=banner).json()["bannerId"]
    page = open_page(f"/links/{link_id}")
    expect(page.locator("h1")).to_have_text(link["name"])
    expect(page.locator(".figure", has_text="Clicks").locator(".value").first).to_have_text(str(report["clicks"]))
    expect(page.locator(".figure", has_text="Robots").locator(".value")).to_have_text(str(report["bots"]))
    address = f"{tracker.url}/r/{link['code']}"
    expect(page.locator(".copyable code").first).to_have_text(address)
    assert page.get_by_alt_text("QR code of the tracking link").evaluate("image => image.naturalWidth > 100")
    code = page.locator("pre code")
    expect(code).to_contain_text(
        f'<a href="{tracker.url}/b/{banner_id}/{link["code"]}"><img src="https://cdn.example/a.png?b=1&amp;c=2"'
    )
    assert (
        code.evaluate("code => new DOMParser().parseFromString(code.textContent, 'text/html').images[0].alt")
        == 'A "big" one'
    )
    page.get_by_label("Parameters in the address").fill("utm_campaign=may")
    page.get_by_label("Visitor").select_option("robot")
    result = page.locator(".result")
    expect(result).to_contain_text(f"https://shop.example/welcome?utm_campaign=may&referral={link['code']}")
    expect(result).to_contain_text("does not count: the rule Googlebot")
    page.get_by_label("Visitor").select_option("preview")
    expect(result).to_contain_text("The visit is not recorded")
    expect(page).to_have_url(re.compile(re.escape("with=" + quote("utm_campaign=may"))))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    assert download.value.suggested_filename == f"{link['code']}.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_is_made_changed_disabled_and_deleted_by_keys(
    open_page: OpenPage, tracker: Serving, programme: Programme, view: str
) -> None:
    page = open_page("/links", view=view, refusals=(409, 422))
    page.get_by_role("button", name="New link").press("Enter")
    form = page.get_by_role("dialog")
    form.get_by_label("Landing page").fill("https://shop.example/a")
    code = form.get_by_label("Code")
    code.fill("spring1")
    form.get_by_label("Partner").fill("Borealis")
    option = form.locator("option[value^='Borealis Blog (']")
    option.wait_for(state="attached")
    form.get_by_label("Partner").fill(option.get_attribute("value") or "")
    assert fits(page)
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("Another link has this code.")
    code.fill("a/b")
    page.keyboard.press("Enter")
    expect(form.get_by_text("Another link has this code.")).to_have_count(0)  # else the next Enter may come too early
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(code).to_be_focused()
    code.fill(f"keys-{view}")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"keys-{view}")
    with tracker.client() as api:
        [link] = api.get(f"/links?filter[code]=keys-{view}").json()
    assert link["profileId"] == programme.partners[1]
    page.get_by_role("button", name="Edit link").press("Enter")
    form.get_by_label("Name").fill("By keys")
    form.get_by_label("Fallback page").fill("https://shop.example/over")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("By keys")
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.locator("h1")).to_have_text("By keys Disabled")
    expect(page.locator(".result")).to_contain_text("https://shop.example/over")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Links")
    with tracker.client() as api:
        assert api.get(f"/links/{link['linkId']}").status_code == 404


def test_a_form_that_is_saved_at_once_keeps_partner_and_banner(
    open_page: OpenPage, tracker: Serving, programme: Programme
) -> None:
    """The names of both are asked for when the form opens. A person, or a browser, may be quicker than the answers."""
    partner = programme.partners[2]
    with tracker.client() as api:
        banner = {"bannerName": "Slow", "cdnFileUrl": "https://cdn.example/a.png", "width": 300, "height": 250}
        banner_id = api.post("/banners", json=banner).json()["bannerId"]
        link = {"name": "Kept", "uri": "https://shop.example/", "profileId": partner, "bannerId": banner_id}
        link_id = api.post("/links", json=link).json()["linkId"]
    page = open_page(f"/links/{link_id}")
    expect(page.locator("h1")).to_have_text("Kept")
    page.route(re.compile(rf"/profiles/{partner}$|/banners\?"), lambda _: None)  # never answered
    page.get_by_role("button", name="Edit link").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Partner")).to_have_value(partner)
    form.get_by_label("Name").fill("Kept and renamed")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Kept and renamed")
    with tracker.client() as api:
        saved = api.get(f"/links/{link_id}").json()
        assert (saved["profileId"], saved["bannerId"]) == (partner, banner_id)
        api.delete(f"/links/{link_id}")


def test_a_partner_sees_own_links_and_changes_nothing(open_page: OpenPage, programme: Programme) -> None:
    page = open_page("/links?list=all", scope="partner", partner=programme.partners[2])
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("spring 3")
    expect(page.get_by_role("button", name="New link")).to_have_count(0)
    expect(page.get_by_role("link", name="Partners")).to_have_count(0)
    page.get_by_role("link", name="spring 3").click()
    expect(page.get_by_alt_text("QR code of the tracking link")).to_be_visible()
    expect(page.get_by_role("button", name="Edit link")).to_have_count(0)
