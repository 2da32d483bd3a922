"""JSON Schemas of all bodies and answers, made from the field table."""

from collections.abc import Iterable, Mapping
from typing import Any

from clicktrail.http.clients import REVOCATION
from clicktrail.http.registering import CLIENT_FIELDS
from clicktrail.http.sites import VIEW
from clicktrail.http.tokens import GRANT
from clicktrail.ingest.hits import MAX_BATCH
from clicktrail.model import countries
from clicktrail.model.access import Scope
from clicktrail.model.attribution import Evidence, Outcome, Rule, Touch
from clicktrail.query import kinds
from clicktrail.query.fields import (
    CLICK,
    CLIENT,
    IDENTITY,
    KNOWN_BY,
    MAX_TEXT,
    POSTBACK,
    PROFILE,
    REGISTRATION,
    RESOURCES,
    Field,
    Resource,
)
from clicktrail.query.forms import MAX_ITEMS, NULL_IS_DEFAULT, required_fields
from clicktrail.query.texts import NO_NUL

Json = dict[str, Any]
NUMERIC_CODES = sorted(countries.BY_NUMERIC)
_TEXT: Json = {"type": "string"}
_NOTHING: Json = {"enum": [None, ""]}
_TIME: Json = {"type": ["string", "null"], "format": "date-time"}


def all_schemas() -> Json:
    """Schema name -> schema."""
    found: Json = {}
    for resource in RESOURCES:
        name = resource.name.capitalize()
        found[name] = answer_schema(resource)
        found[f"{name}Create"] = body_schema(resource.writable, required_fields(resource, "POST"))
        found[f"{name}Replace"] = body_schema(resource.writable, required_fields(resource, "PUT"))
        found[f"{name}Update"] = body_schema(resource.writable, ())
    found["ClickCreate"]["properties"]["clickId"] = {
        "type": ["string", "null"],
        "pattern": f"^$|{kinds.ID.schema['pattern']}",
        "description": "An id that the click has already; one with a time to come is refused.",
    }
    required = required_fields(PROFILE, "PUT") & CLIENT_FIELDS.keys()
    found |= {"ClickReplace": client_schema(required), "ClickUpdate": client_schema(())}
    found["ContactCreate"]["properties"]["key"]["enum"] = ["email", "phone"]
    secret = {**answer_schema(CLIENT)["properties"], "clientSecret": _TEXT}
    found |= {
        "ClientSecret": _object(secret, list(secret)),
        "Problem": problem_schema(),
        "LinkMetrics": metrics_schema(),
        "BannerFilters": banner_filters_schema(),
        "Health": _object({"status": {"const": "ok"}}, ["status"]),
        "Grant": grant_schema(),
        "Token": token_schema(),
        "Revocation": body_schema(REVOCATION, REVOCATION),
        "OpenApi": {"type": "object"},
    }
    found |= batch_schemas(found["ClickCreate"]) | import_schemas()
    found |= tracking_schemas(found["ClickCreate"], found["ProfileCreate"])
    for name in ("ClientReplace", "ClientUpdate", "DeliveryCreate", "DeliveryReplace", "DeliveryUpdate"):
        del found[name]
    return found


def client_schema(required: Iterable[str]) -> Json:
    """The body of PUT and PATCH of a click: the client, in a wrapper or without."""
    client = body_schema(CLIENT_FIELDS, required)
    wrapped = client if required else {"anyOf": [client, _NOTHING]}
    return {
        "oneOf": [_object({"profile": wrapped}, ["profile"], is_open=False), client],
        "example": {"profile": _example(CLIENT_FIELDS)},
    }


def _object(properties: Mapping[str, Any], required: Iterable[str], is_open: bool = True) -> Json:
    document: Json = {"type": "object", "properties": dict(properties), "required": sorted(required)}
    return document if is_open else document | {"additionalProperties": False}


def _example(fields: Mapping[str, Field]) -> Json:
    contact = {"key": "email", "value": "client@email.com", "uuid": None}
    special = {kinds.CONTACTS: [contact], kinds.TAGS: ["61"]}
    return {name: special.get(field.kind, field.example) for name, field in fields.items()}


def answer_schema(resource: Resource) -> Json:
    """The object as it is sent: every key always there."""
    properties = {field.name: answer_field(field) for field in resource.shown}
    required = list(properties)
    for name, fields in resource.groups.items():
        group = {field.name: answer_field(field) for field in fields}
        properties[name] = _object(group, group)
    if resource is CLICK:
        parts = {"profile": "Profile", "link": "Link", "metrics": "LinkMetrics"}
        for name, schema in parts.items():
            properties[name] = {"oneOf": [{"$ref": f"#/components/schemas/{schema}"}, {"type": "null"}]}
        properties["contacts"] = {"type": "array", "items": {"$ref": "#/components/schemas/Contact"}}
    return _object(properties, required)


