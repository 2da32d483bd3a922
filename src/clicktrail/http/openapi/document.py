"""The OpenAPI 3.1 document, made from the operations, the field table and the kinds of error."""

from collections.abc import Iterable, Mapping
from typing import Any

from clicktrail import __version__
from clicktrail.errors import KINDS, ClicktrailError
from clicktrail.http.endpoint.call import FORM, JSON, PLAIN
from clicktrail.http.endpoint.cookies import SECURE_NAME
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.problems import MEDIA_TYPE
from clicktrail.http.endpoint.request_ids import HEADER, PATTERN
from clicktrail.http.openapi import schemas
from clicktrail.http.openapi.parameters import all_parameters, filters_name, filters_schema
from clicktrail.http.openapi.samples import make_sample
from clicktrail.http.openapi.schema_parts import ref
from clicktrail.http.openapi.uses import TAGS, order_by_use
from clicktrail.model.access import Scope

Json = dict[str, Any]
TITLES = {kind.status: kind.title for kind in KINDS}
DESCRIPTION = """Clicktrail records clicks on partners' links, connects them to the clients who register, and answers:
which click, on whose link, brought which client?

## Begin here

1. **Get a token.** On the server's machine, in the folder where the server was started:
   `.venv/bin/clicktrail token create`. (Add `--data DIR` or `--database URL` if the server was started with it.)
   Programs get theirs by `POST /tokens`.
2. **Press Authorize** on this page, paste the token under *token (http, Bearer)*, press *Authorize*, then *Close*.
3. **Press Execute** with the examples as they are: first `POST /links` (under *Links*), then `POST /clicks`
   (*Recording*), `POST /registrations` (*Registering*) and `GET /clicks` (*Asking*). The click is on the link, and the
   registration is attributed to the click. Where a path needs an id, copy it from an earlier answer.

This is the real server: what you record here stays. A token of `token create --scope read` can only read.

## What holds everywhere

- Filters combine with AND; a filter given twice means any of its values. Every filter takes an operator in a second
  pair of brackets: `filter[uri][starts]=https://my.`. Operators: `eq`, `ne`, `in` (comma-separated), `contains`,
  `starts`, `gt`, `gte`, `lt`, `lte`, `null` (`1` or `0`); each filter's description lists its operators.
- Errors are problem documents (RFC 9457) that name every mistake at once.
- Answers above 1 KB are compressed for `Accept-Encoding: gzip`. Bodies may have `Content-Encoding: gzip`."""
SCOPES = {
    Scope.ADMIN: "Everything.",
    Scope.WRITE: "Record clicks and register clients; read nothing.",
    Scope.READ: "Read everything; change nothing.",
    Scope.POSTBACK: "Register clients of one partner's links; read nothing.",
    Scope.PARTNER: "Read one partner's links, postbacks and deliveries, and the clicks and clients of the links.",
}


def build_document(by_tag: Mapping[str, Iterable[Operation]], base_path: str) -> Json:
    """The whole document, from operations by tag."""
    tagged = [(tag, operation) for tag, operations in order_by_use(by_tag).items() for operation in operations]
    operations = [operation for _, operation in tagged]
    found = schemas.all_schemas(operations)
    paths: dict[str, Json] = {}
    for tag, operation in tagged:
        paths.setdefault(operation.path, {})[operation.method.lower()] = describe(operation, tag, found)
        resource = operation.query.resource
        if resource is not None and operation.query.has_filters:
            found.named.setdefault(filters_name(resource), filters_schema(resource))
    refused = {status for operation in operations for status in refusals(operation)}
    request_id = "The caller's own request id if it is well-formed, else a new one. The log has it too."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clicktrail",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "contact": {"name": "The Clicktrail authors"},
        },
        "servers": [{"url": base_path}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": found.named,
            "responses": {f"Problem{kind.status}": problem_response(kind) for kind in KINDS if kind.status in refused},
            "headers": {"RequestId": {"description": request_id, "schema": {"type": "string", "pattern": PATTERN}}},
            "securitySchemes": security_schemes(base_path),
        },
    }


def security_schemes(base_path: str) -> Json:
    """The ways to authenticate. The page puts the cursor into the last one: the token, which most readers have."""
    flow = {"tokenUrl": f"{base_path.rstrip('/')}/tokens", "scopes": {str(name): SCOPES[name] for name in SCOPES}}
    return {
        "oauth": {
            "type": "oauth2",
            "description": "Client credentials (RFC 6749, section 4.4).",
            "flows": {"clientCredentials": flow},
        },
        "client": {"type": "http", "scheme": "basic", "description": "clientId and clientSecret"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": SECURE_NAME,
            "description": "The cookie of a user who has signed in (POST /session). It opens the same operations as a "
            "token of the user's scope. Methods that change something also need `Sec-Fetch-Site` or `Origin`, which "
            "browsers send, and a body of JSON.",
        },
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token of any kind."},
    }


