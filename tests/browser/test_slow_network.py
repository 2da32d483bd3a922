"""The dashboard with a slow or failing network, and people who do not wait."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import OpenPage
from tests.browser.programme import Programme
from tests.browser.slow import held, silent, until_asked
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.own_server,
    pytest.mark.engines("duckdb"),  # the requests are the same on both
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.usefixtures("programme"),
]
ODD: dict[str, dict[str, Any]] = {
    "links": {
        "name": " Two  words ",
        "code": "Odd1",
        "uri": "https://shop.example/?a=1",
        "uuid": " key ",
        "expireTime": "2031-10-26T00:30:15.123+00:00",
        "redirectStatus": 307,
    },
    "profiles": {"firstName": " Odd ", "lastName": "", "tags": ["a, b", " c"], "uuid": " odd "},
    "postbacks": {"name": " Odd ", "uri": "https://partner.example/?a={click_id}", "events": ["registration", "click"]},
    "banners": {"bannerName": " Odd ", "cdnFileUrl": "https://cdn.example/a.png", "width": 300},
    "sites": {"name": " Odd ", "origins": ["https://shop.example", "https://blog.example"]},
}
"""Objects as programs make them: no form can show all of this."""
IDS = {
    "links": "linkId",
    "profiles": "profileId",
    "postbacks": "postbackId",
    "banners": "bannerId",
    "sites": "siteId",
}
PAGES = {
    "links": ("/links/{}", "Edit link"),
    "profiles": ("/partners/{}", "Edit partner"),
    "postbacks": ("/postbacks", "Edit"),
    "banners": ("/settings/banners", "Edit"),
    "sites": ("/settings/sites", "Edit"),
}


def made(api: httpx.Client, kind: str, **more: Any) -> str:
    answer = api.post(f"/{kind}", json={**ODD[kind], **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()[IDS[kind]])


def read(api: httpx.Client, kind: str, object_id: str) -> dict[str, Any]:
    found = api.get(f"/{kind}/{object_id}", params={"query[redirect]": "1"} if kind == "links" else {}).json()
    return {name: value for name, value in found.items() if name != "updateTime"}


@pytest.mark.parametrize("kind", ODD)
def test_saving_an_untouched_form_changes_nothing(
    open_page: OpenPage, tracker: Serving, programme: Programme, kind: str
) -> None:
    with tracker.client() as api:
        more = {"profileId": programme.partners[0]} if kind in ("links", "postbacks") else {}
        object_id = made(api, kind, **more)
        before = read(api, kind, object_id)
        path, edit = PAGES[kind]
        page = open_page(path.format(object_id))
        page.get_by_role("button", name=edit).first.click()  # the newest comes first
        with page.expect_response(lambda answer: answer.request.method == "PATCH") as saved:
            page.get_by_role("dialog").get_by_role("button", name="Save").click()
        assert saved.value.status == 200
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert read(api, kind, object_id) == before


def test_two_people_change_one_link(open_page: OpenPage, tracker: Serving, programme: Programme) -> None:
    with tracker.client() as api:
        link_id = made(api, "links", code="both", uuid=None, profileId=programme.partners[0])
        page = open_page(f"/links/{link_id}")
        page.get_by_role("button", name="Edit link").click()
        assert api.patch(f"/links/{link_id}", json={"profileId": programme.partners[1]}).status_code == 200
        page.get_by_role("dialog").get_by_label("Name").fill("Renamed")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("h1")).to_have_text("Renamed")
        assert read(api, "links", link_id)["profileId"] == programme.partners[1]


def test_a_double_click_does_it_once(open_page: OpenPage, programme: Programme) -> None:
    """Two replays of a postback would tell a partner twice."""
    page = open_page(f"/links/{programme.links[0]}")
    waiting = held(page, "**/links/*", "PATCH")
    page.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Disable").dblclick()
    expect(dialog.get_by_role("button", name="Disable")).to_be_disabled()
    until_asked(page, waiting)
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_visible()  # it is not undone by closing
    assert len(waiting) == 1
    waiting[0].fulfill(body="<html>")
    expect(dialog.get_by_role("alert")).to_contain_text("did not answer")
    expect(dialog.get_by_role("button", name="Disable")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_form_stays_open_until_it_is_answered(open_page: OpenPage, tracker: Serving) -> None:
    page = open_page("/links", refusals=(500,))
    page.get_by_role("button", name="New link").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Once")
    waiting = held(page, "**/links", "POST")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    until_asked(page, waiting)
    for _ in range(3):  # a browser lets no page prevent Escape twice in a row
        page.keyboard.press("Escape")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_disabled()
        expect(dialog).to_be_visible()
    assert len(waiting) == 1
    waiting[0].fulfill(status=500, body="")
    expect(dialog.get_by_role("alert")).to_contain_text("500")
    page.unroute("**/links")
    silent(page, "**/links", "POST")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("may have been done or not")
    expect(dialog.get_by_label("Name")).to_have_value("Once")
    page.unroute("**/links")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Once")
    with tracker.client() as api:
        assert len(api.get("/links?filter[name]=Once").json()) == 1


def test_an_answer_that_is_none_is_asked_for_again(open_page: OpenPage) -> None:
    page = open_page()
    silent(page, "**/registrations?*")
    page.get_by_role("link", name="Registrations").click()
    expect(page.get_by_role("alert")).to_contain_text("did not answer")
    page.unroute("**/registrations?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr").first).to_be_visible()


def test_figures_of_other_links_are_not_shown(open_page: OpenPage) -> None:
    """A link that was not asked about yet has no figures, rather than none at all."""
    page = open_page("/links?list=all&q=spring%201")
    clicks = page.locator("tbody tr").first.locator("td[data-label=Clicks]")
    expect(clicks).to_have_text(re.compile("[1-9]"))
    waiting = held(page, "**/reports?*")
    page.get_by_role("searchbox").fill("spring 2")
    expect(page.locator("tbody tr").first).to_contain_text("spring 2")
    until_asked(page, waiting)
    expect(clicks).to_have_text("–")
    for each in waiting:
        each.continue_()
    expect(clicks).to_have_text(re.compile("[1-9]"))


def test_a_list_waits_for_its_range(open_page: OpenPage) -> None:
    page = open_page("/clicks?period=all")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.get_by_label("Period").select_option("30d")
    expect(page.locator(".panel.list")).to_have_attribute("aria-busy", "false")
    waiting = held(page, "**/reports?*")
    page.get_by_label("Period").select_option("today")
    until_asked(page, waiting)
    expect(page.locator(".panel.list")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Export")).to_be_disabled()
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
    waiting[0].continue_()
    expect(page.locator(".panel.list")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("button", name="Export")).to_be_enabled()


def test_a_name_is_never_that_of_another(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        names = ("Near Media", "Far Media")
        [first, second] = [api.post("/profiles", json={"firstName": each}).json()["profileId"] for each in names]
    page = open_page("/links")
    page.get_by_role("button", name="New link").click()
    field = page.get_by_role("dialog").locator(".field", has=page.get_by_label("Partner"))
    field.get_by_label("Partner").fill(first)
    expect(field).to_contain_text("Near Media")
    waiting = held(page, f"**/profiles/{second}")
    field.get_by_label("Partner").fill(second)
    until_asked(page, waiting)
    expect(field).not_to_contain_text("Near Media")
    waiting[0].continue_()
    expect(field).to_contain_text("Far Media")


def test_a_choice_stays_when_its_list_arrives(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        banner_id = made(api, "banners", bannerName="Chosen")
        link_id = made(api, "links", code="kept", uuid=None, bannerId=banner_id)
        page = open_page(f"/links/{link_id}")
        expect(page.locator("h1")).to_contain_text("words")
        waiting = held(page, "**/banners?*")
        page.get_by_role("button", name="Edit link").click()
        banner = page.get_by_role("dialog").get_by_label("Banner")
        banner.select_option("")
        until_asked(page, waiting)
        waiting[0].continue_()
        expect(banner.get_by_role("option", name="Chosen")).to_be_attached()
        expect(banner).to_have_value("")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert read(api, "links", link_id)["bannerId"] is None


def test_the_picture_of_an_earlier_code_is_not_shown(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        link_id = made(api, "links", code="before", uuid=None)
        page = open_page(f"/links/{link_id}")
        picture = page.get_by_alt_text("QR code of the tracking link")
        expect(picture).to_be_visible()
        held(page, "**/qr?*")
        page.get_by_role("button", name="Edit link").click()
        page.get_by_role("dialog").get_by_label("Code").fill("after")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".copyable code").first).to_have_text(re.compile("/after$"))
        expect(picture).to_have_count(0)


def test_enter_opens_what_was_found_for_this_text(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Search", exact=True).click()
    field = page.get_by_role("dialog").get_by_role("searchbox")
    field.fill("Client 1")
    expect(page.locator(".found a").first).to_be_visible()
    url = page.url
    waiting = held(page, "**/profiles?*")
    field.fill("Client 2")
    until_asked(page, waiting)
    page.keyboard.press("Enter")
    assert page.url == url
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_user_who_was_made_is_not_made_again(open_page: OpenPage, tracker: Serving, programme: Programme) -> None:
    page = open_page(f"/partners/{programme.partners[0]}", refusals=(500,))
    page.route("**/invitation", lambda route: route.fulfill(status=500, body=""))
    page.get_by_role("button", name="Invite this partner").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name to sign in with").fill("made once")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("alert")).to_contain_text("500")
    expect(dialog.get_by_label("Name to sign in with")).not_to_be_editable()
    page.unroute("**/invitation")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator(".copyable")).to_contain_text("/welcome#")
    with tracker.client() as api:
        assert [each["name"] for each in api.get("/users?limit=100").json()].count("made once") == 1


SHOW = """async ([id, place]) => {
  const app = document.querySelector("script[src$='app/main.js']").src.replace("main.js", "");
  const { html, render } = await import(app + "../vendor/preact/preact.js");
  const { PartnerName } = await import(app + "components/names.js");
  document.body.insertAdjacentHTML("beforeend", `<p data-place=${place}></p>`);
  render(html`<${PartnerName} id=${id} />`, document.querySelector(`[data-place=${place}]`));
}"""
"""Renders the name of a partner, as the pages do."""
LATE_EFFECTS = """() => {
  const later = setTimeout;
  window.setTimeout = (work, ms) => later(work, (ms ?? 0) + 1000);
  window.requestAnimationFrame = (work) => later(work, 1000);
}"""
"""What a component does after it is rendered, it does a second later."""


def test_a_name_that_another_component_learns_meanwhile_is_shown(open_page: OpenPage, programme: Programme) -> None:
    page = open_page("/settings/server")
    waiting = held(page, f"**/profiles/{programme.partners[0]}")
    page.evaluate(SHOW, [programme.partners[0], "first"])
    until_asked(page, waiting)
    page.evaluate(LATE_EFFECTS)
    page.evaluate(SHOW, [programme.partners[0], "second"])
    waiting[0].continue_()
    for place in ("first", "second"):
        expect(page.locator(f"[data-place={place}]")).to_have_text("Ada Media")


def test_a_chart_takes_keys_as_soon_as_it_is_there(open_page: OpenPage) -> None:
    page = open_page("/settings/server")
    expect(page.get_by_text("All is well.")).to_be_visible()
    page.evaluate(LATE_EFFECTS)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("img", name=re.compile("Clicks: 30 points")).focus()
    page.keyboard.press("Home")
    expect(page.locator(".chart .readout")).to_contain_text(":")
