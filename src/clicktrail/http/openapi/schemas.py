"""JSON Schemas of all bodies and answers, made from the field table and from their types."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from clicktrail.http.endpoint.operation import Fields, Operation, Rows
from clicktrail.http.endpoint.problems import Problem
from clicktrail.http.endpoint.render import METRICS, Country, StayingClicks
from clicktrail.http.openapi.schema_parts import TEXT, Json, name_of, object_of, or_null, ref
from clicktrail.http.resources.registering import CLIENT_FIELDS
from clicktrail.model import contacts, countries
from clicktrail.model.access import Scope
from clicktrail.model.codes import PATTERN
from clicktrail.query import kinds
from clicktrail.query.fields import CLICK, CONTACT, LINK, MAX_TEXT, PROFILE, Field, Resource
from clicktrail.query.forms import MAX_ITEMS, NULL_IS_DEFAULT, required_fields
from clicktrail.query.texts import NO_NUL

_PREFIX = "#/components/schemas/"
_ALWAYS = (Problem, Country, StayingClicks)
"""Types that other schemas reference."""
_BODIES: Mapping[str, tuple[str, str]] = {
    "POST": ("Create", "A new {}."),
    "PUT": ("Replace", "The whole {}."),
    "PATCH": ("Update", "The changes to a {}."),
}
"""Method -> the suffix of the schema name of a resource's body, and its description."""


class Schemas(NamedTuple):
    """The named schemas, and the schemas of answers by operation name."""

    named: Json
    answers: Json


def all_schemas(operations: Sequence[Operation]) -> Schemas:
    named: Json = {"NumericCountry": numeric_country_schema()}
    answers: Json = {}
    for operation in operations:
        if isinstance(operation.answer, Resource):
            named |= resource_schemas(operation.answer)
            answers[operation.name] = ref(name_of(operation.answer))
        if operation.body is not None:
            named |= body_schemas(operation.body, operation.method)
    types = {each.name: each.answer for each in operations if each.name not in answers and each.answer is not None}
    several = {name: kinds for name, kinds in types.items() if isinstance(kinds, tuple)}
    single = {name: kind for name, kind in types.items() if name not in several}
    wanted = [*single.values(), *_ALWAYS, *(kind for kinds in several.values() for kind in kinds)]
    found, components = msgspec.json.schema_components(wanted, ref_template=_PREFIX + "{name}")
    answers |= dict(zip(single, found, strict=False))
    answers |= {name: {"oneOf": [ref(kind.__name__) for kind in kinds]} for name, kinds in several.items()}
    return Schemas(named | components, answers)


def body_name(operation: Operation) -> str:
    body = operation.body
    if isinstance(body, Resource):
        return name_of(body) + _BODIES[operation.method][0]
    return body.name if isinstance(body, Fields | Rows) else getattr(body, "__name__", "")


def resource_schemas(resource: Resource) -> Json:
    """An object as it is sent, and the content of its expansions."""
    found = {name_of(resource): {"description": resource.doc, **answer_schema(resource)}}
    for group, fields in resource.groups.items():
        text = f"The content of the expansion `{group}` of a {resource.name}."
        found[_group_name(resource, group)] = {"description": text, **group_schema(fields)}
    return found


def body_schemas(body: Resource | Fields | Rows | type, method: str) -> Json:
    if isinstance(body, Resource):
        return resource_body(body, method)
    if isinstance(body, Fields):
        schema = body_schema(body.fields, body.required)
        return {body.name: {"description": body.doc, **schema, **({"example": body.example} if body.example else {})}}
    if isinstance(body, Rows):
        item = ref(name_of(body.item) + "Create") if isinstance(body.item, Resource) else ref(body.item_name)
        rows = {"description": body.doc, "type": "array", "items": item, "minItems": 1, "maxItems": body.most}
        own = {} if isinstance(body.item, Resource) else {body.item_name: msgspec.json.schema(body.item)}
        return {body.name: rows, **own}
    return msgspec.json.schema_components([body], ref_template=_PREFIX + "{name}")[1]


def resource_body(resource: Resource, method: str) -> Json:
    """The body that creates, replaces or updates an object."""
    ending, text = _BODIES[method]
    name = name_of(resource) + ending
    if resource is CLICK and method != "POST":
        required = required_fields(PROFILE, method) & CLIENT_FIELDS.keys()
        return registration_schemas(name, body_schema(CLIENT_FIELDS, required), method)
    schema = body_schema(resource.writable, required_fields(resource, method))
    if resource is CLICK:
        schema["properties"]["clickId"] = {
            "type": ["string", "null"],
            "pattern": kinds.ID.schema["pattern"],
            "description": "An id that the click already has. An id whose time is in the future is refused.",
        }
    if resource is CONTACT and method == "POST":
        schema["properties"]["key"]["enum"] = list(contacts.READERS)
    return {name: {"description": f"{text.format(resource.name)} {resource.doc}", **schema}}


