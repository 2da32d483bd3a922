"""The page Set-up: each step is seen as soon as the command that the page gives was run."""

import shlex
from collections.abc import Iterator, Mapping

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import OpenPage
from tests.conftest import ENGINES, NewStore
from tests.ingest.test_agents import CHROME
from tests.receiver import Receiver, receiving
from tests.serving import Serving, serving
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]


@pytest.fixture(scope="module", params=ENGINES)
def receiver_and_tracker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> Iterator[tuple[Receiver, Serving]]:
    folder = tmp_path_factory.mktemp("setup")
    with receiving(folder) as (receiver, trusted), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        with serving(folder / "data", postback_networks="127.0.0.1/32", **new_store(request.param)) as server:
            yield receiver, server


@pytest.fixture(scope="module")
def tracker(receiver_and_tracker: tuple[Receiver, Serving]) -> Serving:
    """A server with nothing in it, which may call the receiver."""
    return receiver_and_tracker[1]


def step(page: Page, name: str) -> Locator:
    return page.locator(".checklist > li").filter(has=page.get_by_role("heading", name=name, exact=True))


def run(page: Page, name: str, api: httpx.Client, place: int = 0, replaced: Mapping[str, str] | None = None) -> None:
    """Sends what a curl line of a step sends, with parts of it replaced."""
    line = step(page, name).locator("code").nth(place).inner_text()
    for old, new in (replaced or {}).items():
        assert old in line
        line = line.replace(old, new)
    words = shlex.split(line)
    url = next(word for word in words if word.startswith("http"))
    assert url.startswith(str(api.base_url).rstrip("/"))
    answer = api.post(url, content=words[words.index("--data-raw") + 1])
    assert answer.status_code in (200, 201), answer.text


def test_each_step_is_seen_when_its_command_was_run(
    open_page: OpenPage, receiver_and_tracker: tuple[Receiver, Serving]
) -> None:
    receiver, tracker = receiver_and_tracker
    page = open_page("/setup")
    expect(step(page, "Access token")).to_contain_text("Seen: this page uses one")
    with tracker.client() as api:
        for name in ("Partner and link", "First click", "Registration", "Delivery"):
            expect(step(page, name)).to_contain_text("Not seen yet")
        run(page, "Partner and link", api)
        [partner] = api.get("/profiles?filter[firstName]=First partner").json()
        run(page, "Partner and link", api, 1, {"PROFILE_ID": partner["profileId"]})
        expect(step(page, "Partner and link")).to_contain_text("Seen at")
        run(page, "Delivery", api, replaced={"https://partner.example/postback": receiver.url("/seen")})
        run(page, "First click", api, replaced={page.evaluate("navigator.userAgent"): CHROME})  # that one is a robot's
        expect(step(page, "First click")).to_contain_text("Seen at")
        expect(step(page, "Delivery")).to_contain_text("Seen at")
        assert len(receiver.at("/seen")) == 1
        run(page, "Registration", api)
        expect(step(page, "Registration")).to_contain_text("Seen at")


def test_the_snippet_has_the_key_of_the_site(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        key = api.post("/sites", json={"origins": ["https://blog.example"], "name": "Blog"}).json()["key"]
        api.post("/sites", json={"origins": ["https://shop.example"], "name": "Shop"})
    page = open_page("/setup", view="phone")
    page.get_by_label("Site", exact=True).select_option("Blog")
    tag = f'<script src="{tracker.url}/clicktrail.js" data-key="{key}" async></script>'
    expect(page.get_by_text(tag, exact=True)).to_be_visible()
    expect(page.get_by_text("No problem of the installation was found.")).to_be_visible()
    expect(page.locator(".findings li", has_text="the store answers")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_says_what_is_wrong_and_readers_see_the_state(open_page: OpenPage, tracker: Serving) -> None:
    """A visit that came through a proxy of this machine, which nobody has named."""
    httpx.get(f"{tracker.url}/r/unknown", headers={"X-Forwarded-For": "8.8.8.8"})
    with tracker.client() as api:
        until(lambda: any(each["status"] == "wrong" for each in api.get("/doctor").json()), "the server looks again")
    page = open_page("/setup", view="phone")
    expect(page.get_by_text("This is wrong with the installation:")).to_be_visible()
    expect(page.locator(".findings li").first).to_contain_text("Name the proxy in CLICKTRAIL_TRUSTED_PROXIES")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    reader = open_page("/setup", scope="read")
    expect(reader.get_by_text("The server says that it can do its work.")).to_be_visible()
    assert reader.get_by_text("CLICKTRAIL_TRUSTED_PROXIES").count() == 0


def test_partners_have_no_such_page(open_page: OpenPage, tracker: Serving) -> None:
    with tracker.client() as api:
        partner = api.post("/profiles", json={"firstName": "Own"}).json()["profileId"]
    page = open_page("/setup", scope="partner", partner=partner)
    expect(page.get_by_text("You may not see this.")).to_be_visible()
    assert page.get_by_role("link", name="Set-up").count() == 0
