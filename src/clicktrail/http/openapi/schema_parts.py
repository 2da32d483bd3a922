"""Building blocks of schemas."""

from collections.abc import Iterable, Mapping
from typing import Any

from clicktrail.query.fields import CLIENT, Resource

Json = dict[str, Any]
TEXT: Json = {"type": "string"}


def object_of(properties: Mapping[str, Any], required: Iterable[str], is_open: bool = True) -> Json:
    """An object; `is_open`: other keys may occur."""
    document: Json = {"type": "object", "properties": dict(properties), "required": sorted(required)}
    return document if is_open else document | {"additionalProperties": False}


def name_of(resource: Resource) -> str:
    """The schema name of a resource. Generated clients already have a class Client."""
    return "OAuthClient" if resource is CLIENT else resource.name[0].upper() + resource.name[1:]


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(name: str, text: str) -> Json:
    return {"oneOf": [ref(name), {"type": "null"}], "description": text}
