"""What a partner sees first, and the statement of a month, in a real browser."""

import re
from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

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
]
METRICS = ("clicks", "uniqueClicks", "registrations", "registered")


@pytest.fixture(params=VIEWS)
def home(request: pytest.FixtureRequest, open_page: OpenPage, programme: Programme) -> Page:
    return open_page(view=request.param, scope="partner", partner=programme.partners[0])


def ask(tracker: Serving, path: str, partner: str | None = None) -> Any:
    with tracker.client("partner" if partner else "admin", partner) as api:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_the_own_link_is_the_first_thing(home: Page, tracker: Serving) -> None:
    """That is the link with the most clicks."""
    home.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(home.locator(".address.main code")).to_have_text(f"{tracker.url}/r/spring1")
    home.locator(".address.main").get_by_role("button", name="Copy").click()
    expect(home.locator(".address.main").get_by_role("button", name="Copied")).to_be_visible()
    assert home.evaluate("navigator.clipboard.readText()") == f"{tracker.url}/r/spring1"
    assert home.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for stranger in ("Borealis", "spring2", "autumn2"):
        expect(home.get_by_text(stranger)).to_have_count(0)


def test_the_numbers_are_those_of_the_api(home: Page, tracker: Serving, programme: Programme) -> None:
    partner = programme.partners[0]
    metrics = "clicks,uniqueClicks,registrations,allClicks,bots,duplicates"
    totals = ask(tracker, f"/reports?period=30d&metrics={metrics}", partner)["totals"]
    assert totals["bots"] > 0
    for label, name in (("Clicks", "clicks"), ("Unique clicks", "uniqueClicks"), ("Registrations", "registrations")):
        figure = home.locator(".figure").filter(has=home.get_by_role("button", name=label, exact=True))
        expect(figure.locator(".value")).to_have_text(str(totals[name]))
    why = home.get_by_role("region", name="Why clicks did not count")
    for label, name in (("Recorded clicks", "allClicks"), ("Robots", "bots"), ("Repeats", "duplicates")):
        shown = why.get_by_role("row").filter(has_text=label).first.locator(".number")
        expect(shown).to_have_text(str(totals[name]))
    later = why.get_by_role("row").filter(has_text="Again on the same day").locator(".number")
    expect(later).to_have_text(str(totals["clicks"] - totals["duplicates"] - totals["uniqueClicks"]))
    edges = why.locator(".number").evaluate_all(
        "all => all.map((each) => Math.round(each.getBoundingClientRect().right))"
    )
    assert len(set(edges)) == 1  # the numbers stand in one column
    last = ask(tracker, "/registrations?sort_by=time&sort_order=desc&limit=8", partner)
    clients = [ask(tracker, f"/clicks/{each['clickId']}?query[profile]=1", partner)["profile"] for each in last]
    names = home.get_by_role("region", name="Last registrations").first.locator("tbody tr td:first-child")
    expect(names).to_have_text([each["name"] for each in clients])


def check_statement(page: Page, tracker: Serving, month: str, partner: str) -> None:
    days = f"from={month}-01&to={month}-{monthrange(int(month[:4]), int(month[5:]))[1]}"
    asked = f"/reports?group_by=link&metrics={','.join(METRICS)}&{days}&zone=Europe/Berlin&limit=100"
    report = ask(tracker, f"{asked}&filter[partnerId]={partner}")
    for name in METRICS:
        expect(page.locator(f"tfoot [data-metric={name}]")).to_have_text(str(report["totals"][name]))
        expect(page.locator(f"tbody [data-metric={name}]")).to_have_text([str(row[name]) for row in report["rows"]])
    expect(page.get_by_role("article").get_by_text("Europe/Berlin")).to_be_visible()
    clients = page.get_by_role("region", name="Clients of these clicks").first.locator("tbody tr")
    expect(clients).to_have_count(report["totals"]["registrations"])


def month_with_clients(tracker: Serving, partner: str) -> str:
    [click] = ask(tracker, f"/clicks?filter[registration]=1&filter[partnerId]={partner}&sort_by=time&limit=1")
    month: str = click["time"][:7]
    return month


def test_a_month_is_a_page_to_print(open_page: OpenPage, tracker: Serving, programme: Programme) -> None:
    partner = programme.partners[0]
    month = month_with_clients(tracker, partner)
    path = f"/statement?month={month}&zone=Europe/Berlin"
    for view in VIEWS:
        page = open_page(path, view=view, scope="partner", partner=partner)
        expect(page.get_by_role("heading", name="Statement of Ada Media")).to_be_visible()
        check_statement(page, tracker, month, partner)
        expect(page.get_by_label("Month")).to_have_value(month)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    for hidden in (page.locator(".top"), page.get_by_role("button", name="Print"), page.get_by_label("Month")):
        expect(hidden).to_be_hidden()
    expect(page.get_by_text("As of")).to_be_visible()
    expect(page.locator("tfoot")).to_be_visible()


def test_links_beyond_the_longest_answer_are_one_row_of_the_statement(
    open_page: OpenPage, tracker: Serving, programme: Programme
) -> None:
    partner = programme.partners[0]
    month = month_with_clients(tracker, partner)
    page = open_page("/statement?month=2020-01&zone=Europe/Berlin", scope="partner", partner=partner)
    page.route(
        re.compile("/reports"), lambda route: route.continue_(url=route.request.url.replace("limit=1000", "limit=1"))
    )
    page.get_by_label("Month").select_option(month)
    rows = page.locator(".statement tbody tr").filter(has=page.locator("[data-metric]"))
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("Others: 1")
    for name in METRICS:
        shown = [int(text) for text in page.locator(f"tbody [data-metric={name}]").all_inner_texts()]
        expect(page.locator(f"tfoot [data-metric={name}]")).to_have_text(str(sum(shown)))


def test_a_manager_prints_the_statement_of_a_partner(
    open_page: OpenPage, tracker: Serving, programme: Programme
) -> None:
    """Contacts are masked there as well: the page is for the partner."""
    partner, now = programme.partners[1], datetime.now(UTC)
    click = ask(tracker, f"/clicks?filter[partnerId]={partner}&filter[registration]=1&sort_by=time&limit=1")[0]
    with tracker.client() as api:
        contact = {"key": "email", "value": "secret.person@mail.example"}
        assert api.patch(f"/clicks/{click['clickId']}", json={"contacts": [contact]}).status_code == 200
    month = click["time"][:7]
    page = open_page(f"/partners/{partner}/statement?month={month}&zone=Europe/Berlin")
    expect(page.get_by_role("heading", name="Statement of Borealis Blog")).to_be_visible()
    expect(page.get_by_text("s***@***")).to_be_visible()
    expect(page.get_by_text("secret.person")).to_have_count(0)
    if month == f"{now:%Y-%m}":
        expect(page.get_by_text("The month is not over")).to_be_visible()
    other = open_page(f"/partners/{partner}/statement", scope="partner", partner=programme.partners[0])
    expect(other.get_by_text("You may not see this.")).to_be_visible()
