"""Documents that are not resources of the field table.

The encoder makes their JSON names. `msgspec.json.schema_components` makes their part of the OpenAPI document.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from clicktrail.query import kinds


def says(text: str, *examples: object, **rest: Any) -> Meta:
    """The description of a document's key, with examples."""
    return Meta(description=text, examples=list(examples) or None, **rest)


class Document(msgspec.Struct, rename="camel"):
    """Base of JSON objects that are sent."""


Id = Annotated[str, Meta(pattern=kinds.ID.schema["pattern"], examples=["6006dda272f002519c3eb505"])]
Count = Annotated[int, Meta(ge=0, examples=[3])]
Moment = Annotated[str, Meta(examples=["2021-01-01T00:00:00+00:00"], extra_json_schema={"format": "date-time"})]
