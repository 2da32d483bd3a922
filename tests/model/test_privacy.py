"""What a policy leaves of a click, and which repeats it still recognises."""

from itertools import product
from typing import Any

import pytest

from clicktrail.choices import privacy_policy
from clicktrail.model.addresses import hash_ip, parse_ip, render_ip, truncate
from clicktrail.model.click import Click, Hit
from clicktrail.model.kept_uris import FULL, LISTED, ORIGIN, UriRule, origin_of
from clicktrail.model.privacy import KEEP_ALL, Coordinates, Ip, Policy, age, differences, keep, masked
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import visitor_of
from clicktrail.settings import load_settings

NOW = 20_000 * DAY_US + 5
SALTS = {20_000: b"today", 20_001: b"tomorrow"}
URI = "https://shop.example.org/a/b?utm_source=x&size=9&token=secret#top"
DEFAULT = privacy_policy(load_settings({}, {})).uri
RULES = (DEFAULT, UriRule(form=ORIGIN), UriRule(form=LISTED, listed=frozenset({"utm_source"})))


def click_of(hit: Hit, **found: Any) -> Click:
    values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
    values |= {
        "click_id": "0" * 24,
        "time": NOW,
        "update_time": 0,
        "bot": "",
        "browser": hit.user_agent,
        "is_first": False,
    }
    values |= {name: getattr(hit, name) for name in ("ip", "uri", "referrer", "user_agent", "uuid")}
    return Click(**values | {"visitor": visitor_of(hit.ip, hit.user_agent, NOW)} | found)


def policies() -> list[Policy]:
    return [
        Policy(ip=ip, keeps_agent=keeps_agent, uri=rule, referrer=rule)
        for ip, keeps_agent, rule in product(Ip, (True, False), RULES)
    ]


@pytest.mark.parametrize("stored", policies(), ids=lambda each: f"{each.ip}-{each.keeps_agent}-{each.uri.form}")
def test_a_repeat_is_the_same_after_a_change_of_the_policy(stored: Policy) -> None:
    """But for parameters that were not kept and now are: what they were is not known."""
    hit = Hit(ip=parse_ip("192.0.2.7"), uri=URI, referrer=URI, user_agent="agent", uuid="u")
    made = click_of(hit)
    kept = keep(made, stored, SALTS, NOW)
    for now in (stored, *policies(), KEEP_ALL):
        differing = differences(hit, made, kept, now, SALTS)
        is_more = stored.uri.form == LISTED or now is KEEP_ALL
        is_unknown = is_more and stored.uri is not now.uri and stored.uri.form != ORIGIN
        assert differing in ([], ["uri", "referrer"]) if is_unknown else differing == [], now
    for name, other in (("ip", parse_ip("198.51.100.7")), ("uri", "https://other.example/"), ("user_agent", "another")):
        another = Hit(
            **{**{each: getattr(hit, each) for each in ("ip", "uri", "referrer", "user_agent", "uuid")}, name: other}
        )
        found = differences(another, click_of(another), kept, stored, SALTS)
        assert found == ([] if name == "ip" and stored.ip is Ip.NONE else [name])
    assert differences(hit, made, kept, stored, {}) == []  # when the salts are gone


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("https://x.example/?a=1&b=2#top", "https://x.example/?a=1&b=2#top"),
        ("https://x.example/?email=a@b.c&b=2", "https://x.example/?b=2"),
        ("https://x.example/?a=1&E-Mail=q&b=2#access_token=1&z=2", "https://x.example/?a=1&b=2#z=2"),
        ("https://x.example/a&b;jsessionid=AB?x=1", "https://x.example/a&b?x=1"),
        ("https://x.example/#/way?user%5Bemail%5D=1&n=1", "https://x.example/#/way?n=1"),
        ("https://x.example/?p%61ssword=1", "https://x.example/"),
        ("https://x.example/?token", "https://x.example/?token"),
        (
            "https://x.example/?sid=1&subid=2&clickid=3&gclid=4&ref=5&aff=6",
            "https://x.example/?subid=2&clickid=3&gclid=4&ref=5&aff=6",
        ),
        (
            "https://x.example/?referral=1&banner=2&click_id=3&author=4",
            "https://x.example/?referral=1&banner=2&click_id=3&author=4",
        ),
    ],
)
def test_secret_parameters_are_dropped(uri: str, kept: str) -> None:
    for _ in range(2):  # names are remembered
        assert DEFAULT.keep(uri) == kept
    assert DEFAULT.keep(kept) == kept
    assert (DEFAULT.keep(uri) is uri) == (uri == kept)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Origin ", "https://x.example/"),
        ("FULL", "https://x.example/p?A=1&b=2&c#top"),
        ("a, b", "https://x.example/p?A=1&b=2"),
        ("full,a", "https://x.example/p?A=1"),
        (",", "https://x.example/p"),
    ],
)
def test_the_words_of_the_setting(text: str, kept: str) -> None:
    assert privacy_policy(load_settings({"uri": text}, {})).uri.keep("https://x.example/p?A=1&b=2&c#top") == kept


