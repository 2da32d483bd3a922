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
    """Given by clients and imports that bring clicks which already have one."""
    visitor_id: str | None = None
    """The visitor's browser, as the site's own cookie names it."""
    is_prefetch: bool | None = None
    """Whether a browser said that it fetched ahead of the visitor; None where nobody could say so."""
    site_id: str | None = None
    """The site whose public key sent it; None for what came with a token or by a link."""


class Click(msgspec.Struct, frozen=True):
    """A recorded click, field for field a row of the table `clicks`.

    `ip` is an address key, `time` and `update_time` are microseconds; `createTime` is in the id. `bot` is the rule that
    took the user agent for a robot's, empty for a person's, None without a user agent.
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
    visitor_id: str | None = None
    visitor: int | None = None
    """The visitor of a day (`model.visitors`); None for clicks from before there was such a key."""
    device: str | None = None
    browser: str | None = None
    os: str | None = None
    bot: str | None = None
    is_data_centre: bool | None = None
    is_prefetch: bool | None = None
    duplicate_of: str | None = None
    """The click that this one repeats."""
    name_space: str | None = None
    """Whose the uuid is: None for the site's own, else of one browser and one day, on the site whose key sent it."""

    @property
    def is_bot(self) -> bool:
        """Whether it is known to be a robot's."""
        return bool(self.bot)


def differences(hit: Hit, click: Click) -> list[str]:
    """The JSON keys in which a repeated hit differs from the click of its uuid or id.

    Leaving out time, id or uuid is no difference.
    """
    pairs = {
        "ip": (hit.ip, click.ip),
        "uri": (hit.uri, click.uri),
        "locale": (hit.locale, click.locale),
        "referrer": (hit.referrer, click.referrer),
        "userAgent": (hit.user_agent, click.user_agent),
        "time": (click.time if hit.time is None else hit.time, click.time),
        "visitorId": (hit.visitor_id, click.visitor_id),
        "clickId": (hit.click_id or click.click_id, click.click_id),
        "uuid": (hit.uuid or click.uuid, click.uuid),
    }
    return [name for name, (sent, stored) in pairs.items() if sent != stored]
