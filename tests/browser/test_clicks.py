"""The pages of clicks: the numbers of other pages lead here, and one click explains itself."""

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from clicktrail.query.fields import CLICK
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.browser.programme import Programme
from tests.ingest.test_agents import CHROME
from tests.serving import Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("duckdb"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
FIELDS_JS = Path(__file__).parents[2] / "src/clicktrail/web/app/fields.js"


def count_of(page: Page) -> str:
    """The number of clicks that the page says it has found."""
    title = page.locator(".panel h2 .count")
    expect(title).to_have_text(re.compile(r"^[\d,]+ "))
    return title.inner_text().split(" ")[0]


@pytest.mark.parametrize("name", ["Clicks", "Unique clicks", "Registrations"])
def test_a_number_leads_to_as_many_clicks(open_page: OpenPage, programme: Programme, name: str) -> None:
    del programme
    page = open_page()
    figure = page.locator(".figure").filter(has=page.get_by_role("button", name=name, exact=True))
    number = figure.locator(".value a")
    shown = number.inner_text()
    number.click()
    expect(page.get_by_role("heading", name="Clicks", level=1)).to_be_visible()
    assert count_of(page) == shown
    page.go_back()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_a_row_and_a_day_lead_to_their_clicks(open_page: OpenPage, programme: Programme) -> None:
    del programme
    page = open_page()
    row = page.locator(".ranked").filter(has_text="Referrers").locator("tbody tr").first
    link = row.locator(".number a").first
    shown = link.inner_text()
    link.click()
    expect(page.locator(".chip")).to_have_count(2)
    assert count_of(page) == shown
    page.get_by_role("link", name="Show as report").click()
    expect(page.locator(".figure", has_text="Clicks").locator(".value").first).to_have_text(shown)
    page.get_by_role("img", name=re.compile("Clicks: 30 points")).focus()
    page.keyboard.press("Home")
    readout = page.locator(".chart .readout")
    expect(readout).to_contain_text(":")
    of_the_day = re.findall(r": (\d[\d,]*\d|\d)", readout.inner_text())[0]
    page.keyboard.press("Enter")
    if of_the_day == "0":
        expect(page.get_by_text("No click of this period passes these filters.")).to_be_visible()
    else:
        assert count_of(page) == of_the_day


@pytest.mark.parametrize("view", VIEWS)
def test_pages_order_and_columns_are_in_the_url(
    open_page: OpenPage, programme: Programme, tracker: Serving, view: str
) -> None:
    del programme
    page = open_page("/clicks?period=all", view)
    with tracker.client() as api:
        total = api.get("/clicks?limit=0", headers={"Prefer": "count=exact"}).headers["X-Total-Count"]
    assert count_of(page) == total
    first = page.locator("tbody tr a").first.inner_text()
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile("cursor="))
    expect(page.locator("tbody tr a").first).not_to_have_text(first)
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="Previous page").click()
    page.go_back()
    page.go_back()
    page.go_back()
    expect(page.locator("tbody tr").first).to_contain_text(first)
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Address", exact=True).check()
    page.get_by_role("button", name="Show these columns").click()
    page.get_by_role("button", name="Address").click()
    expect(page).to_have_url(re.compile("columns=time,link.*ip.*sort_by=ip&sort_order=desc"))
    expect(page.locator("tbody tr").first).to_contain_text("200.160.2.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_robots_and_repeats_are_grey_with_the_rule(open_page: OpenPage, programme: Programme, tracker: Serving) -> None:
    with tracker.client() as api:
        robot = api.get("/clicks?filter[isBot]=1&limit=1").json()[0]["clickId"]
    page = open_page(f"/clicks?period=all&filter[clickId][in]={robot},{programme.clicks[0]}")
    row = page.locator("tr.muted").filter(has_text="Robot")
    expect(row.first).to_contain_text("The user agent fits Googlebot/, a listed robot.")
    row.locator("a").first.click()
    expect(page.locator(".note")).to_contain_text("does not count, because it is a robot's. The user agent fits")
    page.keyboard.press("f")
    expect(page.get_by_role("dialog")).to_have_count(0)  # this page has no filters


def test_the_export_is_what_is_shown(open_page: OpenPage, programme: Programme, tmp_path: Path) -> None:
    del programme
    page = open_page("/clicks?period=all&filter[device][eq]=phone&columns=time,partner,device,ip")
    shown = count_of(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as loading:
        page.get_by_role("button", name="Download").click()
    loading.value.save_as(tmp_path / "clicks.csv")
    with (tmp_path / "clicks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["clickId", "time", "origin.partnerId", "visitor.device", "ip"]
    assert {row["visitor.device"] for row in rows} == {"phone"}
    assert len(rows) == int(shown.replace(",", ""))


def test_partners_see_their_own_clicks(open_page: OpenPage, programme: Programme, tracker: Serving) -> None:
    partner = programme.partners[0]
    with tracker.client() as api:
        own = api.get(f"/clicks?limit=0&filter[partnerId]={partner}", headers={"Prefer": "count=exact"})
        foreign = api.get(f"/clicks?limit=1&filter[partnerId]={programme.partners[1]}").json()[0]["clickId"]
    page = open_page("/clicks?period=all", scope="partner", partner=partner)
    assert count_of(page) == own.headers["X-Total-Count"]
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label("Partner", exact=True)).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("tbody a").first.click()
    expect(page.get_by_text("What was recorded")).to_be_visible()
    expect(page.get_by_role("button", name="Delete this click")).to_have_count(0)
    with tracker.client("partner", partner) as asking:
        assert asking.get(f"/clicks/{foreign}?query[origin]=1").status_code == 404
        [earned] = asking.get("/clicks?limit=1&filter[registration]=1&query[profile]=1").json()
    page = open_page(f"/clicks/{earned['clickId']}", scope="partner", partner=partner)
    why = page.get_by_role("region", name="Who earned the client").first
    expect(why.locator("dd").first).to_have_text(earned["profile"]["name"])


@pytest.mark.parametrize("view", VIEWS)
def test_one_click_explains_itself(open_page: OpenPage, programme: Programme, tracker: Serving, view: str) -> None:
    with tracker.client() as api:
        code = api.get(f"/links/{programme.links[0]}").json()["code"]
        first, repeat, winner = (add(api, code, f"{view}-1", after) for after in (0, 3, 60))
        made = api.post("/registrations", json={"visitorId": f"{view}-1", "profile": {"firstName": "Zoe"}})
        assert made.json()["clickId"] == winner, made.text
    page = open_page(f"/clicks/{repeat}", view)
    expect(page.locator(".note")).to_contain_text("it repeats a click of a few seconds before")
    expect(page.get_by_text("The last click in the window earns the client.")).to_be_visible()
    expect(page.locator("tr").filter(has_text="this click")).to_contain_text("The click that it repeats was considered")
    facts = {"Campaign": "summer from the URL", "Country": "United States (US) from the address"}
    for name, fact in facts.items():
        term = page.locator("dt").get_by_text(name, exact=True)
        expect(term.locator("xpath=following-sibling::dd[1]")).to_have_text(
            re.compile(fact.replace(" from", ".*from").replace("(", ".").replace(")", "."))
        )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name=first).click()
    expect(page.get_by_role("region", name="Repeats of this click", exact=True)).to_contain_text(repeat)
    page.locator("tr").filter(has_text="Earned the client").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(winner)


def test_a_postback_is_sent_again_and_the_click_deleted(
    open_page: OpenPage, programme: Programme, tracker: Serving
) -> None:
    with tracker.client() as api:
        code = api.get(f"/links/{programme.links[0]}").json()["code"]
        body = {"profileId": programme.partners[0], "uri": "https://postback.invalid/", "events": ["click"]}
        postback = api.post("/postbacks", json=body)
        assert postback.status_code == 201, postback.text
        click_id = add(api, code, "again")  # of now: postbacks tell nothing of a click of yesterday
        page = open_page(f"/clicks/{click_id}")
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_role("dialog")).to_contain_text("once more, with the same id")
        page.get_by_role("dialog").get_by_role("button", name="Send again").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("region", name="Postbacks", exact=True)).to_contain_text("Waiting")
        page.get_by_role("button", name="Delete this click").click()
        expect(page.get_by_role("dialog")).to_contain_text("The clicks of the link fall by one")
        page.get_by_role("dialog").get_by_role("button", name="Delete this click").click()
        expect(page.get_by_role("heading", name="Clicks", level=1)).to_be_visible()
        assert api.get(f"/clicks/{click_id}").status_code == 404
        assert api.delete(f"/postbacks/{postback.json()['postbackId']}").status_code == 204


