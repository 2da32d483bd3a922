"""The fields of a click: 24 that are shown, 30 filters, 16 sort keys (contract, sections 2 and 3)."""

from typing import Any

from clicktrail.query import kinds
from clicktrail.query.fields.field import MAX_CLICK_TEXT, OWN_TIMES, UUID, Field, Resource, Source, id_field
from clicktrail.query.texts import MAX_URL_BYTES


def _utm(name: str, doc: str, example: str) -> Field:
    return Field(name=name, doc=doc, filterable=True, sortable=True, is_repetitive=True, example=example)


def _filter(name: str, doc: str, **rest: Any) -> Field:
    """A filter that is not a key of the Click."""
    return Field(name=name, doc=doc, filterable=True, shown=False, **rest)


def _mark(name: str, doc: str) -> Field:
    return _filter(name, doc, kind=kinds.FLAG, example=True)


VISITOR = (
    _filter("device", "`desktop`, `phone`, `tablet`, `tv`, `console` or `watch`, by the user agent.", example="phone"),
    _filter("browser", "The browser's name, by the user agent.", example="Safari"),
    _filter("os", "The operating system's name, by the user agent.", example="iOS"),
    _mark("isBot", "Whether a robot clicked, by the user agent; unknown without one."),
    _filter(
        "botRule",
        "The rule that recognised a robot: the pattern of a listed robot, or the words of its user agent.",
        example="Googlebot\\/",
    ),
    _mark("isDataCentre", "Whether the address belongs to a hosting provider; unknown without `CLICKTRAIL_ASN`."),
    _mark(
        "isPrefetch",
        "Whether the browser fetched the page ahead of its visitor; unknown for clicks that a program sent.",
    ),
    _filter(
        "duplicateOf",
        "The click that this click repeats: same visitor, same link, a short time before.",
        kind=kinds.ID,
        example="6006dda272f002519c3eb505",
    ),
    _filter("visitorId", "The visitor's browser, as the site's own cookie names it.", writable=True, example="v-81"),
)
"""What is known about who clicked: the keys of the expansion `visitor`."""

REPORTED = (
    _filter(
        "partnerId",
        "The partner who owned the link when the click was recorded.",
        kind=kinds.ID,
        example="6006dda272f002519c3eb505",
    ),
    _filter(
        "siteId",
        "The site whose snippet or pixel sent the click.",
        kind=kinds.ID,
        example="6006dda272f002519c3eb505",
    ),
    _filter("referrerHost", "The host of the referrer.", is_repetitive=True, example="twitter.com"),
    _mark("isFirst", "Whether the click is unique: the first of its visitor on its link on the UTC day of its `time`."),
)
"""Where a click is counted: the keys of the expansion `origin`. With these filters a list has the clicks that a
report has counted."""

