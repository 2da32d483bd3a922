"""The OpenAPI 3.1 document, made from the operations, the field table and the kinds of error."""

from collections.abc import Iterable, Mapping
from typing import Any

from clicktrail import __version__
from clicktrail.errors import KINDS
from clicktrail.http import schemas
from clicktrail.http.calls import PLAIN
from clicktrail.http.operations import BODY_METHODS, FLAG_SCHEMA, Operation
from clicktrail.http.problems import MEDIA_TYPE
from clicktrail.query import kinds
from clicktrail.query.exports import GROUPS
from clicktrail.query.fields import Field, Resource
from clicktrail.query.parse import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from clicktrail.query.texts import NO_NUL
from clicktrail.store.export import FORMATS

Json = dict[str, Any]
TITLES = {kind.status: kind.title for kind in KINDS}
DESCRIPTION = """Records clicks on partner links, ties them to clients who register, answers questions about them.

Filters combine with AND; a filter given twice means any of its values. Every filter takes an operator in a second pair
of brackets: `filter[uri][starts]=https://my.`. Operators: `eq`, `ne`, `in` (comma-separated), `contains`, `starts`,
`gt`, `gte`, `lt`, `lte`, `null` (`1` or `0`); each filter's description says which it takes. Errors are problem
documents (RFC 9457) that name every mistake at once."""


def build_document(operations: Iterable[Operation], base_path: str) -> Json:
    """The whole document."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clicktrail",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_path}],
        "paths": paths,
        "components": {
            "schemas": schemas.all_schemas(),
            "responses": {f"Problem{kind.status}": problem_response(kind.status) for kind in KINDS},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "client": {"type": "http", "scheme": "basic", "description": "clientId and clientSecret"},
            },
        },
    }


def describe(operation: Operation) -> Json:
    """One operation."""
    document: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*path_parameters(operation.path), *query_parameters(operation)],
        "responses": responses(operation),
        "security": [{"client": []}] if operation.is_basic else [{"token": []}] if operation.scopes else [],
    }
    if operation.scopes:
        document["description"] = f"Scopes: {', '.join(sorted(operation.scopes))}."
    if operation.body:
        schema = {"$ref": f"#/components/schemas/{operation.body}"}
        content: Json = {"application/json": {"schema": schema}}
        content |= {kind: {"schema": {"type": "string"}} for kind in operation.body_types[:1] if kind != PLAIN}
        document["requestBody"] = {"required": True, "content": content}
    return document


def path_parameters(path: str) -> list[Json]:
    """The parameters in braces; all are ids but the file of the docs and the code of a link."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    id_schema = {"type": "string", "pattern": kinds.ID.schema["pattern"]}
    file_schema: Json = {"type": "string", "enum": ["swagger-ui.css", "swagger-ui-bundle.js", "start.js"]}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"file": file_schema, "code": {"type": "string"}}.get(name, id_schema),
        }
        for name in names
    ]


def query_parameters(operation: Operation) -> list[Json]:
    """What the query string may carry."""
    resource = operation.resource
    parameters = [_parameter(name, dict(schema), doc, example) for name, schema, doc, example in operation.parameters]
    if resource is None:
        return parameters
    if operation.is_list:
        parameters += [*paging_parameters(resource), *filter_parameters(resource)]
    if operation.is_export:
        kind = {"type": "string", "enum": list(FORMATS), "default": "csv"}
        parameters += [_parameter("format", kind, "The kind of file.", "csv"), *export_parameters(resource)]
    if operation.is_list or operation.is_view:
        parameters += [
            _parameter(f"query[{name}]", dict(FLAG_SCHEMA), f"`1` adds `{name}` to every object.", "1")
            for name in resource.expansions
        ]
    return parameters


def paging_parameters(resource: Resource) -> list[Json]:
    """Page, order and count."""
    limit = {"type": "integer", "minimum": 0, "default": DEFAULT_LIMIT}
    offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
    sort = {"type": "string", "enum": list(resource.sorts), "default": "createTime"}
    order = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    count = {"type": "string"}
    return [
        _parameter("limit", limit, f"Objects on a page; more than {MAX_LIMIT} is {MAX_LIMIT}.", 10),
        _parameter("offset", offset, "Objects to skip; for deep pages follow the `Link` header instead.", 0),
        _parameter("sort_by", sort, "The order; ties are broken by id, nulls come last.", "createTime"),
        _parameter("sort_order", order, "The direction.", "desc"),
        {
            "name": "Prefer",
            "in": "header",
            "schema": count,
            "description": "`count=exact` asks for `X-Total-Count`.",
            "example": "count=exact",
        },
    ]


