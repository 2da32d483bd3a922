"""The page at /docs in a real browser, as a newcomer meets it: on an empty store, with the examples as they are."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.api.test_examples import TAGS
from tests.browser.chromium import CHROMIUM
from tests.serving import Serving, serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("docs") / "data") as running:
        yield running


@pytest.fixture
def page(browser: Browser, empty: Serving) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 1400})
    opened = context.new_page()
    errors: list[object] = []
    asked: list[str] = []
    opened.on("pageerror", lambda error: errors.append(error))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(f"{empty.url}/docs")
    opened.wait_for_selector("#operations-tag-Recording", timeout=60_000)
    yield opened
    context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((empty.url, "data:"))] == []


def authorize(page: Page, token: str) -> None:
    page.click(".auth-wrapper .authorize")
    page.wait_for_selector(".modal-ux .auth-container")
    form = page.locator(".modal-ux .auth-container", has_text="token (http, Bearer)")
    assert form.locator("input").evaluate("each => each === document.activeElement")
    form.locator("input").fill(token)
    form.locator("button.authorize").click()
    form.locator("button.btn-done").click()


def execute(page: Page, tag: str, name: str) -> Any:
    """Opens an operation, executes it as it stands, and returns the answer that is shown."""
    block = open_operation(page, tag, name)
    block.locator("button.execute").click()
    shown = block.locator(".live-responses-table")
    shown.locator(".response-col_status", has_text=re.compile("2..")).wait_for(timeout=30_000)
    return json.loads(shown.locator(".response-col_description pre").first.inner_text())


def open_operation(page: Page, tag: str, name: str) -> Locator:
    block = page.locator(f"#operations-{tag}-{name}")
    if block.count() == 0:
        page.click(f"#operations-tag-{tag} button")
    page.click(f"#operations-{tag}-{name} .opblock-summary-control")
    block.locator("button.execute").wait_for(timeout=30_000)
    return block


def test_a_newcomer_sees_where_to_begin(page: Page) -> None:
    assert page.title() == "Clicktrail API"
    told = page.locator(".info").inner_text()
    for text in ("Begin here", ".venv/bin/clicktrail token create", "Press Authorize", "Press Execute", "POST /clicks"):
        assert text in told
    assert told.index("Begin here") < told.index("What holds everywhere")
    assert page.locator(".opblock-tag").evaluate_all("all => all.map(each => each.dataset.tag)") == TAGS


def test_the_examples_work_in_the_order_that_is_told(page: Page, empty: Serving) -> None:
    authorize(page, empty.token())
    link = execute(page, "Links", "createLink")
    click = execute(page, "Recording", "createClick")
    assert click["linkId"] == link["linkId"]
    made = execute(page, "Registering", "createRegistration")
    assert (made["clickId"], made["linkId"]) == (click["clickId"], link["linkId"])
    [found] = execute(page, "Asking", "listClicks")
    assert (found["clickId"], found["profileId"]) == (click["clickId"], made["profileId"])
