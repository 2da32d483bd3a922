from collections.abc import Mapping
from typing import Any

from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.openapi.schema_parts import Json, name_of, ref
from clicktrail.query import kinds
from clicktrail.query.fields import LINK, Field, Resource
from clicktrail.query.grammar import FLAG_SCHEMA, Own
from clicktrail.query.texts import NO_NUL

_ID = "6006dda272f002519c3eb505"
_FILE: Json = {"type": "string", "enum": ["swagger-ui.css", "swagger-ui-bundle.js", "start.js"]}
_CODE: Json = {"type": "string", "examples": [LINK.writable["code"].example]}
OPERATORS: Mapping[str, str] = {
    "eq": "is exactly",
    "ne": "is not; objects without a value pass",
    "in": "is one of, separated by commas",
    "contains": "contains, in any letter case",
    "starts": "begins with, in any letter case",
    "gt": "is greater than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "null": "has no value (`true`), or has a value (`false`)",
}
"""Operator of a filter -> its meaning."""


def all_parameters(operation: Operation) -> list[Json]:
    """All inputs of a request except its body."""
    return [*path_parameters(operation.path), *query_parameters(operation), *header_parameters(operation)]


def path_parameters(path: str) -> list[Json]:
    """The parameters in braces. All are ids, except the file of the docs and the code of a link."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    id_schema = {"type": "string", "pattern": kinds.ID.schema["pattern"], "examples": [_ID]}
    special = {"file": (_FILE, "The file."), "code": (_CODE, "The link's code.")}
    found: list[Json] = []
    for name in names:
        schema, text = special.get(name, (id_schema, f"The {name.removesuffix('Id')}'s identifier."))
        found.append({"name": name, "in": "path", "required": True, "schema": schema, "description": text})
    return found


def query_parameters(operation: Operation) -> list[Json]:
    grammar = operation.query
    parameters = [own_parameter(each) for each in grammar.own]
    if grammar.resource is None:
        return parameters
    if grammar.has_filters:
        parameters += filter_parameters(grammar.resource)
    of_each = "adds `{}` to every object." if operation.answer is not None else "adds the keys of `{}`."
    return parameters + [
        _parameter(f"query[{name}]", FLAG_SCHEMA, f"`true` (or `1`) {of_each.format(name)}", True)
        for name in grammar.expansions
    ]


def own_parameter(own: Own) -> Json:
    document = _parameter(own.name, own.schema, own.doc, own.example)
    return document | {"required": True} if own.is_required else document


def filter_parameters(resource: Resource) -> list[Json]:
    """A parameter for each plain filter, and one object for all filters with operators: each key is a parameter."""
    plain = [
        _parameter(f"filter[{field.name}]", filter_schema(field), filter_text(field), field.example)
        for field in resource.fields
        if field.filterable
    ]
    text = "Filters with an operator. Each key is a separate parameter, as in `filter[uri][starts]=https://`."
    schema = {"$ref": f"#/components/schemas/{filters_name(resource)}"}
    described = {"name": "filters", "in": "query", "style": "form", "explode": True, "description": text}
    # Without an example Swagger UI would invent one, and send every filter.
    return [*plain, {**described, "schema": schema, "example": {}}] if plain else plain


def filters_name(resource: Resource) -> str:
    """The schema name of a resource's filters with operators."""
    return f"{name_of(resource)}Filter"


def filters_schema(resource: Resource) -> Json:
    properties = {
        f"filter[{field.name}][{operator}]": operator_schema(field, operator)
        for field in resource.fields
        if field.filterable
        for operator in field.kind.operators
    }
    text = f"Filters of {resource.path} with an operator."
    return {"type": "object", "description": text, "properties": properties, "additionalProperties": False}


def operator_schema(field: Field, operator: str) -> Json:
    text = f"{field.name} {OPERATORS[operator]}."
    if operator == "null":
        return {**FLAG_SCHEMA, "description": text}
    schema = filter_schema(field)
    if operator == "in":
        schema = {"type": "string", "pattern": _LISTS.get(field.kind, NO_NUL)}
        text = f"{field.name} {OPERATORS[operator]}" + ("; also CIDR blocks." if field.kind is kinds.IP else ".")
    return {**schema, "description": text}


_LISTS = {
    kinds.ID: "^[0-9a-f]{24}(,[0-9a-f]{24})*$",
    kinds.TIME: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[^,]+(,[0-9]{4}-[0-9]{2}-[0-9]{2}T[^,]+)*$",
    kinds.DEGREES: r"^[+-]?[0-9]{1,3}(\.[0-9]{1,9})?(,[+-]?[0-9]{1,3}(\.[0-9]{1,9})?)*$",
    kinds.INTEGER: "^[0-9]{1,9}(,[0-9]{1,9})*$",
    kinds.FLAG: "^(true|false)(,(true|false))*$",
    kinds.NUMERIC_COUNTRY: "^[0-9]{3}(,[0-9]{3})*$",
}


def filter_text(field: Field) -> str:
    also = f" Also as `{'`, `'.join(field.aliases)}`." if field.aliases else ""
    return f"{field.doc} Plain: `{field.plain}`; operators: {', '.join(field.kind.operators)}.{also}"


def filter_schema(field: Field) -> Json:
    return {
        kinds.ID: dict(kinds.ID.schema),
        kinds.TIME: dict(kinds.TIME.schema),
        kinds.IP: dict(kinds.IP.schema),
        kinds.DEGREES: {"type": "string", "pattern": r"^[+-]?[0-9]{1,3}(\.[0-9]{1,9})?$"},
        kinds.INTEGER: {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        kinds.FLAG: dict(FLAG_SCHEMA),
        kinds.NUMERIC_COUNTRY: ref("NumericCountry"),
    }.get(field.kind, {"type": "string", "pattern": NO_NUL})


def header_parameters(operation: Operation) -> list[Json]:
    """Preferences (RFC 7240), and the language of countries."""
    found: list[Json] = []
    lenient = "`handling=lenient` ignores unknown keys and parameters, and answers a batch row by row."
    if operation.query.is_list:
        text = f"`count=exact` adds the `X-Total-Count` header. {lenient} Commas separate several preferences."
        found.append(_header("Prefer", text, "count=exact"))
    elif (operation.query.has_filters and not operation.query.is_exact) or (operation.body and not operation.is_basic):
        found.append(_header("Prefer", lenient, "handling=lenient"))
    shown = operation.answer or (operation.query.resource if operation.method == "GET" else None)
    fields = shown.fields if isinstance(shown, Resource) else ()
    if any(field.kind in (kinds.COUNTRY, kinds.COUNTRY_NAME) for field in fields):
        text = "The language of country names (CLDR); English by default."
        found.append(_header("Accept-Language", text, "de"))
    return found


def _header(name: str, text: str, example: str) -> Json:
    return {"name": name, "in": "header", "schema": {"type": "string", "examples": [example]}, "description": text}


def _parameter(name: str, schema: Mapping[str, Any], text: str, example: Any) -> Json:
    """A parameter. The example is inside the schema: Swagger UI does not send it automatically from there."""
    shown = {} if example in (None, "") or isinstance(example, list) else {"examples": [_as_typed(example, schema)]}
    return {"name": name, "in": "query", "schema": {**schema, **shown}, "description": text}


def _as_typed(example: Any, schema: Mapping[str, Any]) -> Any:
    if schema.get("type") == "boolean":
        return example in (True, "1")
    return int(example) if schema.get("type") == "integer" else str(example)
