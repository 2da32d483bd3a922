"""The invented programme of `clicktrail demo`: partners, links and banners, and a year of visits. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from math import cos, exp, pi
from random import Random
from typing import Any, NamedTuple

from clicktrail.model.addresses import parse_ip
from clicktrail.model.click import Hit
from clicktrail.model.times import DAY_US, SECOND

DAYS, PARTNERS, LINKS, SITES = 365, 40, 200, 2
LANDING = "https://shop.example.org/welcome"
HOUR_US = 3600 * SECOND
_WEEKDAYS = (1.1, 1.15, 1.1, 1.05, 1.0, 0.75, 0.7)
_PEAK_DAYS = range(250, 260)
_PEAK_FACTOR = 3
CAMPAIGNS = ("spring", "newsletter", "summer-sale", "back-to-school", "black-friday", "always-on")
_NETWORKS = {
    "73.0.0.0/8": 30,
    "79.192.0.0/10": 25,
    "90.0.0.0/9": 12,
    "86.128.0.0/11": 10,
    "83.0.0.0/11": 8,
    "80.24.0.0/13": 6,
    "126.0.0.0/8": 5,
    "177.0.0.0/10": 4,
}
"""Networks of large providers in several countries -> weight."""
_REFERRERS = (
    "https://blog.example.net/best-of",
    "https://www.video.example.com/watch",
    "https://forum.example.org/t/9",
)
_BOT_AGENTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32.3",
)
_FIRST_NAMES = (
    *("Ada", "Bob", "Chiara", "Deniz", "Emil", "Fatima", "Goran", "Hana"),
    *("Ines", "Jonas", "Kemal", "Lena", "Marta", "Noor", "Olga", "Pavel"),
)
_LAST_NAMES = (
    *("Novak", "Schmidt", "Rossi", "Silva", "Kaya", "Dubois"),
    *("Ivanova", "Jensen", "Garcia", "Smith", "Tanaka", "Costa"),
)


class Visit(NamedTuple):
    """A hit, and whether a person made it."""

    hit: Hit
    is_person: bool


@dataclass(frozen=True, kw_only=True)
class Person:
    """One visitor with one browser."""

    ip: str
    user_agent: str
    visitor_id: str | None
    code: str | None
    """The link that brought the person first."""


def weigh_hour(start_us: int, hour: int) -> float:
    """How many visits come in an hour after the start, as a weight: by hour, weekday, season and one campaign."""
    day, of_day = divmod(start_us // HOUR_US + hour, 24)
    since = hour // 24
    rhythm = 0.15 + exp(-(((of_day - 14) / 5) ** 2)) + 0.5 * exp(-(((of_day - 20.5) / 2) ** 2))
    season = 1 + 0.25 * cos(2 * pi * (day % DAYS) / DAYS)
    return rhythm * season * _WEEKDAYS[(day + 3) % 7] * (_PEAK_FACTOR if since in _PEAK_DAYS else 1)


def partner(number: int) -> dict[str, Any]:
    """The values of a partner's profile."""
    first, last = _FIRST_NAMES[number % 16], _LAST_NAMES[number % 12]
    return {
        "first_name": first,
        "last_name": last,
        "tags": ("partner", "gold" if number < 5 else "standard"),
        "contacts": ({"key": "email", "value": f"{first.lower()}.{last.lower()}{number}@partners.example.com"},),
    }


def link(number: int, partners: Sequence[str], banners: Sequence[str]) -> dict[str, Any]:
    """The values of a link. The first partners have most of the links."""
    owner = number if number < PARTNERS else int(PARTNERS * (number / LINKS) ** 3) % PARTNERS
    return {
        "code": code_of(number),
        "name": f"{CAMPAIGNS[number % len(CAMPAIGNS)]} {number + 1}",
        "profile_id": partners[owner],
        "banner_id": banners[number % len(banners)] if number % 3 == 0 else None,
        "uri": LANDING,
    }


def code_of(number: int) -> str:
    return f"demo-{number + 1}"


def client(random: Random, number: int) -> dict[str, Any]:
    """The values of a client's profile."""
    first, last = random.choice(_FIRST_NAMES), random.choice(_LAST_NAMES)
    contacts = [{"key": "email", "value": f"{first.lower()}.{last.lower()}.{number}@mail.example.com"}]
    if random.random() < 0.3:
        contacts.append({"key": "phone", "value": f"+4930{random.randrange(10**6, 10**7)}"})
    return {"first_name": first, "last_name": last, "contacts": tuple(contacts), "uuid": f"demo-client-{number}"}


