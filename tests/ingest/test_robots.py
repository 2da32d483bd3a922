"""Robots against the user agents that others have collected, and that no rule of ours was copied from.

`device-detector` ships the fixtures of Matomo (robots, and devices of people), `fake-useragent` browsers that were
seen, `crawler-user-agents` what the robots that it lists say.
"""

import importlib.util
import json
import re
import time
from functools import cache
from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from clicktrail.ingest import robots
from clicktrail.ingest.agents import find_agent
from clicktrail.ingest.robots import SAYINGS, find_bot

AGENT = re.compile(r"^ +user_agent: (.+)$", re.MULTILINE)
APPS = ("podcasting", "feed_reader", "app_names", "unknown", "mobile_apps")
"""Fixtures in which programs stand that nobody sits at: curl, git, what a server of podcasts fetches with."""
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/126.0.6478.122 Mobile Safari/537.36"
)


def package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def collected() -> dict[str, frozenset[str]]:
    """Name of a fixture -> the user agents in it."""
    files = list((package("device_detector") / "tests" / "fixtures").rglob("*.yml"))
    return {path.stem: frozenset(text.strip("'\"") for text in AGENT.findall(path.read_text())) for path in files}


def taken_for_robots(agents: frozenset[str]) -> list[str]:
    return [agent for agent in agents if find_bot(agent[:512])]


def test_nine_of_ten_robots_are_found() -> None:
    agents = collected()["bots"]
    assert len(agents) > 1300
    assert len(taken_for_robots(agents)) > 0.92 * len(agents)


def test_people_are_not_robots() -> None:
    people = frozenset().union(*(agents for name, agents in collected().items() if name != "bots"))
    at_devices = frozenset().union(*(agents for name, agents in collected().items() if name not in ("bots", *APPS)))
    assert len(at_devices) > 35_000
    assert len(taken_for_robots(people)) * 6182 / len(people) <= 20
    assert len(taken_for_robots(at_devices)) <= 25


def test_no_browser_is_a_robot() -> None:
    lines = (package("fake_useragent") / "data" / "browsers.jsonl").read_text().splitlines()
    browsers = frozenset(json.loads(line)["useragent"] for line in lines)
    assert len(browsers) > 800
    assert taken_for_robots(browsers) == []


def test_what_is_not_listed_is_found_by_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules by sayings alone, against robots that stand in the list and not in the fixtures."""
    unseen = {agent for row in CRAWLER_USER_AGENTS_DATA for agent in row["instances"]} - collected()["bots"]
    assert len(unseen) > 1500
    monkeypatch.setattr(robots, "RULES", tuple(SAYINGS.items()))
    robots._automaton.cache_clear()
    try:
        found = [agent for agent in unseen if find_bot(agent)]
    finally:
        robots._automaton.cache_clear()
    assert len(found) > 0.85 * len(unseen)


@pytest.mark.parametrize(
    "agent",
    [
        f"{IPHONE} Instagram 339.0.3.12.91 (iPhone14,5; iOS 17_5_1; en_US; en; scale=3.00; 1170x2532; 618460470)",
        f"{IPHONE} [FBAN/FBIOS;FBAV/469.0.0.42.71;FBBV/609200180;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS]",
        f"{IPHONE} musical_ly_34.9.0 JsSdk/2.0 NetType/WIFI Channel/App Store BytedanceWebview/d8a21c6",
        f"{IPHONE} [LinkedInApp]/9.29.8962",
        f"{IPHONE} [Pinterest/iOS]",
        f"{IPHONE} Twitter for iPhone/10.44",
        f"{IPHONE} WhatsApp/2.24",
        f"{IPHONE} NAVER(inapp; search; 1000; 12.5.0; 14PRO)",
        f"{ANDROID} Instagram 339.0.0.30.105 Android (34/14; 600dpi; 1440x3088; CUBOT; X30; qcom; en_US; 619461498)",
        f"{ANDROID} [FB_IAB/FB4A;FBAV/469.0.0.50.80;IABMV/1;]",
        f"{ANDROID} Viber/27.4.0.0",
        f"{ANDROID} SogouMSE,SogouMobileBrowser/5.28.7",
        ANDROID.replace("SM-S918B", "M bot 54"),
        ANDROID.replace("Build/UP1A.231005.007", "Build/AP3A.240617.008"),
    ],
)
def test_people_in_apps_and_on_phones_with_odd_names(agent: str) -> None:
    assert find_agent(agent)[0::3] == ("phone", "")


@pytest.mark.parametrize(
    ("agent", "rule"),
    [
        ("Mozilla/5.0 (Linux; Android 6.0.1; Cubot X9) Chrome/41.0 (compatible; Googlebot/2.1)", "Googlebot\\/"),
        ("ThinkTankBot", "says it is a robot"),
        ("Acme site crawler 2", "says it crawls"),
        ("Mozilla/5.0 (Windows NT 10.0) Acme Link Validator", "says it checks"),
        ("Mozilla/5.0 (compatible; Acme/1.2)", "is compatible with no browser"),
        ("Acme 3 (+https://acme.example/about)", "gives a web address"),
        ("Acme 3 (ops@acme.example)", "gives a mail address"),
        ("acme/1.0", "gives one name and no system"),
        ("Mozilla/5.0 (Acme/1.0)", "gives Mozilla and no system"),
        ("${jndi:ldap://acme}", "is a placeholder"),
    ],
)
def test_the_rule_is_named(agent: str, rule: str) -> None:
    assert find_bot(agent) == rule


def test_a_new_agent_costs_little() -> None:
    find_bot("warm")
    agents = [f"{agent} {number}" for number, agent in enumerate(sorted(collected()["smartphone"]))]
    started = time.thread_time()
    for agent in agents:
        find_bot(agent)
    assert time.thread_time() - started < 0.0005 * len(agents)
