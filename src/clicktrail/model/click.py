"""The click as it is recorded: what was sent, and what was found out about it."""

import msgspec


class Hit(msgspec.Struct, frozen=True):
    """What a site sent, checked: `ip` is an address key, `time` microseconds or None for now."""

    ip: str
    uri: str
    locale: str | None = None
    referrer: str | None = None
    time: int | None = None
    user_agent: str | None = None
    uuid: str | None = None
    click_id: str | None = None
    """Given by imports, which bring clicks that already have one."""


class Click(msgspec.Struct, frozen=True):
    """A recorded click, field for field a row of the table `clicks`.

    `ip` is an address key, `time` and `update_time` are microseconds; `createTime` is in the id.
    """

    click_id: str
    time: int
    referrer: str | None
    ip: str
    uri: str
    user_agent: str | None
    utm_campaign: str | None
    utm_content: str | None
    utm_medium: str | None
    utm_source: str | None
    utm_term: str | None
    profile_id: str | None
    link_id: str | None
    banner_id: str | None
    latitude: float | None
    longitude: float | None
    country_code: str | None
    update_time: int
    uuid: str | None
    locale: str | None


def differences(hit: Hit, click: Click) -> list[str]:
    """The JSON keys in which a repeated hit differs from the click of its uuid. A time left out is no difference."""
    pairs = {
        "ip": (hit.ip, click.ip),
        "uri": (hit.uri, click.uri),
        "locale": (hit.locale, click.locale),
        "referrer": (hit.referrer, click.referrer),
        "userAgent": (hit.user_agent, click.user_agent),
        "time": (click.time if hit.time is None else hit.time, click.time),
    }
    return [name for name, (sent, stored) in pairs.items() if sent != stored]
