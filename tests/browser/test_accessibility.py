"""Every page of the dashboard, for each role that it is for: axe finds nothing in either theme, and a phone shows the
whole width."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import VIEWS, OpenPage
from tests.browser.programme import Programme

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / ".venv/clients/node_modules/axe-core/axe.min.js"
PAGES = re.findall(r'\{ path: "([^"]+)".*? isFor: ([\w.]+)', (ROOT / "src/clicktrail/web/app/pages.js").read_text())
"""Path, and whom the page is for."""
REFUSED = {"admin": ("isPartner",), "partner": ("isAdmin", "may.seePartners")}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CUT = """() => [...document.querySelectorAll("main h1, main h2, main h3, .menu [aria-current]")].filter((each) => {
  const { left, right } = each.getBoundingClientRect();
  return !each.closest(".hidden") && (left < 0 || right > innerWidth || each.scrollWidth > each.clientWidth + 1);
}).map((each) => each.textContent)"""
"""Headings that are not whole, and the menu's own page where it is out of sight."""
DRAWN = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
"""The page of a new path is drawn in the next frame."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines("duckdb"),  # what a page looks like is the same on both
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not AXE.exists(), reason="there is no npm on this machine"),
]


def findings(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


def settle(page: Page) -> None:
    """Waits until every answer is shown."""
    page.locator("main h1").wait_for()
    expect(page.locator(".skeleton, [aria-busy=true]")).to_have_count(0)


def visit(page: Page, path: str) -> None:
    page.evaluate("path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')) }", path)
    page.evaluate(DRAWN)
    settle(page)


def paths_of(scope: str) -> list[str]:
    """The pages for a scope, and one of those that are refused: they all look the same."""
    refused = [path for path, whom in PAGES if whom in REFUSED[scope]]
    return [*(path for path, _ in PAGES if path not in refused), *refused[:1]]


@pytest.mark.parametrize("scope", ["admin", "partner"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_accessible(open_page: OpenPage, programme: Programme, view: str, scope: str) -> None:
    page = open_page(view=view, scope=scope, partner=programme.partners[0] if scope == "partner" else None)
    settle(page)
    ids = {"linkId": programme.links[0], "clickId": programme.clicks[0], "profileId": programme.partners[0]}
    problems = []
    for path in paths_of(scope):
        own = re.sub(r":(\w+)", lambda name: ids.get(name[1], programme.partners[0]), path)
        visit(page, f"/dashboard{own}")
        problems += [f"{path} {each}" for each in findings(page)]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            problems.append(f"{path} is wider than the screen")
        problems += [f"{path} cuts {each!r}" for each in page.evaluate(CUT)]
    assert not problems, "\n".join(problems)


def test_signing_in_is_accessible(open_page: OpenPage, programme: Programme) -> None:
    page = open_page()
    settle(page)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a token").wait_for()
    assert findings(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")
    assert programme.links