def make_visits(random: Random, clicks: int, end_us: int, sites: Sequence[str]) -> Iterator[Visit]:
    """Visits of the year before `end_us`, by time. Some people come back, some click twice, 8 % are robots."""
    start = (end_us - DAYS * DAY_US) // HOUR_US * HOUR_US
    hours = range((end_us - start) // HOUR_US)
    drawn = random.choices(hours, [weigh_hour(start, hour) for hour in hours], k=clicks)
    people: list[Person] = []
    last: Visit | None = None
    for at in sorted(start + hour * HOUR_US + random.randrange(HOUR_US) for hour in drawn):
        if last is not None and last.is_person and last.hit.site_id is None and random.random() < 0.04:
            known = last.hit
            yield Visit(_again(known, min(int(known.time or at) + 2 * SECOND, at)), is_person=True)
            continue
        last = _visit(random, at, people, sites)
        yield last


def _visit(random: Random, at: int, people: list[Person], sites: Sequence[str]) -> Visit:
    if random.random() < 0.08:
        robot = Person(ip=_address(random), user_agent=random.choice(_BOT_AGENTS), visitor_id=None, code=_code(random))
        return Visit(_hit(random, at, robot, None), is_person=False)
    if people and random.random() < 0.3:
        person = people[random.randrange(max(len(people) - 3_000, 0), len(people))]
    else:
        person = _meet(random)
        people.append(person)
    is_page_view = person.visitor_id is not None and random.random() < 0.4
    return Visit(_hit(random, at, person, random.choice(sites) if is_page_view else None), is_person=True)


def _meet(random: Random) -> Person:
    has_cookie = random.random() < 0.5
    visitor_id = f"v-{random.getrandbits(64):016x}" if has_cookie else None
    return Person(ip=_address(random), user_agent=_agent(random), visitor_id=visitor_id, code=_code(random))


def _hit(random: Random, at: int, person: Person, site_id: str | None) -> Hit:
    has_code = person.code is not None and (site_id is None or random.random() < 0.2)
    values = {
        "referral": person.code if has_code else None,
        "utm_source": random.choice(("newsletter", "blog", "video", "search")),
        "utm_medium": random.choice(("email", "banner", "cpc")),
        "utm_campaign": CAMPAIGNS[int(random.random() ** 2 * len(CAMPAIGNS))],
        "sub": f"s{int(random.paretovariate(0.8)) % 500}",
    }
    query = "&".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return Hit(
        ip=person.ip,
        uri=f"{LANDING}?{query}" if site_id is None else f"https://shop.example.org/products/{random.randrange(90)}",
        referrer=f"{random.choice(_REFERRERS)}/{random.randrange(300)}" if random.random() < 0.7 else None,
        time=at,
        user_agent=person.user_agent,
        visitor_id=person.visitor_id,
        is_prefetch=random.random() < 0.01,
        site_id=site_id,
    )


def _again(hit: Hit, at: int) -> Hit:
    """The same visit a moment later."""
    return Hit(**{**{name: getattr(hit, name) for name in Hit.__struct_fields__}, "time": at})


def _code(random: Random) -> str | None:
    """A link's code; a few links bring most of the visits, and some visits come by no link."""
    return None if random.random() < 0.05 else code_of(min(int(random.paretovariate(0.7)) - 1, LINKS * 50) % LINKS)


def _address(random: Random) -> str:
    [block] = random.choices(tuple(_NETWORKS), tuple(_NETWORKS.values()))
    first, size = _bounds(block)
    return parse_ip(".".join(map(str, (first + random.randrange(size)).to_bytes(4))))


@cache
def _bounds(block: str) -> tuple[int, int]:
    network = ip_network(block)
    return int(network[0]), network.num_addresses


def _agent(random: Random) -> str:
    version = random.randrange(110, 131)
    systems: Mapping[str, int] = {
        f"(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 "
        "Safari/537.36": 35,
        f"(Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Mobile "
        "Safari/537.36": 30,
        "(iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
        "Mobile/15E148 Safari/604.1": 25,
        f"(X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0": 10,
    }
    [system] = random.choices(tuple(systems), tuple(systems.values()))
    return f"Mozilla/5.0 {system}"
