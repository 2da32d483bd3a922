"""The fields of links, sites and OAuth clients, and of banners with their languages, sizes and themes."""

from clicktrail.model.codes import MAX_CODE
from clicktrail.query import kinds
from clicktrail.query.fields.field import OWN_TIMES, UUID, Field, Resource, enabled_field, id_field, name_field
from clicktrail.query.texts import MAX_URL_BYTES

REDIRECT = (
    Field(
        name="redirectStatus",
        kind=kinds.REDIRECT,
        writable=True,
        shown=False,
        nullable=False,
        default=302,
        doc="The status of the redirect: 302, 301 or 307.",
        example=302,
    ),
    Field(
        name="expireTime",
        kind=kinds.TIME,
        writable=True,
        shown=False,
        doc="From this time the link redirects to its fallback page.",
        example="2031-01-01T00:00:00+00:00",
    ),
    Field(
        name="fallbackUri",
        kind=kinds.PAGE,
        writable=True,
        shown=False,
        max_length=MAX_URL_BYTES,
        doc="The page for visitors while the link is disabled or expired.",
        example="https://my.stage.org/over",
    ),
)
"""How a link redirects: the keys of the expansion `redirect`."""

LINK = Resource(
    "link",
    "/links",
    doc="A partner's link; the referral parameter of a uri contains its code.",
    expansions=("metrics", "redirect"),
    groups={"redirect": REDIRECT},
    extras=("staying",),
    has_history=True,
    fields=(
        id_field("linkId", "The link's identifier.", filterable=True, sortable=True, nullable=False),
        Field(
            name="code",
            kind=kinds.CODE,
            filterable=True,
            sortable=True,
            writable=True,
            nullable=False,
            max_length=MAX_CODE,
            doc="The value of the referral parameter; unique; generated if not given.",
            example="1",
        ),
        id_field("profileId", "The partner who owns the link.", filterable=True, writable=True, required=True),
        id_field("bannerId", "The banner of the link.", filterable=True, writable=True, required=True),
        name_field("name", "A name for people.", writable=True, required=True, example="Spring newsletter"),
        Field(
            name="uri",
            kind=kinds.PAGE,
            plain="contains",
            filterable=True,
            sortable=True,
            writable=True,
            required=True,
            max_length=MAX_URL_BYTES,
            doc="The landing page.",
            example="https://my.stage.org/register",
        ),
        enabled_field("Whether the link is in use."),
        *OWN_TIMES,
        UUID,
        *REDIRECT,
        Field(
            name="search",
            plain="contains",
            filterable=True,
            shown=False,
            doc="The code, the name and the landing page, with spaces between them.",
        ),
    ),
)

BANNER = Resource(
    "banner",
    "/banners",
    doc="A picture for links.",
    fields=(
        id_field("bannerId", "The banner's identifier.", sortable=True, nullable=False),
        name_field(
            "bannerName",
            "The banner's name.",
            writable=True,
            required=True,
            needed=True,
            nullable=False,
            example="Tight Spreads",
        ),
        Field(
            name="cdnFileUrl",
            kind=kinds.URL,
            writable=True,
            required=True,
            max_length=MAX_URL_BYTES,
            doc="The image on the CDN.",
            example="https://cdn.example.com/200x200.png",
        ),
        id_field("languageId", "The banner's language.", filterable=True, writable=True, required=True),
        name_field("languageName", "The language's name."),
        id_field("themeId", "The banner's theme.", filterable=True, writable=True, required=True),
        name_field("themeName", "The theme's name."),
        id_field("sizeId", "The banner's size.", filterable=True, writable=True, required=True),
        name_field("sizeName", "The size's name."),
        Field(
            name="width",
            kind=kinds.INTEGER,
            filterable=True,
            sortable=True,
            writable=True,
            doc="Width in pixels; default: the width of the size.",
            example=200,
        ),
        Field(
            name="height",
            kind=kinds.INTEGER,
            filterable=True,
            sortable=True,
            writable=True,
            doc="Height in pixels; default: the height of the size.",
            example=200,
        ),
        *OWN_TIMES,
        UUID,
    ),
)


def _facet(name: str, doc: str, *more: Field) -> Resource:
    return Resource(
        name,
        f"/banners/{name}s",
        doc=doc,
        fields=(
            id_field(f"{name}Id", "The identifier.", sortable=True, nullable=False),
            name_field(
                f"{name}Name", "The name.", writable=True, required=True, needed=True, nullable=False, example="en"
            ),
            *more,
            *OWN_TIMES,
            UUID,
        ),
    )


def _pixels(name: str) -> Field:
    return Field(
        name=name,
        kind=kinds.INTEGER,
        sortable=True,
        filterable=True,
        writable=True,
        required=True,
        needed=True,
        nullable=False,
        doc="Pixels.",
        example=200,
    )


LANGUAGE = _facet("language", "A language that banners are in.")
SIZE = _facet("size", "A size that banners have.", _pixels("width"), _pixels("height"))
THEME = _facet("theme", "A theme that banners belong to.")

SITE = Resource(
    "site",
    "/sites",
    doc="One of the operator's own sites. Its pages send page views with the pixel or the snippet.",
    fields=(
        id_field("siteId", "The site's identifier.", sortable=True, nullable=False),
        name_field("name", "A name for people.", writable=True, required=True, example="The shop"),
        Field(
            name="key",
            nullable=False,
            filterable=True,
            doc="The key that its pages send. It is public: it can only add clicks.",
            example="hQ3vQ0l2dXWg2sXv",
        ),
        Field(
            name="origins",
            kind=kinds.ORIGINS,
            writable=True,
            required=True,
            needed=True,
            nullable=False,
            doc="The origins of its pages: scheme, host, and the port if it is not the default.",
            example=["https://shop.example.org"],
        ),
        enabled_field("Whether page views are accepted.", is_sortable=False),
        *OWN_TIMES,
        UUID,
    ),
)

CLIENT = Resource(
    "client",
    "/clients",
    doc="Credentials with which a program gets tokens from POST /tokens (not a client of the programme).",
    extras=("clientSecret",),
    fields=(
        id_field("clientId", "The OAuth client identifier.", sortable=True, nullable=False),
        name_field("name", "A name for people.", writable=True, example="landing pages"),
        Field(
            name="scope",
            writable=True,
            needed=True,
            nullable=False,
            filterable=True,
            doc="`admin`, `write`, `read`, `partner` or `postback`.",
            example="write",
        ),
        id_field("partnerId", "The partner of a `partner` or `postback` client.", writable=True),
        Field(name="enabled", kind=kinds.FLAG, nullable=False, filterable=True, doc="False once revoked."),
        *OWN_TIMES,
    ),
)
CLIENT_SECRET = CLIENT.with_secret("oAuthClientSecret", "clientSecret", "Shown this once.")
