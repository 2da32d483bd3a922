"""The words that schemas are written in."""

from collections.abc import Iterable, Mapping
from typing import Any

from clicktrail.query.fields import CLIENT, Resource

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
CLICK_ID = "6006dda272f002519c3eb505"
TIME: Json = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "When that was.",
    "examples": ["2021-01-01T00:00:00+00:00"],
}


def object_of(properties: Mapping[str, Any], required: Iterable[str], is_open: bool = True) -> Json:
    """An object; `is_open`: other keys may come."""
    document: Json = {"type": "object", "properties": dict(properties), "required": sorted(required)}
    return document if is_open else document | {"additionalProperties": False}


def name_of(resource: Resource) -> str:
    """The schema of a resource. Generated clients have a Client of their own."""
    return "OAuthClient" if resource is CLIENT else resource.name.capitalize()


def ref(name: str) -> Json:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(name: str, text: str) -> Json:
    """A named schema, or null."""
    return {"oneOf": [ref(name), {"type": "null"}], "description": text}


def text_of(doc: str, example: str | None = None) -> Json:
    """A string."""
    return {"type": "string", "description": doc} | ({} if example is None else {"examples": [example]})


def maybe(doc: str) -> Json:
    """A string, or null."""
    return {"type": ["string", "null"], "description": doc}


def count_of(doc: str) -> Json:
    """A number of things."""
    return {"type": "integer", "minimum": 0, "description": doc, "examples": [3]}
