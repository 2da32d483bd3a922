"""A small partner programme for the tests of the dashboard: partners, links, clicks of 60 days, registrations."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.ingest.test_agents import CHROME

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Mobile/15E148"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
AGENTS = (CHROME, CHROME, PHONE, PHONE, ROBOT)
REFERRERS = ("https://news.example/a", "https://www.search.example/?q=1", "https://blog.example/post", None)
ADDRESSES = ("8.8.8", "193.0.6", "185.155.96", "1.1.1", "200.160.2", "41.0.0")
PARTNERS = ("Ada Media", "Borealis Blog", "Cedar Partners with a rather long name")


@dataclass
class Programme:
    partners: list[str]
    links: list[str]
    clicks: list[str]


def make_programme(api: httpx.Client, count: int = 1_500, seed: int = 1) -> Programme:
    """Adds everything over the API, as an operator's programs do."""
    dice = random.Random(seed)
    partners = [_create(api, "/profiles", {"firstName": name})["profileId"] for name in PARTNERS]
    links = [
        _create(
            api,
            "/links",
            {
                "profileId": partner,
                "code": f"{word}{number}",
                "name": f"{word} {number}",
                "uri": "https://shop.example/welcome",
            },
        )
        for number, partner in enumerate(partners, 1)
        for word in ("spring", "autumn")
    ]
    now = datetime.now(UTC)
    rows = [_click(dice, links, now) for _ in range(count)]
    answer = api.post("/clicks/batch", json=rows)
    assert answer.status_code == 201, answer.text
    ids = answer.json()["clickIds"]
    for number, click_id in enumerate(ids[::40]):
        registration = {"clickId": click_id, "profile": {"firstName": f"Client {number}", "uuid": f"u-{number}"}}
        assert api.post("/registrations", json=registration).status_code in (200, 201)
    return Programme(partners, [link["linkId"] for link in links], ids)


def _create(api: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def _click(dice: random.Random, links: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    link = dice.choices(links, weights=range(len(links), 0, -1))[0]
    campaign = dice.choice(("sale", "launch", "newsletter"))
    referrer = dice.choice(REFERRERS)
    age = timedelta(seconds=60 * 86_400 * dice.random() ** 1.3)
    return {
        "ip": f"{dice.choice(ADDRESSES)}.{dice.randint(1, 250)}",
        "uri": f"https://shop.example/welcome?referral={link['code']}&utm_campaign={campaign}&utm_source=mail",
        "userAgent": dice.choice(AGENTS),
        "time": (now - age).isoformat(),
        **({"referrer": referrer} if referrer else {}),
    }