def security(operation: Operation) -> list[Json]:
    """The accepted ways to authenticate; one of them is enough."""
    if operation.is_basic:
        return [{"client": []}, {}]
    if not operation.scopes:
        return []
    if operation.needs_session:
        return [{"session": []}]
    return [{"token": []}, *({"oauth": [scope]} for scope in sorted(operation.scopes))]


def access(operation: Operation) -> str:
    """Who may call it, in words."""
    if operation.is_basic:
        return "Send the OAuth client's id and secret in the Authorization header or in the body. The body may be JSON."
    if not operation.scopes:
        return "No token is needed."
    holders = "Only for users who have signed in. " if operation.needs_session else ""
    fresh = " A session needs a password that was typed within five minutes." if operation.needs_password else ""
    own = f" A partner changes only its own {operation.right}, if the server allows it." if operation.right else ""
    return f"{holders}Scopes: {', '.join(sorted(operation.scopes))}.{fresh}{own}"


def describe(operation: Operation, tag: str, found: schemas.Schemas) -> Json:
    document: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"{operation.doc or operation.summary + '.'} {access(operation)}",
        "tags": [tag],
        "parameters": all_parameters(operation),
        "responses": responses(operation, found),
        "security": security(operation),
    }
    if operation.body is not None:
        document["requestBody"] = request_body(operation, found)
    return document


def request_body(operation: Operation, found: schemas.Schemas) -> Json:
    """The body under each media type that the operation accepts."""
    name = schemas.body_name(operation)
    content: Json = {FORM if operation.is_basic else JSON: {"schema": ref(name)}}
    if isinstance(operation.body, type):
        content = {kind: {**each, "example": make_sample(ref(name), found.named)} for kind, each in content.items()}
    lines = {
        "type": "string",
        "description": "Lines of JSON.",
        "examples": ['{"ip": "8.8.8.8", "uri": "https://x/"}\n'],
    }
    content |= {kind: {"schema": lines} for kind in operation.body_types[:1] if kind != PLAIN}
    return {"required": True, "content": content, "description": found.named[name]["description"]}


def responses(operation: Operation, found: schemas.Schemas) -> Json:
    """The answer, and every possible refusal."""
    answer = answer_response(operation, found)
    answers: Json = {str(status): answer for status in operation.successes}
    if operation.successes == (201, 200):
        headers = {name: header for name, header in answer["headers"].items() if name != "Location"}
        answers["200"] = {**answer, "description": "The object that this uuid had already created.", "headers": headers}
    for status in sorted(refusals(operation)):
        answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return answers


def refusals(operation: Operation) -> set[int]:
    found = {*operation.statuses, 406} - {*operation.successes}
    if operation.scopes:
        found |= {401, 403} | ({429} if operation.right else set())
    if operation.query.own or not operation.query.is_free:
        found |= {400}
    if operation.body is not None:
        found |= {400, 408, 413, 415} | ({429, 503} if operation.scopes else set())
    return found


def answer_response(operation: Operation, found: schemas.Schemas) -> Json:
    headers: Json = {HEADER: {"$ref": "#/components/headers/RequestId"}}
    status = operation.statuses[0]
    if operation.query.is_list:
        headers |= {
            "Link": _header('The next page, `rel="next"`, if there is one.'),
            "X-Total-Count": {"schema": {"type": "integer"}, "description": "With `Prefer: count=exact`."},
        }
    elif status == 201:
        headers["Location"] = _header("The new object's URL.")
    elif status == 302:
        headers["Location"] = _header("The landing page, with the click's id.")
    document: Json = {"description": TITLES.get(status, operation.summary), "headers": headers}
    content = answer_content(operation, found)
    return {**document, "content": content} if content else document


def answer_content(operation: Operation, found: schemas.Schemas) -> Json:
    """Media type -> schema and example."""
    if operation.answer is not None:
        schema = found.answers[operation.name]
        if operation.query.is_list:
            schema = {"type": "array", "items": schema}
        others = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in operation.other_types}
        return {JSON: {"schema": schema, "example": make_sample(schema, found.named)}, **others}
    if operation.statuses[0] != 200:
        return {}
    samples = operation.samples or {operation.media_type: None}
    return {
        kind: {"schema": {"type": "string", "format": "binary"}}
        if sample is None
        else {"schema": {"type": "string"}, "example": sample}
        for kind, sample in samples.items()
    }


def _header(text: str) -> Json:
    return {"schema": {"type": "string"}, "description": text}


def problem_response(kind: type[ClicktrailError]) -> Json:
    named = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}.get(kind.status)
    headers = {
        HEADER: {"$ref": "#/components/headers/RequestId"},
        **({named: _header("As HTTP defines it.")} if named else {}),
    }
    example = {
        "type": f"urn:clicktrail:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": "The mistake in a sentence.",
        "errors": [],
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": kind.title, "headers": headers, "content": content}
