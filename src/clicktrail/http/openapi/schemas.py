"""JSON Schemas of all bodies and answers, made from the field table."""

from collections.abc import Iterable, Mapping

from clicktrail.http.openapi import answer_schemas
from clicktrail.http.openapi.schema_parts import (
    CLICK_ID,
    TEXT,
    Json,
    count_of,
    name_of,
    object_of,
    or_null,
    ref,
    text_of,
)
from clicktrail.http.resources.oauth_clients import REVOCATION
from clicktrail.http.resources.registering import CLIENT_FIELDS
from clicktrail.http.tracking.sites import VIEW
from clicktrail.model import countries
from clicktrail.model.access import Scope
from clicktrail.query import kinds
from clicktrail.query.fields import (
    CLICK,
    CLIENT,
    MAX_TEXT,
    MERGE,
    POSTBACK,
    PROFILE,
    REGISTRATION,
    RESOURCES,
    Field,
    Resource,
)
from clicktrail.query.forms import MAX_ITEMS, NULL_IS_DEFAULT, required_fields
from clicktrail.query.texts import NO_NUL

_NO_BODIES = frozenset(
    f"{name}{word}"
    for name, words in {
        "OAuthClient": ("Replace", "Update"),
        "Identity": ("Replace", "Update"),
        "Delivery": ("Create", "Replace", "Update"),
    }.items()
    for word in words
)
"""Bodies that no operation takes."""


def resource_schemas() -> Json:
    """The objects of the API, and the bodies that make and change them."""
    found: Json = {}
    for resource in RESOURCES:
        name = name_of(resource)
        found[name] = answer_schema(resource)
        found[f"{name}Create"] = body_schema(resource.writable, required_fields(resource, "POST"))
        found[f"{name}Replace"] = body_schema(resource.writable, required_fields(resource, "PUT"))
        found[f"{name}Update"] = body_schema(resource.writable, ())
        found |= {_group_name(resource, group): group_schema(fields) for group, fields in resource.groups.items()}
    found["ClickCreate"]["properties"]["clickId"] = {
        "type": ["string", "null"],
        "pattern": kinds.ID.schema["pattern"],
        "description": "An id that the click has already; one with a time to come is refused.",
    }
    for word in ("Replace", "Update"):
        required = required_fields(PROFILE, "PUT") & CLIENT_FIELDS.keys() if word == "Replace" else ()
        found |= registration_schemas(f"Click{word}", body_schema(CLIENT_FIELDS, required))
    found["ContactCreate"]["properties"]["key"]["enum"] = ["email", "phone"]
    return found


def all_schemas() -> Json:
    """Schema name -> schema."""
    found = resource_schemas()
    secret = {**answer_schema(CLIENT)["properties"], "clientSecret": text_of("Shown this once.", "s3cr3t")}
    found |= {
        "OAuthClientSecret": object_of(secret, list(secret)),
        "Country": answer_schemas.country_schema(),
        "NumericCountry": {"type": "string", "enum": sorted(countries.BY_NUMERIC), "example": "840"},
        "Mistake": answer_schemas.mistake_schema(),
        "Problem": answer_schemas.problem_schema(),
        "LinkMetrics": answer_schemas.metrics_schema(),
        "Removal": answer_schemas.removal_schema(),
        **answer_schemas.banner_filters_schemas(),
        "Health": answer_schemas.health_schema(),
        "Grant": answer_schemas.grant_schema(),
        "Token": answer_schemas.token_schema(),
        "Revocation": body_schema(REVOCATION, REVOCATION),
        "Revocations": {"type": "array", "items": ref("Revocation"), "example": [{"tokenId": "00c0ffee00c0ffee"}]},
        "OpenApi": {"type": "object", "additionalProperties": True, "example": {"openapi": "3.1.0"}},
    }
    found |= answer_schemas.batch_schemas() | answer_schemas.import_schemas()
    found |= tracking_schemas(found["ClickCreate"])
    return {
        name: {"description": describe_schema(name), **schema}
        for name, schema in found.items()
        if name not in _NO_BODIES
    }


def describe_schema(name: str) -> str:
    """A sentence on a schema."""
    if name in answer_schemas.DOCS:
        return answer_schemas.DOCS[name]
    resource = next(each for each in RESOURCES if name.startswith(name_of(each)))
    suffix = name.removeprefix(name_of(resource))
    sentence = {
        "": resource.doc,
        "Create": f"A new {resource.name}. {resource.doc}",
        "Replace": f"All of a {resource.name}. {resource.doc}",
        "Update": f"What changes of a {resource.name}. {resource.doc}",
    }.get(suffix)
    return sentence or f"What the expansion `{suffix.lower()}` of a {resource.name} shows."


def _group_name(resource: Resource, group: str) -> str:
    return name_of(resource) + group.capitalize()


def group_schema(fields: Iterable[Field]) -> Json:
    """The object's own fields that an expansion shows."""
    group = {field.name: answer_field(field) for field in fields}
    return object_of(group, group)


