"""The fields of a registration, and of the identities that connect one person's browsers."""

from clicktrail.query import kinds
from clicktrail.query.fields.field import MAX_CLICK_TEXT, MAX_TEXT, OWN_TIMES, Field, Resource, id_field

CODE = "code"
REGISTRATION = {
    field.name: field
    for field in (
        Field(
            name="clickId",
            kind=kinds.ID,
            doc="The click that brought the client, if the site knows it.",
            example="6006dda272f002519c3eb505",
        ),
        Field(name="visitorId", doc="The client's browser, as the site's own cookie names it.", example="v-81"),
        Field(
            name="uuid",
            takes_number=True,
            doc="The uuid of a click, or of a person known from POST /identities.",
            example="u-7",
        ),
        Field(name=CODE, max_length=128, doc="The code of a link that the client named.", example="spring"),
        Field(
            name="time",
            kind=kinds.CLICK_TIME,
            doc="When the client registered; default: now.",
            example="2021-01-01T00:00Z",
        ),
        Field(name="ip", kind=kinds.IP, doc="The client's address; used only with `code`.", example="8.8.8.8"),
        Field(
            name="userAgent",
            max_length=MAX_CLICK_TEXT,
            is_cut=True,
            doc="The client's user agent; used only with `code`.",
            example="Mozilla/5.0",
        ),
        Field(name="profile", kind=kinds.CLIENT, nullable=False, doc="The client: the fields of a profile."),
    )
}
"""The body of POST /registrations."""
EARNED = Resource(
    "registration",
    "/registrations",
    doc="A client who registered, and what earned them.",
    fields=(
        id_field("attributionId", "The attribution.", sortable=True, nullable=False),
        Field(
            name="time",
            kind=kinds.TIME,
            doc="When the client registered.",
            filterable=True,
            sortable=True,
            nullable=False,
            example="2021-01-01T00:00:00+00:00",
        ),
        id_field("profileId", "The client.", filterable=True, nullable=False),
        id_field("clickId", "The click that earned the client.", filterable=True),
        id_field("linkId", "The link that earned the client.", filterable=True),
        id_field("partnerId", "The partner who earned the client.", filterable=True),
        Field(name="rule", doc="The rule that decided.", filterable=True, nullable=False, example="last-touch"),
        OWN_TIMES[0],
    ),
)
KNOWN_BY = ("clickId", "visitorId", "uuid", CODE)
"""The keys for attribution: a registration needs at least one."""
IDENTITY = Resource(
    "identity",
    "/identities",
    doc="A browser and its person.",
    fields=(
        id_field("identityId", "The identity's identifier.", sortable=True, nullable=False),
        *(
            Field(
                name=name,
                filterable=True,
                sortable=True,
                writable=True,
                needed=True,
                nullable=False,
                max_length=MAX_TEXT,
                doc=doc,
                example=example,
                takes_number=name == "uuid",
            )
            for name, doc, example in (
                ("visitorId", "A browser, as the site's own cookie names it.", "v-81"),
                ("uuid", "The person's uuid.", "u-7"),
            )
        ),
        OWN_TIMES[0],
    ),
)
_MERGED = id_field("profileId", "The profile to merge into this one.", nullable=False)
MERGE = {_MERGED.name: _MERGED}
"""The body of POST /profiles/{profileId}/merge."""
