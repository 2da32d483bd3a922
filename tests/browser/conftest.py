"""The dashboard's server and its pages in a real browser: policy violations, console errors and requests to other
hosts fail the test."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import CHROMIUM, QUIET
from tests.browser.programme import Programme, make_programme
from tests.conftest import ENGINES, NewStore
from tests.people import PASSWORD, invite
from tests.serving import Serving, serving

VIEWS = {"wide": (1280, "light"), "phone": (360, "dark")}
expect.set_options(timeout=30_000)  # as long as the browser waits before it clicks: a machine may have much else to do
OpenPage = Callable[..., Page]
Serve = Callable[[str], Serving]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all files of this folder: its event loop must have ended before other tests begin."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Most files run on one engine, half of them on each: what their pages ask is tested on both in tests/api. Files
    without the marker `engines` run on both: they go through the whole dashboard."""
    if "store_kind" in metafunc.fixturenames:
        chosen = metafunc.definition.get_closest_marker("engines")
        metafunc.parametrize("store_kind", chosen.args if chosen else ENGINES, indirect=True, scope="module")


@pytest.fixture(scope="module")
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="package")
def serve(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serve]:
    """Starts a server on an engine, which runs until the last test of this folder."""
    with ExitStack() as stack:

        def started(kind: str) -> Serving:
            return stack.enter_context(serving(tmp_path_factory.mktemp("dashboard") / "data", **new_store(kind)))

        yield started


@pytest.fixture(scope="package")
def shared(serve: Serve) -> Serve:
    """The server of each engine that files share: their tests add what others do not count."""
    return cache(serve)


@pytest.fixture(scope="module")
def tracker(request: pytest.FixtureRequest, store_kind: str, shared: Serve, serve: Serve) -> Serving:
    """The server of an engine; a file with the marker `own_server` has one of its own."""
    is_own = request.node.get_closest_marker("own_server") is not None
    return (serve if is_own else shared)(store_kind)


@pytest.fixture(scope="package")
def programmes() -> dict[str, Programme]:
    """URL of a server -> its programme."""
    return {}


@pytest.fixture(scope="module")
def programme(tracker: Serving, programmes: dict[str, Programme]) -> Programme:
    if tracker.url not in programmes:
        with tracker.client() as api:
            programmes[tracker.url] = make_programme(api, 400)
    return programmes[tracker.url]


@contextmanager
def watched_page(
    browser: Browser, tracker: Serving, view: str = "wide", refusals: Collection[int] = ()
) -> Iterator[tuple[Page, list[str]]]:
    """A page of nobody yet, and the errors seen so far: whoever expects one takes it from the list. `refusals` are
    statuses that the test provokes, which the browser reports as errors."""
    width, scheme = VIEWS[view]
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: asked.append(request.url))
    yield page, errors
    context.close()
    assert [each for each in errors if not any(f"status of {status} " in each for status in refusals)] == []
    assert [url for url in asked if not url.startswith((tracker.url, "data:", "blob:"))] == []


@contextmanager
def admin_page(browser: Browser, tracker: Serving, refusals: Collection[int]) -> Iterator[Page]:
    """The Overview of a new admin who has just signed in with a password."""
    with tracker.client() as api:
        _, token = invite(api, f"admin {len(api.get('/users?limit=100').json())}")
    with watched_page(browser, tracker, refusals=refusals) as (page, _):
        page.goto(f"{tracker.url}/welcome#{token}")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Set password and sign in").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        yield page


@pytest.fixture
def open_page(browser: Browser, tracker: Serving) -> Iterator[OpenPage]:
    """Opens a page of the dashboard, signed in with a token: `open_page("/clicks", view="phone", scope="partner",
    partner=id)`."""
    with ExitStack() as stack:

        def opened(
            path: str = "",
            view: str = "wide",
            scope: str = "admin",
            partner: str | None = None,
            refusals: Collection[int] = (),
        ) -> Page:
            page, errors = stack.enter_context(watched_page(browser, tracker, view, refusals))
            page.goto(f"{tracker.url}/dashboard{path}")
            page.get_by_role("button", name="Use a token").click()
            page.get_by_label("Access token").fill(tracker.token(scope, partner))
            errors.clear()  # the browser reports that no one was signed in
            page.get_by_role("button", name="Sign in").click()
            return page

        yield opened


@pytest.fixture(params=VIEWS)
def page(request: pytest.FixtureRequest, open_page: OpenPage, programme: Programme) -> Page:
    """The Overview, wide and light or narrow and dark."""
    del programme  # its clicks are there
    return open_page(view=request.param)
