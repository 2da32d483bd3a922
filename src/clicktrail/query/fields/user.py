"""The fields of users, and of the bodies with which they sign in."""

from dataclasses import replace
from typing import Any

from clicktrail.model.access import PEOPLE
from clicktrail.model.people import MAX_PASSWORD, MIN_PASSWORD
from clicktrail.query import kinds
from clicktrail.query.fields.field import MAX_TEXT, OWN_TIMES, Field, Resource, enabled_field, id_field, name_field
from clicktrail.query.kinds import Kind
from clicktrail.query.texts import NO_NUL, check_text

_SCOPES = sorted(PEOPLE)
_MAX_SECRET = 64
"""More than the longest token of a link and the longest code of a second factor."""


def _check_scope(value: Any) -> str:
    if value not in _SCOPES:
        raise ValueError(f"must be one of {', '.join(_SCOPES)}")
    return str(value)


def _check_name(value: Any) -> str:
    """Spaces around the name do not count."""
    name = check_text(value).strip()
    if not name:
        raise ValueError("must not be empty")
    return name


def _check_new_password(value: Any) -> str:
    password = check_text(value)
    if len(password) < MIN_PASSWORD:
        raise ValueError(f"must have at least {MIN_PASSWORD} characters")
    return password


_SCOPE = replace(kinds.TEXT, name="scope of a user", schema={"type": "string", "enum": _SCOPES})
_SCOPE = replace(_SCOPE, check=_check_scope)
_NAME = replace(
    kinds.TEXT,
    name="name of a user",
    schema={"type": "string", "pattern": NO_NUL, "minLength": 1, "maxLength": MAX_TEXT},
    check=_check_name,
)
_PASSWORD_SCHEMA = {"type": "string", "format": "password", "pattern": NO_NUL, "maxLength": MAX_PASSWORD}
_PASSWORD = Kind("password", _PASSWORD_SCHEMA, (), check=check_text)
_NEW_PASSWORD = replace(
    _PASSWORD, name="new password", schema={**_PASSWORD_SCHEMA, "minLength": MIN_PASSWORD}, check=_check_new_password
)

USER = Resource(
    "user",
    "/users",
    doc="A person who signs in.",
    fields=(
        id_field("userId", "The user's identifier.", sortable=True, nullable=False),
        replace(
            name_field("name", "The name to sign in with; letter case does not count.", example="mary"),
            kind=_NAME,
            writable=True,
            needed=True,
            nullable=False,
        ),
        Field(
            name="scope",
            kind=_SCOPE,
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

NAME = Field(name="name", kind=_NAME, nullable=False, doc="The user's name.", example="mary")
FIRST_NAME = replace(
    NAME, nullable=True, doc="The name of the first user. An invited user has a name already.", example=None
)
PASSWORD = Field(
    name="password",
    kind=_PASSWORD,
    nullable=False,
    max_length=MAX_PASSWORD,
    doc="The password.",
    example="correct horse battery",
)
NEW_PASSWORD = replace(
    PASSWORD, kind=_NEW_PASSWORD, doc=f"The new password: at least {MIN_PASSWORD} characters, with no other rule."
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
