"""The privacy policy: what is kept of a click. A pure function of the click, the policy and the salts (ADR 45)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import msgspec

from clicktrail.model.addresses import WHOLE_LENGTHS, hash_ip, truncate
from clicktrail.model.click import Click, Hit
from clicktrail.model.countries import BY_ALPHA2
from clicktrail.model.kept_uris import UriRule, could_be
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import day_of, rename_visitor, secret_visitor_of, visitor_of

Salts = Mapping[int, bytes]
"""Day since 1970 (UTC) -> its salt. Salts of past days are deleted."""
Point = tuple[float | None, float | None]


class Ip(StrEnum):
    """What is kept of an address."""

    FULL = "full"
    TRUNCATED = "truncated"
    """Its network: /24 for IPv4, /48 for IPv6."""
    HASHED = "hashed"
    """A hash with the salt of the day."""
    NONE = "none"


class Coordinates(StrEnum):
    """What is kept of the point that belongs to an address."""

    CITY = "city"
    ROUNDED = "rounded"
    """One decimal: 11 km."""
    COUNTRY = "country"
    """The point of the country."""
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Policy:
    ip: Ip = Ip.FULL
    ip_after_days: int = 0
    """Days after which `old_ip` is kept; 0: never."""
    old_ip: Ip = Ip.NONE
    keeps_agent: bool = True
    """Otherwise only device, browser, system and robot are kept of a user agent."""
    uri: UriRule = field(default_factory=UriRule)
    referrer: UriRule = field(default_factory=UriRule)
    coordinates: Coordinates = Coordinates.CITY

    @cached_property
    def is_plain(self) -> bool:
        """Whether only uris and referrers may change."""
        return not self.has_secret_visitors and self.coordinates is Coordinates.CITY and not self.ip_after_days

    @property
    def has_secret_visitors(self) -> bool:
        """Whether the keys of all visitors have the salt of the day: without it they would tell what is not kept."""
        return self.ip is not Ip.FULL or not self.keeps_agent

    @property
    def may_hold_networks(self) -> bool:
        """Whether truncated addresses may be stored: by this policy, or by an earlier one that kept more."""
        return self.ip is not Ip.FULL or (self.ip_after_days > 0 and self.old_ip is Ip.TRUNCATED)

    def ip_form(self, time: int, now: int) -> Ip:
        """What is kept of the address of a click with this `time`."""
        if not self.ip_after_days or time >= self.old_before(now):
            return self.ip
        return max(self.ip, self.old_ip, key=list(Ip).index)

    def old_before(self, now: int) -> int:
        """The first microsecond of the first UTC day whose addresses are not old."""
        return day_of(now) - self.ip_after_days * DAY_US


KEEP_ALL = Policy()
"""Everything is kept, also all parameters."""


def keep(click: Click, policy: Policy, salts: Salts, now: int) -> Click:
    """The click as it may be stored; the same object if that is everything. `click` is whole and has a visitor's key.

    Called after link, place, agent and robot were found, and before repeats and first clicks are marked, which compare
    visitors by their keys.
    """
    uri, referrer = policy.uri.keep(click.uri), click.referrer
    if referrer is not None:
        referrer = policy.referrer.keep(referrer) or None
    if policy.is_plain:
        if uri is click.uri and referrer is click.referrer:
            return click
        return msgspec.structs.replace(click, uri=uri, referrer=referrer)
    form = policy.ip_form(click.time, now)
    salt, (latitude, longitude) = choose_salt(salts, click.time, now), keep_point(click, policy.coordinates)
    is_whole = form is Ip.FULL and (policy.keeps_agent or click.user_agent is None)
    return msgspec.structs.replace(
        click,
        uri=uri,
        referrer=referrer,
        ip=keep_ip(click.ip, form, salt),
        user_agent=click.user_agent if policy.keeps_agent else None,
        visitor=click.visitor if is_whole else secret_visitor_of(salt, click.ip, click.user_agent, click.time),
        latitude=latitude,
        longitude=longitude,
    )


def choose_salt(salts: Salts, time: int, now: int) -> bytes:
    """The salt of a click's day, if it is known; otherwise today's, or the latest one."""
    return salts.get(time // DAY_US) or salts.get(now // DAY_US) or salts[max(salts)]


def keep_ip(ip: str, form: Ip, salt: bytes) -> str:
    """What is kept of a full address."""
    if form is Ip.HASHED:
        return hash_ip(salt, ip)
    if form is Ip.TRUNCATED:
        return truncate(ip)
    return ip if form is Ip.FULL else ""


def keep_point(click: Click, coordinates: Coordinates) -> Point:
    """Latitude and longitude in degrees."""
    latitude, longitude = click.latitude, click.longitude
    if coordinates is Coordinates.CITY or latitude is None or longitude is None:
        return latitude, longitude
    if coordinates is Coordinates.ROUNDED:
        return round(latitude, 1), round(longitude, 1)
    country = BY_ALPHA2.get(click.country_code or "") if coordinates is Coordinates.COUNTRY else None
    return (None, None) if country is None else (country.latitude, country.longitude)


def masked(click: Click) -> Click:
    """A stored click as a viewer sees it who may not see visitors: the network of the address, and no user agent."""
    return msgspec.structs.replace(click, ip=truncate(click.ip), user_agent=None)


def age(click: Click, form: Ip, salt: str) -> Click:
    """A stored click whose address became old. Its visitor's key changes too: an old one may be computed from an
    address."""
    has_more = click.ip != "" if form is Ip.NONE else len(click.ip) in WHOLE_LENGTHS
    if not has_more or click.visitor is None:
        return click
    ip = "" if form is Ip.NONE else truncate(click.ip)
    return msgspec.structs.replace(click, ip=ip, visitor=rename_visitor(salt, click.visitor))


_COMPARED = ("ip", "uri", "locale", "referrer", "user_agent", "time", "visitor_id", "click_id", "uuid")
_OMITTED = frozenset({"time", "click_id", "uuid"})
"""A hit without one of these does not differ in it."""


def differences(hit: Hit, made: Click, stored: Click, policy: Policy, salts: Salts) -> list[str]:
    """The attributes in which a repeated hit differs from the stored click of its uuid or id.

    `made` is the whole click of the hit. What is not kept of the stored click cannot differ.
    """
    same = {
        "ip": could_be_ip(hit.ip, stored, salts),
        "uri": could_be(hit.uri, stored.uri, policy.uri),
        "referrer": could_be(hit.referrer, stored.referrer, policy.referrer),
        "user_agent": is_agent(made, stored),
    }
    differing = [name for name in _COMPARED if not same.get(name, getattr(hit, name) == getattr(stored, name))]
    return [name for name in differing if name not in _OMITTED or getattr(hit, name) is not None]


def could_be_ip(ip: str, stored: Click, salts: Salts) -> bool:
    """Whether what is kept of a click's address fits a full address."""
    if not stored.ip.startswith("h"):
        return ip.startswith(stored.ip)
    known = [salts[day] for day in (stored.time // DAY_US,) if day in salts]
    return not known or any(hash_ip(salt, ip) == stored.ip for salt in known)


def is_agent(made: Click, stored: Click) -> bool:
    """Whether a click has the user agent of a stored one, as far as that is kept."""
    if made.user_agent == stored.user_agent:
        return True
    is_parsed = stored.user_agent is None and stored.bot is not None
    return is_parsed and (made.device, made.browser, made.os, made.bot) == (
        *(stored.device, stored.browser, stored.os, stored.bot),
    )


def is_visitor(click: Click, ip: str, user_agent: str | None, salts: Salts) -> bool:
    """Whether an address and a user agent belong to a stored click's visitor, by their key."""
    day = click.time // DAY_US
    keys = {visitor_of(ip, user_agent, click.time)}
    if day in salts:
        keys.add(secret_visitor_of(salts[day], ip, user_agent, click.time))
    return click.visitor in keys