def answer_field(field: Field) -> Json:
    """The schema of one key of an answer."""
    if field.kind is kinds.CONTACTS:
        return {"type": "array", "items": {"$ref": "#/components/schemas/Contact"}}
    if field.kind is kinds.TAGS:
        return {"type": "array", "items": _TEXT}
    if field.kind is kinds.COUNTRY:
        parts = dict.fromkeys(("alpha2", "alpha3", "numeric", "name"), _TEXT)
        return _object(parts, parts) | {"type": ["object", "null"], "description": field.doc}
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
    types = schema["type"]
    return schema | {"type": [*(types if isinstance(types, list) else [types]), "null"]}


def body_schema(fields: Mapping[str, Field], required: Iterable[str]) -> Json:
    """A body; no other keys are taken."""
    properties = {name: body_field(field) for name, field in fields.items()}
    return _object(properties, required, is_open=False) | {"example": _example(fields)}


def body_field(field: Field) -> Json:
    """The schema of one key of a body."""
    schema: Json = dict(field.kind.schema) | {"description": field.doc}
    if field.kind is kinds.FLAG:
        flags = [True, False, 1, 0, *kinds.FLAGS, "", None]
        return schema | {"type": ["boolean", "integer", "string", "null"], "enum": flags}
    if field.kind is kinds.TAGS:
        tag = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": NO_NUL}
        many: Json = {"type": "array", "items": tag, "maxItems": MAX_ITEMS, "uniqueItems": True}
        return {"description": field.doc, "anyOf": [many, _NOTHING]}
    if field.kind is kinds.CONTACTS:
        one: Json = {"$ref": "#/components/schemas/ContactCreate"}
        many = {"type": "array", "items": one, "maxItems": MAX_ITEMS}
        return {"description": field.doc, "anyOf": [many, one, {"type": "object", "maxProperties": 0}, _NOTHING]}
    if field.kind is kinds.NUMERIC_COUNTRY:
        schema["enum"] = NUMERIC_CODES
    elif schema["type"] == "string" and field.kind in (kinds.TEXT, kinds.URL, kinds.PAGE):
        schema["maxLength"] = field.max_length
    if field.name == "scope":
        schema["enum"] = list(Scope)
    if field.is_cut:
        del schema["maxLength"]
    if field.takes_number:
        schema["type"] = ["string", "number"]
    if field.nullable or field.name in NULL_IS_DEFAULT:
        schema = _maybe_empty(schema)
    return _nullable(schema) if field.nullable or field.name in NULL_IS_DEFAULT or field.default == "" else schema


def _maybe_empty(schema: Json) -> Json:
    """An empty text is as good as null."""
    found = dict(schema)
    if "enum" in schema and schema["type"] == "string":
        found["enum"] = [*schema["enum"], ""]
    if "pattern" in schema and schema["pattern"] != NO_NUL:
        found["pattern"] = f"^$|{schema['pattern']}"
    formats = found.pop("anyOf", [{"format": found.pop("format")}] if "format" in found else [])
    return found | ({"anyOf": [*formats, {"maxLength": 0}]} if formats else {})


def tracking_schemas(click: Json, profile: Json) -> Json:
    """Page views, registrations, postbacks."""
    return {
        "View": view_schema(click),
        "ViewAnswer": _object({"clickId": _TEXT}, ["clickId"]),
        "RegistrationCreate": registration_schema(profile),
        "Attribution": attribution_schema(),
        "IdentityCreate": body_schema(IDENTITY, IDENTITY),
        "Identity": _object(dict.fromkeys(IDENTITY, _TEXT), IDENTITY),
        "PostbackSecret": postback_secret_schema(),
        "PostbackTest": postback_test_schema(),
        "Replayed": _object({"replayed": {"type": "integer", "minimum": 0}}, ["replayed"]),
    }


def view_schema(click: Json) -> Json:
    """The body of POST /collect: a click without what the server sees itself, and the site's key."""
    properties = {"key": _TEXT, **{name: click["properties"][name] for name in VIEW}}
    example = {"key": "hQ3vQ0l2dXWg2sXv", "uri": "https://shop.example.org/?utm_source=x"}
    return _object(properties, ["key", "uri"], is_open=False) | {"example": example}


def registration_schema(profile: Json) -> Json:
    """The body of POST /registrations."""
    document = body_schema(REGISTRATION, ("profile",))
    document["properties"]["profile"] = profile
    document["example"] = {"visitorId": "v-81", "profile": {"firstName": "Mary", "uuid": "u-7"}}
    return document | {"anyOf": [{"required": [name]} for name in KNOWN_BY]}