def numeric_country_schema() -> Json:
    text = "A country's three digits (ISO 3166-1)."
    return {"description": text, "type": "string", "enum": sorted(countries.BY_NUMERIC), "example": "840"}


def _group_name(resource: Resource, group: str) -> str:
    return name_of(resource) + group.capitalize()


def group_schema(fields: Iterable[Field]) -> Json:
    """The object's own fields that an expansion shows."""
    group = {field.name: answer_field(field) for field in fields}
    return object_of(group, group)


def registration_schemas(name: str, fields: Json, method: str) -> Json:
    """The body that ties a click to its client: the client's fields, at the top level or inside `profile`."""
    text = "The client who came through a click, in full" if method == "PUT" else _CHANGED
    wrapped = object_of({"profile": ref(f"{name}Fields")}, ["profile"], is_open=False)
    example = {"profile": fields["example"]}
    either = {"oneOf": [ref(f"{name}Wrapped"), ref(f"{name}Fields")], "example": example}
    return {
        f"{name}Fields": {"description": f"{text}.", **fields},
        f"{name}Wrapped": {"description": f"{text}, inside `profile`.", **wrapped, "example": example},
        name: {"description": f"{text}: inside `profile`, or at the top level.", **either},
    }


_CHANGED = "Changes to the client who came through a click"


def _example(fields: Mapping[str, Field]) -> Json:
    """A body that is valid even on an empty store: it references no object, and its time is now."""
    contact = {"key": "email", "value": "client@email.com", "uuid": None}
    special = {kinds.CONTACTS: [contact], kinds.TAGS: ["61"], kinds.CLICK_TIME: None}
    return {
        name: None if field.kind is kinds.ID and field.nullable else special.get(field.kind, field.example)
        for name, field in fields.items()
    }


def answer_schema(resource: Resource) -> Json:
    """The object as it is sent: every key is always present."""
    properties = {field.name: answer_field(field) for field in resource.shown}
    required = list(properties)
    properties |= {name: ref(_group_name(resource, name)) for name in resource.groups}
    if METRICS in resource.expansions:
        properties[METRICS] = or_null("LinkMetrics", "The figures of the link, or of all clicks of the partner.")
    if resource is LINK:
        properties["staying"] = ref("StayingClicks")
    if resource is CLICK:
        properties |= {
            "profile": or_null("Profile", "The client."),
            "link": or_null("Link", "The link."),
            "contacts": {"type": "array", "items": ref("Contact"), "description": "The client's contacts."},
        }
    return object_of(properties, required)


def answer_field(field: Field) -> Json:
    if field.kind is kinds.COUNTRY:
        return or_null("Country", field.doc)
    items = {kinds.CONTACTS: ref("Contact"), kinds.TAGS: TEXT}.get(field.kind, field.kind.schema.get("items"))
    if items is not None:
        return {"type": "array", "items": items, "description": field.doc, "examples": [field.example or []]}
    schema: Json = {"type": field.kind.schema["type"], "description": field.doc}
    if field.kind in (kinds.ID, kinds.DEGREES):
        schema["pattern"] = field.kind.schema["pattern"]
    if field.kind in (kinds.TIME, kinds.CLICK_TIME):
        schema["format"] = "date-time"
    if field.example is not None:
        schema["examples"] = [field.example]
    return _nullable(schema) if field.nullable or field.may_be_withheld else schema


def _nullable(schema: Json) -> Json:
    if "enum" in schema:
        schema = schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def body_schema(fields: Mapping[str, Field], required: Iterable[str]) -> Json:
    """A body; it accepts no other keys."""
    properties = {name: body_field(field) for name, field in fields.items()}
    return object_of(properties, required, is_open=False) | {"example": _example(fields)}


def body_field(field: Field) -> Json:
    schema: Json = dict(field.kind.schema) | {"description": field.doc}
    if field.kind is kinds.TAGS:
        tag = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": NO_NUL}
        schema |= {"items": tag, "maxItems": MAX_ITEMS, "uniqueItems": True}
    elif field.kind is kinds.CONTACTS:
        schema |= {"items": ref("ContactCreate"), "maxItems": MAX_ITEMS}
    elif schema["type"] == "string" and field.kind in (kinds.TEXT, kinds.URL, kinds.PAGE, kinds.USER_NAME):
        schema["maxLength"] = field.max_length
    elif field.kind is kinds.CODE:  # an empty text counts as left out
        schema |= {"minLength": 0, "pattern": f"^$|{PATTERN}"}
    if field.is_cut:
        del schema["maxLength"]
    if field.kind is kinds.NUMERIC_COUNTRY:
        return or_null("NumericCountry", field.doc)
    if field.kind is kinds.CLIENT:
        return ref("ProfileCreate") | {"description": field.doc}
    if field.name == "scope" and field.kind is kinds.TEXT:
        schema["enum"] = list(Scope)
    may_be_null = field.nullable or field.name in NULL_IS_DEFAULT or field.default == ""
    return _nullable(schema) if may_be_null else schema
