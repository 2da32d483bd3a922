"""POST /tokens: OAuth 2 client credentials (RFC 6749, section 4.4), with a lock against guessing."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import UNSET, UnsetType

from clicktrail.errors import ClicktrailError, MalformedRequest, Mistake, Unauthenticated
from clicktrail.http.endpoint.audit import prove_as
from clicktrail.http.endpoint.call import FORM, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import says
from clicktrail.http.endpoint.operation import PUBLIC, Operation
from clicktrail.model.access import ActorKind, Scope
from clicktrail.query.fields import Record
from clicktrail.query.forms import decode_json
from clicktrail.store.objects.oauth_clients import check_client
from clicktrail.tokens import issue_token

MAX_GRANT_BYTES = 4 * 1024
"""Enough for a grant type, a scope, an id and a secret."""
_BEARER = "Bearer"
GRANT_TYPE = "client_credentials"
NARROWER: Mapping[str, frozenset[str]] = {
    Scope.ADMIN: frozenset({Scope.ADMIN, Scope.WRITE, Scope.READ}),
    Scope.WRITE: frozenset({Scope.WRITE}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.PARTNER: frozenset({Scope.PARTNER}),
    Scope.POSTBACK: frozenset({Scope.POSTBACK}),
}
"""A client's scope -> the scopes that its tokens may have."""
_BY_STATUS: Mapping[int, str] = {401: "invalid_client", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
"""Status of a refusal without an OAuth error -> `error`. All other statuses are `invalid_request`."""
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="tokens"'}


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /tokens; unknown members are ignored (RFC 6749)."""

    grant_type: Annotated[str, says("`client_credentials`.", extra_json_schema={"const": GRANT_TYPE})]
    scope: Annotated[
        str | UnsetType,
        says(
            "A scope that the OAuth client's scope allows; default: the OAuth client's scope.",
            "write",
            extra_json_schema={"enum": list(Scope)},
        ),
    ] = UNSET
    client_id: Annotated[str | UnsetType, says("The OAuth client's id, if there is no Authorization header.")] = UNSET
    client_secret: Annotated[
        str | UnsetType, says("The OAuth client's secret, if there is no Authorization header.")
    ] = UNSET


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An access token."""

    access_token: Annotated[
        str, says("The token for the Authorization header.", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")
    ]
    token_type: Annotated[str, says("How it is sent.", extra_json_schema={"const": _BEARER})]
    expires_in: Annotated[int, says("Seconds.", 600)]
    scope: Annotated[str, says("The scope of the token.", "write")]


async def create_token(call: Call) -> Answer:
    """Checks the credentials first, then the rest of the request."""
    call.services.lockout.refuse_locked(call.client_address)
    grant = read_grant(call)
    client = await _authenticate(call, read_credentials(call.headers.get("authorization"), grant))
    check_grant_type(grant)
    scope = choose_scope(grant.get("scope", ""), client.scope)
    lifetime_s = call.services.limits.token_lifetime_s
    token, token_id = issue_token(call.services.keys, scope, client.client_id, lifetime_s, client.partner_id)
    prove_as(call, ActorKind.CLIENT, client.client_id, ("token", token_id))
    made = Token(access_token=token, token_type=_BEARER, expires_in=lifetime_s, scope=scope)
    return json_answer(made, headers=_NOT_KEPT)


async def _authenticate(call: Call, credentials: tuple[str, str] | None) -> Record:
    lockout = call.services.lockout
    client = await call.store.run(check_client, *credentials) if credentials else None
    lockout.refuse_locked(
        call.client_address
    )  # parallel attempts may have caused the lock meanwhile; none of them is answered
    if client is None:
        lockout.count_failure(call.client_address)
        raise Unauthenticated(
            "This needs the id and secret of an enabled OAuth client, as `Authorization: Basic "
            "base64(clientId:clientSecret)` or as `client_id` and `client_secret` in the body.",
            headers=dict(_CHALLENGE),
        )
    return client


def add_oauth_error(error: ClicktrailError) -> None:
    """Adds what OAuth libraries read (RFC 6749, section 5.2) to every refusal of POST /tokens."""
    mistakes = " ".join(f"{(each.pointer or '').removeprefix('/')} {each.detail}." for each in error.mistakes)
    text = f"{error.detail} {mistakes}".strip().translate(_NOT_DESCRIBED)
    error.members = {
        "error": _BY_STATUS.get(error.status, "invalid_request"),
        "error_description": text.encode("ascii", "replace").decode(),
    } | error.members
    error.headers = {**error.headers, **_NOT_KEPT}


_NOT_DESCRIBED = {ord('"'): "'", ord("\\"): "/", ord("`"): "'"}
"""Characters that an `error_description` cannot contain; also the backtick, which means a quote only in our docs."""


def read_credentials(header: str | None, grant: Mapping[str, str]) -> tuple[str, str] | None:
    """Client id and secret from the header or the body; None if neither has both. Raises MalformedRequest."""
    given = grant.get("client_id"), grant.get("client_secret")
    if header is not None:
        basic = read_basic(header)
        if given[1] is not None or given[0] not in (None, basic and basic[0]):
            raise refuse_grant(
                "Name the client once: in the Authorization header or in the body, not in both.",
                "/client_secret" if given[1] is not None else "/client_id",
                "must not be given together with an Authorization header",
            )
        return basic
    client_id, secret = given
    return (client_id, secret) if client_id and secret and "\0" not in client_id + secret else None


def read_basic(header: str) -> tuple[str, str] | None:
    """Client id and secret of a Basic Authorization header (RFC 7617); None for any other header."""
    kind, _, text = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    credentials = unquote_plus(client_id), unquote_plus(secret)
    return credentials if colon and not any("\0" in text for text in credentials) else None


def read_grant(call: Call) -> dict[str, str]:
    """The known members of the body, which is JSON or the form that OAuth libraries send. Empty members are left out.

    Raises MalformedRequest.
    """
    text = call.body.strip()
    if call.content_type == FORM and not text.startswith(b"{"):
        pairs = parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True)
    else:
        data = decode_json(call.body)
        if not isinstance(data, dict):
            raise refuse_grant("The body must be an object or a form.", "", "must be an object")
        pairs = [(name, value) for name, value in data.items() if value is not None]
    grant: dict[str, str] = {}
    for name, value in pairs:
        if name in grant:
            raise refuse_grant("A parameter is given twice.", f"/{name}", "is given twice")
        if name in Grant.__struct_fields__:
            if not isinstance(value, str):
                raise refuse_grant("The body is not valid.", f"/{name}", "must be a string")
            grant[name] = value
    return {name: value for name, value in grant.items() if value}


def check_grant_type(grant: Mapping[str, str]) -> None:
    """Raises MalformedRequest."""
    if "grant_type" not in grant:
        raise refuse_grant("The body is not valid.", "/grant_type", "is required")
    if grant["grant_type"] != GRANT_TYPE:
        detail = f"must be {GRANT_TYPE}"
        raise refuse_grant("The grant type is not supported.", "/grant_type", detail, "unsupported_grant_type")


def choose_scope(asked: str, own: str) -> Scope:
    """The scope of a token: the requested scope, if the OAuth client's scope allows it. Raises MalformedRequest."""
    scope = asked or own
    if scope not in NARROWER[own]:
        detail = f"is not one scope that the client's scope allows; allowed: {', '.join(sorted(NARROWER[own]))}"
        raise refuse_grant("The scope is not allowed.", "/scope", detail, "invalid_scope")
    return Scope(scope)


def refuse_grant(detail: str, pointer: str, mistake: str, error: str = "invalid_request") -> MalformedRequest:
    """A refusal with status 400 and an `error`, as RFC 6749 requires."""
    refused = MalformedRequest(detail, (Mistake(mistake, pointer=pointer),))
    refused.members["error"] = error
    return refused


OPERATIONS = (
    Operation(
        route="POST /tokens",
        handler=create_token,
        name="createToken",
        summary="Get an access token",
        scopes=PUBLIC,
        is_basic=True,
        body=Grant,
        max_bytes=MAX_GRANT_BYTES,
        answer=Token,
        amend=add_oauth_error,
        statuses=(200, 401, 429, 503),
    ),
)
