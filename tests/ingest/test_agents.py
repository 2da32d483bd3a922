"""Who clicked, by the user agent."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.ingest.agents import UNKNOWN, find_agent

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("user_agent", "device", "browser", "os"),
    [
        (CHROME, "desktop", "Chrome", "Windows"),
        (IPHONE, "phone", "Mobile Safari", "iOS"),
        (IPHONE.replace("iPhone", "iPad"), "tablet", "Mobile Safari", "iOS"),
        (
            CHROME.replace("Windows NT 10.0; Win64; x64", "Linux; Android 10; K").replace("Safari", "Mobile Safari"),
            "phone",
            "Chrome Mobile",
            "Android",
        ),
        (
            CHROME.replace("Windows NT 10.0; Win64; x64", "Linux; Android 13; SM-X710"),
            "tablet",
            "Chrome",
            "Android",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "desktop", "Firefox", "Linux"),
        ("Mozilla/5.0 (PlayStation 5 3.11) AppleWebKit/605.1.15 (KHTML, like Gecko)", "console", None, None),
    ],
)
def test_people(user_agent: str, device: str, browser: str | None, os: str | None) -> None:
    agent = find_agent(user_agent)
    assert (agent.device, agent.bot) == (device, "")
    if browser is not None:
        assert (agent.browser, agent.os) == (browser, os)


@pytest.mark.parametrize(
    ("user_agent", "rule"),
    [
        (GOOGLE, "Googlebot\\/"),
        ("curl/7.88.1", "^curl"),
        ("facebookexternalhit/1.1", "facebookexternalhit"),
        ("Acme site crawler 2", "says it crawls"),
    ],
)
def test_robots_are_named_by_their_rule(user_agent: str, rule: str) -> None:
    agent = find_agent(user_agent)
    assert (agent.bot, agent.device) == (rule, None)


def test_what_is_not_known_stays_unknown() -> None:
    assert find_agent(None) == find_agent("") == UNKNOWN
    assert find_agent("x") == (None, None, None, "")


@given(st.text(max_size=2048))
def test_no_header_is_too_strange(text: str) -> None:
    find_agent(text)


@pytest.mark.parametrize("piece", ["x", "a.b", "(", " bot", "Mozilla/5.0 ", "Android;", "1"])
def test_no_header_takes_long(piece: str) -> None:
    find_agent("warm")
    started = time.thread_time()
    find_agent((piece * 2048)[:2048])
    assert time.thread_time() - started < 0.1