def export_parameters(resource: Resource) -> list[Json]:
    """Which clicks a file has, with which keys."""
    columns = "Keys of the file, by commas; those of an expansion as `visitor.device`, all of it as `visitor`."
    raw = "`1` leaves cells of CSV as they are that a spreadsheet would run as a formula."
    limit = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}
    paging = [each for each in paging_parameters(resource) if each["name"] in ("sort_by", "sort_order")]
    expansions = [
        _parameter(f"query[{name}]", dict(FLAG_SCHEMA), f"`1` adds the keys of `{name}`.", "1") for name in GROUPS
    ]
    return [
        _parameter("columns", {"type": "string"}, columns, "clickId,time,uri,link.code"),
        _parameter("limit", limit, "The first so many clicks of the order; all unless given.", 1000),
        *paging,
        _parameter("raw", dict(FLAG_SCHEMA), raw, "1"),
        *filter_parameters(resource),
        *expansions,
    ]


def filter_parameters(resource: Resource) -> list[Json]:
    """Every filter, with its operators in words."""
    return [
        _parameter(f"filter[{field.name}]", filter_schema(field), filter_text(field), field.example)
        for field in resource.fields
        if field.filterable
    ]


def filter_text(field: Field) -> str:
    """A filter's sentence."""
    also = f" Also as `{'`, `'.join(field.aliases)}`." if field.aliases else ""
    return f"{field.doc} Plain: `{field.plain}`; operators: {', '.join(field.kind.operators)}.{also}"


def filter_schema(field: Field) -> Json:
    """What the text of a plain filter may be."""
    return {
        kinds.ID: dict(kinds.ID.schema),
        kinds.TIME: dict(kinds.TIME.schema),
        kinds.IP: dict(kinds.IP.schema),
        kinds.DEGREES: {"type": "string", "pattern": r"^[+-]?[0-9]{1,3}(\.[0-9]{1,9})?$"},
        kinds.INTEGER: {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        kinds.FLAG: dict(FLAG_SCHEMA),
        kinds.NUMERIC_COUNTRY: {"type": "string", "enum": schemas.NUMERIC_CODES},
    }.get(field.kind, {"type": "string", "pattern": NO_NUL})


def _parameter(name: str, schema: Mapping[str, Any], text: str, example: Any) -> Json:
    shown = {} if example is None or isinstance(example, list) else {"example": _as_text(example, schema)}
    return {"name": name, "in": "query", "schema": dict(schema), "description": text, **shown}


def _as_text(example: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(example, bool):
        return "1" if example else "0"
    return example if schema.get("type") == "integer" else str(example)


def responses(operation: Operation) -> Json:
    """The answer, and every refusal that can happen."""
    found: Json = {str(operation.status): answer_response(operation)}
    if operation.repeat:
        found["200"] = {**answer_response(operation), "description": "The object that this uuid had already made."}
        found["200"].pop("headers", None)
    for status in operation.other_statuses:
        found[str(status)] = found[str(operation.status)]
    for status in sorted(refusals(operation)):
        found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return found


def refusals(operation: Operation) -> set[int]:
    """The statuses with which an operation can be refused."""
    found = set(operation.refusals) | {406}
    if operation.scopes:
        found |= {401, 403}
    if operation.asks:
        found |= {429, 503}
    takes_query = operation.is_list or operation.is_view or operation.is_export or bool(operation.parameters)
    if takes_query or operation.method != "GET":
        found |= {400}
    if operation.method in BODY_METHODS and operation.body:
        found |= {400, 408, 413, 415}
    return found


def answer_response(operation: Operation) -> Json:
    """The response of an operation that went well."""
    document: Json = {"description": TITLES.get(operation.status, operation.summary)}
    headers = {}
    if operation.is_list:
        headers = {
            "Link": {"schema": {"type": "string"}, "description": 'The next page, `rel="next"`, if there is one.'},
            "X-Total-Count": {"schema": {"type": "integer"}, "description": "With `Prefer: count=exact`."},
        }
    elif operation.status == 201:
        headers = {"Location": {"schema": {"type": "string"}, "description": "The new object's URL."}}
    elif operation.status == 302:
        headers = {"Location": {"schema": {"type": "string"}, "description": "The landing page, with the click's id."}}
    if headers:
        document["headers"] = headers
    if operation.answer:
        schema: Json = {"$ref": f"#/components/schemas/{operation.answer}"}
        document["content"] = {
            operation.media_type: {"schema": {"type": "array", "items": schema} if operation.is_list else schema}
        }
    elif operation.status == 200:
        document["content"] = {operation.media_type: {"schema": {"type": "string"}}}
    return document


def problem_response(status: int) -> Json:
    """A refusal, with the header that goes with it."""
    named = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}.get(status)
    headers = {"headers": {named: {"schema": {"type": "string"}}}} if named else {}
    example = {
        "type": f"urn:clicktrail:problem:{next(kind.code for kind in KINDS if kind.status == status)}",
        "title": TITLES[status],
        "status": status,
        "detail": "What was wrong, in a sentence.",
        "errors": [],
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": TITLES[status], **headers, "content": content}
