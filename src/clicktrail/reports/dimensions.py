"""What a report can be grouped by: one row for each dimension. SQL, OpenAPI and documents are made from it."""

from collections.abc import Mapping
from typing import NamedTuple

from clicktrail.reports.zones import SECOND

TIME = "time"
PARAMETER = "parameter"
DELAY = "delay"


class Dimension(NamedTuple):
    """One row of the table."""

    name: str
    doc: str
    column: str = ""
    """The column of the stored click; empty where the value is computed."""
    keys: tuple[str, ...] = ()
    """The keys of a row, where they are not simply the dimension's name; the first holds the value."""
    overlaps: bool = False
    """Whether one click may be in several rows."""
    kind: type = str
    """The type of its values."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys of a row."""
        return self.keys or (self.name,)


class Grouping(NamedTuple):
    """A dimension as a report asks for it."""

    dimension: Dimension
    argument: str = ""
    """The NAME of `parameter[NAME]`."""

    @property
    def name(self) -> str:
        """As it was asked for, and as a row shows it."""
        return f"{self.dimension.name}[{self.argument}]" if self.argument else self.dimension.name

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a row; the first holds the value."""
        return self.dimension.keys or (self.name,)


TABLE: tuple[Dimension, ...] = (
    Dimension(TIME, "The bucket of the click's time, by its start."),
    Dimension("hourOfDay", "The hour on the clock of the zone, 0 to 23.", kind=int),
    Dimension("dayOfWeek", "The day of the week in the zone, 1 (Monday) to 7 (Sunday).", kind=int),
    Dimension("countryCode", "The country, by the address.", "country_code", keys=("countryCode", "countryName")),
    Dimension("referrer", "The page that the visitor came from.", "referrer"),
    Dimension("referrerHost", "The host of that page.", "referrer_host"),
    Dimension("utmSource", "`utm_source` of the uri.", "utm_source"),
    Dimension("utmMedium", "`utm_medium` of the uri.", "utm_medium"),
    Dimension("utmCampaign", "`utm_campaign` of the uri.", "utm_campaign"),
    Dimension("utmContent", "`utm_content` of the uri.", "utm_content"),
    Dimension("utmTerm", "`utm_term` of the uri.", "utm_term"),
    Dimension(
        "partner",
        "The partner who owned the link when the click was recorded.",
        "partner_id",
        keys=("partnerId", "partnerName"),
    ),
    Dimension("link", "The link.", "link_id", keys=("linkId", "linkCode", "linkName")),
    Dimension("banner", "The banner.", "banner_id", keys=("bannerId", "bannerName")),
    Dimension("site", "The site whose snippet or pixel sent the click.", "site_id", keys=("siteId", "siteName")),
    Dimension("rule", "The rule by which the click earned its client.", "rule"),
    Dimension("tag", "A tag of the client. A client with two tags is in two rows.", "tag", overlaps=True),
    Dimension("device", "`desktop`, `phone`, `tablet`, `tv`, `console` or `watch`.", "device"),
    Dimension("browser", "The browser's name.", "browser"),
    Dimension("os", "The operating system's name.", "os"),
    Dimension("isBot", "Whether a robot clicked.", "is_bot", kind=bool),
    Dimension("botRule", "The rule by which the click is a robot's.", "bot_rule"),
    Dimension("isDataCentre", "Whether the address belongs to a data centre.", "is_data_centre", kind=bool),
    Dimension(
        DELAY, "From click to registration: less than a minute, ten minutes, an hour, a day, 7 days, 30 days, or more."
    ),
    Dimension(PARAMETER, "A parameter of the click's uri: `parameter[NAME]`, for example a partner's sub-id."),
)
DIMENSIONS: Mapping[str, Dimension] = {dimension.name: dimension for dimension in TABLE}
CLOCKS = frozenset({TIME, "hourOfDay", "dayOfWeek"})
"""Dimensions of the clock in the zone."""
MAX_DIMENSIONS = 3
DELAYS: Mapping[str, int | None] = {
    "1 minute": 60 * SECOND,
    "10 minutes": 600 * SECOND,
    "1 hour": 3_600 * SECOND,
    "1 day": 86_400 * SECOND,
    "7 days": 7 * 86_400 * SECOND,
    "30 days": 30 * 86_400 * SECOND,
    "more": None,
}
"""Values of `delay` in their order: each with the first delay that is too long for it, in microseconds."""
