"""The click as it is recorded: the data that was sent, and the facts that the server found."""

import msgspec


class Hit(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A checked hit: `ip` is an address key; `time` is microseconds, or None for now. Between processes it is an
    array."""

    ip: str
    uri: str
    locale: str | None = None
    referrer: str | None = None
    time: int | None = None
    user_agent: str | None = None
    uuid: str | None = None
    click_id: str | None = None
    """Set by clients and imports whose clicks already have an id."""
    visitor_id: str | None = None
    """The visitor's browser, as the site's own cookie names it."""
    is_prefetch: bool | None = None
    """Whether the browser fetched the page ahead of the visitor; None if no browser header could show this."""
    site_id: str | None = None
    """The site whose public key sent the hit; None for a hit with a token or by a link."""


class Click(msgspec.Struct, frozen=True, gc=False):
    """A recorded click, field by field a row of the table `clicks`.

    `ip` is an address key, or what a policy keeps of it (`model.addresses`); `time` and `update_time` are
    microseconds; `createTime` is in the id. `bot` is the rule that recognised a robot's user agent: empty for a
    person's, None without a user agent.
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
    """The visitor's key on the UTC day of `time` (`model.visitors`); None in an old click."""
    device: str | None = None
    browser: str | None = None
    os: str | None = None
    bot: str | None = None
    is_data_centre: bool | None = None
    is_prefetch: bool | None = None
    duplicate_of: str | None = None
    """The click that this click repeats."""
    name_space: str | None = None
    """The owner of the uuid: None is the site itself; otherwise one browser on one day, on the site whose key sent it.
    """
    partner_id: str | None = None
    """The owner of the link when the click was recorded."""
    site_id: str | None = None
    """As in `Hit`."""
    referrer_host: str | None = None
    """The host of the referrer (`model.uris.find_host`)."""
    is_first: bool = False
    """Whether it is the first counted click of its visitor on its link, on the UTC day of `time`."""

    @property
    def is_bot(self) -> bool:
        return bool(self.bot)
