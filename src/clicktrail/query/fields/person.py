"""The fields that name a person, and what becomes of the clicks."""

from dataclasses import replace

from clicktrail.model.erasure import Clicks
from clicktrail.query import kinds
from clicktrail.query.fields.field import MAX_CLICK_TEXT, Field
from clicktrail.query.kinds import Kind

_FATES = [each.value for each in Clicks]
_FATE = Kind("fate of clicks", {"type": "string", "enum": _FATES}, (), check=kinds.one_of(_FATES))
NAMING = {
    field.name: field
    for field in (
        Field(
            name="contact",
            doc="An e-mail address, or a phone number with its country code, of the person.",
            secret=True,
            example="ada@example.org",
        ),
        Field(name="uuid", doc="The person's uuid.", example="u-7", takes_number=True),
        Field(name="visitorId", doc="A browser of the person.", max_length=MAX_CLICK_TEXT, example="v-81"),
        Field(
            name="clickId",
            kind=replace(kinds.ID, operators=()),
            doc="A click of the person.",
            example="6006dda272f002519c3eb505",
        ),
        Field(
            name="profileId",
            kind=replace(kinds.ID, operators=()),
            doc="The person's profile.",
            example="6006dda272f002519c3eb504",
        ),
    )
}
"""By what a person is found."""
ERASURE = {
    **NAMING,
    "clicks": Field(
        name="clicks",
        kind=_FATE,
        nullable=False,
        default=Clicks.STRIP.value,
        doc="`strip` keeps the clicks without what leads to the person, and all counts stay; `delete` deletes them.",
        example="strip",
    ),
}
"""The body of POST /persons/erasures."""