def attribution_schema() -> Json:
    """How a client was attributed."""
    maybe = {"type": ["string", "null"]}
    click = {
        "clickId": _TEXT,
        "linkId": maybe,
        "time": _TIME,
        "evidence": {"type": "array", "items": {"type": "string", "enum": list(Evidence)}},
        "outcome": {"type": "string", "enum": list(Outcome)},
    }
    document = {
        "attributionId": maybe,
        "profileId": maybe,
        "clickId": maybe,
        "linkId": maybe,
        "time": _TIME,
        "model": maybe | {"enum": [*Touch, None]},
        "windowDays": {"type": ["integer", "null"]},
        "rule": maybe | {"enum": [*Rule, None]},
        "reason": _TEXT,
        "named": _object(dict.fromkeys(KNOWN_BY, maybe), KNOWN_BY) | {"type": ["object", "null"]},
        "considered": {"type": "array", "items": _object(click, click)},
    }
    return _object(document, document)


def postback_secret_schema() -> Json:
    """A postback with its secret, which is null where the postback was there already."""
    secret = {"type": ["string", "null"], "description": "What it is signed with; shown this once."}
    properties = {**answer_schema(POSTBACK)["properties"], "secret": secret}
    return _object(properties, properties)


def postback_test_schema() -> Json:
    """What came of a test."""
    maybe: Json = {"type": ["string", "null"]}
    status = {"type": ["integer", "null"]}
    properties = {"deliveryId": _TEXT, "uri": _TEXT, "responseStatus": status, "error": maybe}
    properties["milliseconds"] = {"type": "integer", "minimum": 0}
    return _object(properties, properties)


def batch_schemas(click: Json) -> Json:
    """The body of POST /clicks/batch, and its two answers: for all, or for each row."""
    counts = {name: {"type": "integer", "minimum": 0} for name in ("created", "repeated")}
    summary = {**counts, "clickIds": {"type": "array", "items": _TEXT}}
    result = {"status": {"enum": [200, 201, 409, 422]}, "clickId": _TEXT, "errors": {"type": "array"}}
    results = {"results": {"type": "array", "items": _object(result, ["status"])}}
    return {
        "ClickBatch": {"type": "array", "items": click, "minItems": 1, "maxItems": MAX_BATCH},
        "ClickBatchResult": {"oneOf": [_object(summary, summary), _object(results, results)]},
    }


def import_schemas() -> Json:
    """The body of POST /imports, objects of any kind, and its answer, a result for each."""
    example = {"linkId": "6006dda272f002519c3eb505", "code": "1", "profileId": "6006dda272f002519c3eb504"}
    batch = {
        "type": "array",
        "items": {"description": "A profile, link, banner or click as the server that it comes from shows it."},
        "minItems": 1,
        "maxItems": MAX_BATCH,
        "example": [example],
    }
    result = {
        "status": {"enum": [200, 201, 409, 422]},
        "id": {"type": ["string", "null"], "description": "Its id here."},
        "errors": {"type": "array", "items": _object({"pointer": _TEXT, "detail": _TEXT}, ["detail"])},
        "notes": {"type": "array", "items": _TEXT, "description": "What was left out of it."},
    }
    results = {"results": {"type": "array", "items": _object(result, ["status", "id"])}}
    return {"ImportBatch": batch, "ImportResult": _object(results, results)}


def problem_schema() -> Json:
    """RFC 9457, with the list of mistakes."""
    mistake = _object({"pointer": _TEXT, "parameter": _TEXT, "detail": _TEXT}, ["detail"])
    texts = dict.fromkeys(("type", "title", "detail"), _TEXT)
    properties = {**texts, "status": {"type": "integer"}, "errors": {"type": "array", "items": mistake}}
    return _object(properties, properties)


def metrics_schema() -> Json:
    """A link's figures."""
    counts = {name: {"type": "integer", "minimum": 0} for name in ("clicks", "uniqueClicks", "registrations")}
    rate = {"conversionRate": {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$", "examples": ["12.50"]}}
    properties = {**counts, **rate, "firstClickTime": _TIME, "lastClickTime": _TIME}
    return _object(properties, properties)


def banner_filters_schema() -> Json:
    """The facets in use."""
    facets = {}
    for word in ("language", "size", "theme"):
        item = {f"{word}Id": _TEXT, f"{word}Name": _TEXT}
        facets[f"{word}s"] = {"type": "array", "items": _object(item, item)}
    return _object(facets, facets)


def grant_schema() -> Json:
    """The body of POST /tokens."""
    scope = _nullable({"type": "string", "enum": list(Scope)})
    properties = {"grant_type": {"const": "client_credentials"}, "scope": scope}
    return _object(properties, ["grant_type"], is_open=False) | {
        "example": {name: field.example for name, field in GRANT.items()}
    }


def token_schema() -> Json:
    """The answer of POST /tokens."""
    properties = {
        "access_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "examples": [600]},
        "scope": _TEXT,
    }
    return _object(properties, properties)