def registration_schemas(name: str, fields: Json) -> Json:
    """The body that ties a click to its client: the client's fields, by themselves or inside `profile`."""
    wrapped = object_of({"profile": ref(f"{name}Fields")}, ["profile"], is_open=False)
    example = {"profile": fields["example"]}
    return {
        f"{name}Fields": fields,
        f"{name}Wrapped": wrapped | {"example": example},
        name: {"oneOf": [ref(f"{name}Wrapped"), ref(f"{name}Fields")], "example": example},
    }


def _example(fields: Mapping[str, Field]) -> Json:
    """A body that is taken as it is, on an empty store too: it points to no object, and its time is now."""
    contact = {"key": "email", "value": "client@email.com", "uuid": None}
    special = {kinds.CONTACTS: [contact], kinds.TAGS: ["61"], kinds.CLICK_TIME: None}
    return {
        name: None if field.kind is kinds.ID and field.nullable else special.get(field.kind, field.example)
        for name, field in fields.items()
    }


def answer_schema(resource: Resource) -> Json:
    """The object as it is sent: every key always there."""
    properties = {field.name: answer_field(field) for field in resource.shown}
    required = list(properties)
    properties |= {name: ref(_group_name(resource, name)) for name in resource.groups}
    if resource is CLICK:
        properties |= {
            "profile": or_null("Profile", "The client."),
            "link": or_null("Link", "The link."),
            "metrics": or_null("LinkMetrics", "The link's figures."),
            "contacts": {"type": "array", "items": ref("Contact"), "description": "The client's contacts."},
        }
    return object_of(properties, required)


def answer_field(field: Field) -> Json:
    """The schema of one key of an answer."""
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
    return _nullable(schema) if field.nullable else schema


def _nullable(schema: Json) -> Json:
    if "enum" in schema:
        schema = schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def body_schema(fields: Mapping[str, Field], required: Iterable[str]) -> Json:
    """A body; no other keys are taken."""
    properties = {name: body_field(field) for name, field in fields.items()}
    return object_of(properties, required, is_open=False) | {"example": _example(fields)}


def body_field(field: Field) -> Json:
    """The schema of one key of a body."""
    schema: Json = dict(field.kind.schema) | {"description": field.doc}
    if field.kind is kinds.TAGS:
        tag = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": NO_NUL}
        schema |= {"items": tag, "maxItems": MAX_ITEMS, "uniqueItems": True}
    elif field.kind is kinds.CONTACTS:
        schema |= {"items": ref("ContactCreate"), "maxItems": MAX_ITEMS}
    elif schema["type"] == "string" and field.kind in (kinds.TEXT, kinds.URL, kinds.PAGE):
        schema["maxLength"] = field.max_length
    if field.is_cut:
        del schema["maxLength"]
    if field.kind is kinds.NUMERIC_COUNTRY:
        return or_null("NumericCountry", field.doc)
    if field.name == "scope":
        schema["enum"] = list(Scope)
    may_be_null = field.nullable or field.name in NULL_IS_DEFAULT or field.default == ""
    return _nullable(schema) if may_be_null else schema


def tracking_schemas(click: Json) -> Json:
    """Page views, registrations, postbacks."""
    return {
        "View": view_schema(click),
        "ViewAnswer": object_of({"clickId": text_of("The click.", CLICK_ID)}, ["clickId"]),
        "RegistrationCreate": registration_schema(),
        **answer_schemas.attribution_schemas(),
        "ProfileMerge": body_schema(MERGE, MERGE),
        "PostbackSecret": postback_secret_schema(),
        "PostbackTest": answer_schemas.postback_test_schema(),
        "Replayed": object_of({"replayed": count_of("Deliveries that are sent again.")}, ["replayed"]),
    }


def view_schema(click: Json) -> Json:
    """The body of POST /collect: a click without what the server sees itself, and the site's key."""
    properties = {"key": text_of("The site's key."), **{name: click["properties"][name] for name in VIEW}}
    example = {"key": "hQ3vQ0l2dXWg2sXv", "uri": "https://shop.example.org/?utm_source=x"}
    return object_of(properties, ["key", "uri"], is_open=False) | {"example": example}


def registration_schema() -> Json:
    """The body of POST /registrations. That one of `KNOWN_BY` must be there is said in words: generators lose the body
    to a rule that has no type."""
    document = body_schema(REGISTRATION, ("profile",))
    document["properties"]["profile"] = ref("ProfileCreate") | {"description": REGISTRATION["profile"].doc}
    return document | {"example": {"visitorId": "v-81", "profile": {"firstName": "Mary", "uuid": "u-7"}}}


def postback_secret_schema() -> Json:
    """A postback with its secret, which is null where the postback was there already."""
    secret = {"type": ["string", "null"], "description": "What it is signed with; shown this once."}
    properties = {**answer_schema(POSTBACK)["properties"], "secret": secret}
    return object_of(properties, properties)
