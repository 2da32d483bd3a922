from collections.abc import Mapping
from typing import Any

from clicktrail.query import kinds

_ID = "6006dda272f002519c3eb505"
_TIME = "2021-01-01T00:00:00+00:00"
_PREFIX = "#/components/schemas/"


def make_sample(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that the schema allows: its own example, or a value made from the examples of its parts.

    Objects get their required keys. A nullable value without example is null.
    """
    for key in ("example", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    if "$ref" in schema:
        return make_sample(schemas[schema["$ref"].removeprefix(_PREFIX)], schemas)
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return make_sample(schema[key][0], schemas)
    return _sample_of_type(schema, schemas)


def _sample_of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "object")
    if "null" in kind:
        return None
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: make_sample(properties[name], schemas) for name in properties if name in schema["required"]}
    if kind == "array":
        return [make_sample(schema["items"], schemas)]
    if kind == "string":
        text = _TIME if schema.get("format") == "date-time" else "text"
        return _ID if schema.get("pattern") == kinds.ID.schema["pattern"] else text
    return True if kind == "boolean" else schema.get("minimum", 1)