def add(api: httpx.Client, code: str, visitor: str, after_s: int | None = None) -> str:
    """A click of now, or one of a day ago, some seconds later than others."""
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    time = now if after_s is None else noon + timedelta(seconds=after_s)
    body = {
        "ip": "8.8.8.8",
        "uri": f"https://shop.example/?referral={code}&utm_campaign=summer",
        "userAgent": f"{CHROME} {visitor}",
        "visitorId": visitor,
        "time": time.isoformat(),
    }
    answer = api.post("/clicks", json=body)
    assert answer.status_code == 201, answer.text
    click_id: str = answer.json()["clickId"]
    return click_id


def test_a_click_and_a_client_are_found_by_keys(open_page: OpenPage, programme: Programme) -> None:
    page = open_page()
    expect(page.locator(".figure .value a").first).to_be_visible()
    page.keyboard.press("/")
    page.get_by_label("Id or uuid of a click").fill(programme.clicks[7])
    expect(page.locator(".found a")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(programme.clicks[7])
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Search").click()
    page.get_by_label("Id or uuid of a click").fill("u-3")
    expect(page.locator(".found a")).to_have_text("Client 3, u-3")
    expect(page.locator("dialog [role=status]")).to_have_text("1 found")
    page.get_by_label("Id or uuid of a click").fill("client")
    expect(page.locator("dialog [role=status]")).to_have_text("The first 8. Type more to find others.")
    page.get_by_label("Id or uuid of a click").fill("u-3")
    expect(page.locator(".found a")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Client 3")


def test_an_empty_list_shows_the_request_that_would_fill_it(open_page: OpenPage, programme: Programme) -> None:
    del programme
    page = open_page("/clicks?period=all&filter[uuid][eq]=nothing", "phone")
    expect(page.get_by_text("No click of this period passes these filters.")).to_be_visible()
    expect(page.locator(".state.empty code")).to_contain_text("-X POST")
    assert count_of(page) == "0"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_filter_of_the_api_can_be_chosen() -> None:
    named = set(re.findall(r'field\("(\w+)"', FIELDS_JS.read_text()))
    assert set(CLICK.filters) - set(CLICK.filter_aliases) <= named
