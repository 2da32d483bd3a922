"""The fields of users, and of the bodies with which they sign in."""

from dataclasses import replace

from clicktrail.model.people import MAX_PASSWORD, MIN_PASSWORD
from clicktrail.query import kinds
from clicktrail.query.fields.field import OWN_TIMES, Field, Resource, enabled_field, id_field, name_field

_MAX_SECRET = 64
"""More than the longest token of a link and the longest code of a second factor."""

USER = Resource(
    "user",
    "/users",
    doc="A person who signs in.",
    fields=(
        id_field("userId", "The user's identifier.", sortable=True, nullable=False),
        replace(
            name_field("name", "The name to sign in with; letter case does not count.", example="mary"),
            kind=kinds.USER_NAME,
            writable=True,
            needed=True,
            nullable=False,
        ),
        Field(
            name="scope",
            kind=kinds.USER_SCOPE,
            writable=True,
            needed=True,
            nullable=False,
            filterable=True,
            doc="`admin`, `read` or `partner`: the same rights as a token of this scope.",
            example="read",
        ),
        id_field("partnerId", "The partner of a user with the scope `partner`.", writable=True, filterable=True),
        enabled_field("Whether the user may sign in. Disabling a user ends all sessions of the user."),
        Field(
            name="hasPassword",
            kind=kinds.FLAG,
            nullable=False,
            filterable=True,
            doc="Whether the user has accepted an invitation.",
            example=True,
        ),
        Field(
            name="hasSecondFactor",
            kind=kinds.FLAG,
            nullable=False,
            filterable=True,
            doc="Whether a sign-in needs a code as well.",
            example=False,
        ),
        *OWN_TIMES,
    ),
)

NAME = Field(name="name", kind=kinds.USER_NAME, nullable=False, doc="The user's name.", example="mary")
FIRST_NAME = replace(
    NAME, nullable=True, doc="The name of the first user. An invited user has a name already.", example=None
)
PASSWORD = Field(
    name="password",
    kind=kinds.PASSWORD,
    nullable=False,
    max_length=MAX_PASSWORD,
    doc="The password.",
    example="correct horse battery",
)
NEW_PASSWORD = replace(
    PASSWORD, kind=kinds.NEW_PASSWORD, doc=f"The new password: at least {MIN_PASSWORD} characters, with no other rule."
)
OLD_PASSWORD = replace(PASSWORD, name="current", column="current", doc="The password until now.")
CODE = Field(
    name="code",
    doc="The six digits of the second factor.",
    nullable=False,
    max_length=_MAX_SECRET,
    example="123456",
)
OPTIONAL_CODE = replace(CODE, nullable=True, doc="The six digits of the second factor, if the user has one.")
TOKEN = Field(
    name="token",
    doc="The part of the link after `#`.",
    nullable=False,
    max_length=_MAX_SECRET,
    example="q3vJx0ZbU5mN8cR1tYw7LkD2sHfGpA9eBiVnXoQzTuM",
)