def test_own_names_are_kept_whatever_the_list_says() -> None:
    settings = load_settings({"referral_parameter": "Token", "dropped_parameters": "*to-ken*, mail"}, {})
    rule = privacy_policy(settings).uri
    assert (
        rule.keep("https://x.example/?token=spring&ctoken=1&MAIL=2&email=3")
        == "https://x.example/?token=spring&email=3"
    )
    assert privacy_policy(load_settings({"dropped_parameters": ""}, {})).uri.keep(URI) == URI


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://u:p@Shop.example:8080/x?y#z", "https://shop.example:8080/"),
        ("https://shop.example\\@other.example/", "https://shop.example/"),
        ("myapp://offer/x", "myapp://offer/"),
        ("mailto:a@b.c", "mailto:/"),
        ("no uri", ""),
    ],
)
def test_origins(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin


def test_what_is_left_of_an_address() -> None:
    four, six = parse_ip("192.0.2.7"), parse_ip("2001:db8:1:2::7")
    assert [render_ip(truncate(key)) for key in (four, six)] == ["192.0.2.0", "2001:db8:1::"]
    assert truncate(truncate(four)) == truncate(four)
    assert hash_ip(b"a", four) != hash_ip(b"b", four) != hash_ip(b"b", six)
    assert render_ip(hash_ip(b"a", four)).startswith("hash:")
    assert render_ip("") == ""
    click = click_of(Hit(ip=four, uri=URI, user_agent="agent"))
    assert (masked(click).ip, masked(click).user_agent) == (truncate(four), None)
    old = age(click, Ip.TRUNCATED, "salt")
    assert (old.ip, age(old, Ip.TRUNCATED, "other")) == (truncate(four), old)
    assert old.visitor != click.visitor


@pytest.mark.parametrize(
    ("coordinates", "point"),
    [
        (Coordinates.CITY, (52.5244, 13.4105)),
        (Coordinates.ROUNDED, (52.5, 13.4)),
        (Coordinates.NONE, (None, None)),
    ],
)
def test_coordinates(coordinates: Coordinates, point: tuple[float | None, float | None]) -> None:
    click = click_of(Hit(ip=parse_ip("192.0.2.7"), uri=URI), latitude=52.5244, longitude=13.4105, country_code="DE")
    kept = keep(click, Policy(coordinates=coordinates), SALTS, NOW)
    assert (kept.latitude, kept.longitude, kept.country_code) == (*point, "DE")
    country = keep(click, Policy(coordinates=Coordinates.COUNTRY), SALTS, NOW)
    assert (country.latitude, country.longitude) not in ((None, None), (52.5244, 13.4105))
    assert kept.visitor == click.visitor


def test_a_strict_form_of_old_addresses_does_not_weaken() -> None:
    policy = Policy(ip=Ip.HASHED, ip_after_days=3, old_ip=Ip.TRUNCATED)
    assert [policy.ip_form(NOW - days * DAY_US, NOW) for days in (0, 3, 4)] == [Ip.HASHED] * 3
    policy = Policy(ip_after_days=3, old_ip=Ip.TRUNCATED)
    assert [policy.ip_form(NOW - days * DAY_US, NOW) for days in (0, 3, 4)] == [Ip.FULL, Ip.FULL, Ip.TRUNCATED]
    assert DEFAULT.form == FULL
