"""Answers that a test holds back, or spoils."""

import re

from playwright.sync_api import Page, Route

from tests.waiting import until


def held(page: Page, url: str | re.Pattern[str], method: str = "GET") -> list[Route]:
    """The requests from now on that get no answer before the test gives one."""
    waiting: list[Route] = []
    page.route(url, lambda route: waiting.append(route) if route.request.method == method else route.fallback())
    return waiting


def until_asked(page: Page, waiting: list[Route], count: int = 1) -> None:
    """The events of a page are taken while it is asked something."""
    until(lambda: page.title() != "" and len(waiting) >= count, "it is asked for")


def silent(page: Page, url: str | re.Pattern[str], method: str = "GET") -> None:
    """From now on these requests get an answer that is none: a proxy's own page."""
    page.route(
        url,
        lambda route: route.fulfill(status=200, body="<html>") if route.request.method == method else route.fallback(),
    )
