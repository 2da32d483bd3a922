from dataclasses import replace

from clicktrail.query import kinds
from clicktrail.query.fields.field import OWN_TIMES, UUID, Field, Resource, Source, enabled_field, id_field, name_field

CONTACT = Resource(
    "contact",
    "/contacts",
    doc="An e-mail address or a phone number of a profile.",
    fields=(
        id_field("contactId", "The contact's identifier.", sortable=True, nullable=False),
        Field(
            name="key",
            doc="`email` or `phone`.",
            filterable=True,
            sortable=True,
            writable=True,
            required=True,
            needed=True,
            nullable=False,
            example="email",
        ),
        Field(
            name="value",
            doc="The address, or the number beginning with `+`.",
            plain="contains",
            filterable=True,
            sortable=True,
            writable=True,
            required=True,
            needed=True,
            nullable=False,
            secret=True,
            example="client@email.com",
        ),
        *OWN_TIMES,
        UUID,
        id_field("profileId", "The profile that the contact belongs to; named by the path.", shown=False),
    ),
)

PROFILE = Resource(
    "profile",
    "/profiles",
    doc="A partner or a client.",
    expansions=("metrics",),
    fields=(
        id_field("profileId", "The profile's identifier.", sortable=True, filterable=True, nullable=False),
        Field(
            name="contacts",
            kind=kinds.CONTACTS,
            column="value",
            source=Source.CONTACTS,
            plain="contains",
            filterable=True,
            writable=True,
            required=True,
            nullable=False,
            secret=True,
            doc="The contacts. A body replaces the whole list.",
            default=(),
        ),
        Field(
            name="countryNumericCode",
            kind=kinds.NUMERIC_COUNTRY,
            column="country_code",
            filterable=True,
            writable=True,
            doc="ISO 3166-1 numeric, three digits.",
            example="840",
        ),
        Field(name="country", kind=kinds.COUNTRY, column="country_code", doc="The country in all its codes."),
        enabled_field("A mark. While it is false, a partner changes no links and postbacks itself."),
        name_field(
            "firstName", "Given name.", writable=True, required=True, nullable=False, default="", example="Mary"
        ),
        name_field(
            "lastName", "Family name.", writable=True, required=True, nullable=False, default="", example="Smith"
        ),
        name_field(
            "middleName", "Middle name.", writable=True, required=True, nullable=False, default="", example="Jane"
        ),
        name_field("name", "First, middle and last name, the non-empty ones joined.", example="Mary Jane Smith"),
        Field(
            name="tags",
            kind=kinds.TAGS,
            column="tag",
            source=Source.TAGS,
            filterable=True,
            writable=True,
            nullable=False,
            default=(),
            doc="Labels, in order. A body replaces the whole list.",
            example=["61"],
        ),
        *OWN_TIMES,
        replace(UUID, required=True),
        Field(
            name="isPartner",
            kind=kinds.FLAG,
            filterable=True,
            shown=False,
            nullable=False,
            doc="Whether the profile owns a link.",
        ),
    ),
)