CLICK = Resource(
    "click",
    "/clicks",
    doc="A visitor's arrival on a link.",
    expansions=("contacts", "link", "metrics", "origin", "profile", "visitor"),
    groups={"origin": REPORTED, "visitor": VISITOR},
    has_history=True,
    fields=(
        id_field("clickId", "The click's identifier.", sortable=True, filterable=True, nullable=False),
        Field(
            name="time",
            kind=kinds.CLICK_TIME,
            doc="When the click happened.",
            sortable=True,
            writable=True,
            nullable=False,
            example="2021-01-01T00:00:00+00:00",
        ),
        Field(
            name="referrer",
            doc="The page that the visitor came from.",
            plain="contains",
            filterable=True,
            sortable=True,
            is_repetitive=True,
            writable=True,
            max_length=MAX_CLICK_TEXT,
            is_cut=True,
            example="https://twitter.com",
        ),
        Field(
            name="ip",
            kind=kinds.IP,
            doc="The visitor's IP address, in canonical spelling.",
            filterable=True,
            sortable=True,
            writable=True,
            needed=True,
            nullable=False,
            example="185.155.96.184",
        ),
        Field(
            name="uri",
            kind=kinds.URI,
            doc="The URL that was visited, with its campaign parameters.",
            plain="contains",
            filterable=True,
            sortable=True,
            writable=True,
            needed=True,
            nullable=False,
            max_length=MAX_URL_BYTES,
            example="https://my.stage.org/register?referral=1&utm_campaign=sport&utm_content=UEFA"
            "&utm_medium=banner&utm_source=youtube.com&utm_term=bitcoin",
        ),
        Field(
            name="userAgent",
            doc="The visitor's user agent.",
            plain="contains",
            filterable=True,
            sortable=True,
            is_repetitive=True,
            writable=True,
            max_length=MAX_CLICK_TEXT,
            is_cut=True,
            example="Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/14.1.2 Safari/605.1.15",
        ),
        _utm("utmCampaign", "`utm_campaign` of the uri: the campaign.", "sport"),
        _utm("utmContent", "`utm_content` of the uri: which of several similar links.", "UEFA"),
        _utm("utmMedium", "`utm_medium` of the uri: cpc, banner, email, …", "banner"),
        _utm("utmSource", "`utm_source` of the uri: the site that sent the visitor.", "youtube.com"),
        _utm("utmTerm", "`utm_term` of the uri: paid search keywords.", "bitcoin"),
        id_field("profileId", "The client who registered through the click; null for a page view.", filterable=True),
        id_field("linkId", "The link named by the uri's referral parameter.", filterable=True),
        id_field(
            "bannerId",
            "The banner named by the uri's banner parameter, else the link's own.",
            filterable=True,
            aliases=("bannerIdFilter",),
        ),
        Field(name="bannerName", doc="The banner's name.", example="Tight Spreads"),
        Field(name="bannerCdnFileUrl", doc="The banner's image.", example="https://cdn.example.com/200x200.png"),
        Field(name="cdnFileUrl", doc="The same as `bannerCdnFileUrl`.", example="https://cdn.example.com/200x200.png"),
        Field(
            name="latitude",
            kind=kinds.DEGREES,
            doc="Degrees north, by the IP address.",
            filterable=True,
            sortable=True,
            is_repetitive=True,
            example="37.751",
        ),
        Field(
            name="longitude",
            kind=kinds.DEGREES,
            doc="Degrees east, by the IP address.",
            filterable=True,
            sortable=True,
            is_repetitive=True,
            example="-97.822",
        ),
        Field(
            name="countryCode",
            kind=kinds.COUNTRY_CODE,
            doc="ISO 3166-1 alpha-2, by the IP address.",
            filterable=True,
            example="US",
        ),
        Field(
            name="countryName",
            kind=kinds.COUNTRY_NAME,
            column="country_code",
            doc="The country's CLDR name in the language of Accept-Language; filters match the name that is shown.",
            plain="contains",
            filterable=True,
            example="United States",
        ),
        *OWN_TIMES,
        UUID,
        Field(
            name="locale",
            doc="The locale of the visitor's interface; stored, not shown.",
            shown=False,
            writable=True,
            max_length=MAX_CLICK_TEXT,
        ),
        _filter(
            "clickStartTime",
            "Clicks at this time or later (on `time`).",
            kind=kinds.TIME,
            column="time",
            plain="gte",
            example="2021-01-01T00:00:00+00:00",
        ),
        _filter(
            "clickEndTime",
            "Clicks at this time or earlier (on `time`).",
            kind=kinds.TIME,
            column="time",
            plain="lte",
            example="2021-01-31T23:59:59+00:00",
        ),
        _filter(
            "registration",
            "`1`: clicks that brought a client; `0`: page views.",
            kind=kinds.FLAG,
            column="registration",
            example="1",
        ),
        _filter("code", "The code of the click's link.", column="code", source=Source.LINK, example="1"),
        _filter(
            "profileName",
            "The name of the partner who owned the link when the click was recorded.",
            column="name",
            source=Source.PARTNER,
            plain="contains",
            example="Mary Jane Smith",
        ),
        _filter(
            "profileContacts",
            "Any contact of the client. A raw `+` means a plus sign here.",
            column="value",
            source=Source.CLIENT_CONTACTS,
            plain="contains",
            secret=True,
            example="client@email.com",
        ),
        _filter(
            "profileCountryName",
            "The client's country, by the name that is shown.",
            kind=kinds.COUNTRY_NAME,
            column="country_code",
            source=Source.CLIENT,
            plain="contains",
            example="United States",
        ),
        _filter(
            "tag",
            "Any tag of the client; sorts by the first one.",
            column="tag",
            source=Source.CLIENT_TAGS,
            sortable=True,
            example="61",
        ),
        *VISITOR,
        *REPORTED,
    ),
)
