"""POST /tokens: OAuth 2 client credentials (RFC 6749, section 4.4), with a lock against guessing."""

import base64
import binascii
from collections import deque
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from clicktrail.errors import ClicktrailError, MalformedRequest, Mistake, TooManyRequests, Unauthenticated
from clicktrail.http.endpoint.call import FORM, Answer, Call, json_answer
from clicktrail.http.visitor.limits import network_of
from clicktrail.model.access import Scope
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.query.forms import decode_json
from clicktrail.store.objects.oauth_clients import check_client
from clicktrail.store.reads.records import Record
from clicktrail.tokens import issue_token

MAX_GRANT_BYTES = 4 * 1024
"""Largest body: a grant type, a scope, an id and a secret."""
_MAX_COUNTED = 100_000
"""Networks whose failures are remembered: some 50 MB when each has failed ten times."""
GRANT_TYPE = "client_credentials"
GRANT: Mapping[str, str] = {
    "grant_type": "`client_credentials`.",
    "scope": "A scope within the client's own; by default that.",
    "client_id": "The client's id, where there is no Authorization header.",
    "client_secret": "The client's secret, where there is no Authorization header.",
}
"""The members of the body -> what they say. Others are ignored (RFC 6749, section 3.2)."""
NARROWER: Mapping[str, frozenset[str]] = {
    Scope.ADMIN: frozenset({Scope.ADMIN, Scope.WRITE, Scope.READ}),
    Scope.WRITE: frozenset({Scope.WRITE}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.PARTNER: frozenset({Scope.PARTNER}),
    Scope.POSTBACK: frozenset({Scope.POSTBACK}),
}
"""A client's scope -> the scopes of tokens that it may have."""
OAUTH_ERRORS = (
    "invalid_request",
    "invalid_client",
    "invalid_scope",
    "unsupported_grant_type",
    "temporarily_unavailable",
)
"""The values of `error` that are sent (RFC 6749, sections 5.2 and 4.1.2.1)."""
_BY_STATUS: Mapping[int, str] = {
    401: "invalid_client",
    429: "temporarily_unavailable",
    503: "temporarily_unavailable",
}
"""Status of a refusal that names no OAuth error itself -> `error`; all others are `invalid_request`."""
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="tokens"'}


class Lockout:
    """Counts failures by network (`network_of`); after `failures` of them within `window_s` it is refused.

    At most `_MAX_COUNTED` networks are remembered: beyond that the one goes that failed least recently.
    """

    def __init__(self, failures: int, window_s: int, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._most = failures
        self._window_s = window_s
        self._failures: dict[str, deque[float]] = {}
        """Network -> when its last failures were; the network that failed last stands last."""

    def refuse_locked(self, address: str) -> None:
        """Raises TooManyRequests while the network of the address is locked out."""
        times = self._failures.get(network_of(address))
        if times and len(times) == self._most and times[0] > self._clock.passed_s() - self._window_s:
            raise TooManyRequests(
                "Too many failed attempts from this address.", headers={"Retry-After": str(self._window_s)}
            )

    def count_failure(self, address: str) -> None:
        """One failed attempt."""
        network = network_of(address)
        times = self._failures.pop(network, None) or deque(maxlen=self._most)
        times.append(self._clock.passed_s())
        self._failures[network] = times
        if len(self._failures) > _MAX_COUNTED:
            del self._failures[next(iter(self._failures))]


class TokenHandler:
    """Get an access token."""

    def __init__(self, lockout: Lockout) -> None:
        self._lockout = lockout

    async def __call__(self, call: Call) -> Answer:
        """Checks the credentials, then what is asked for."""
        self._lockout.refuse_locked(call.client_address)
        grant = read_grant(call)
        client = await self._authenticate(call, read_credentials(call.headers.get("authorization"), grant))
        check_grant_type(grant)
        scope = choose_scope(grant.get("scope", ""), client["scope"])
        lifetime_s = call.services.limits.token_lifetime_s
        token, _ = issue_token(call.services.keys, scope, client["clientId"], lifetime_s, client["partnerId"])
        content = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_s, "scope": scope}
        return json_answer(content, headers=_NOT_KEPT)

    async def _authenticate(self, call: Call, credentials: tuple[str, str] | None) -> Record:
        client = await call.store.run(check_client, *credentials) if credentials else None
        self._lockout.refuse_locked(call.client_address)  # by others that were looked at meanwhile: none is answered
        if client is None:
            self._lockout.count_failure(call.client_address)
            raise Unauthenticated(
                "This needs the id and secret of an enabled client, as `Authorization: Basic "
                "base64(clientId:clientSecret)` or as `client_id` and `client_secret` in the body.",
                headers=dict(_CHALLENGE),
            )
        return client


def tell_oauth_error(error: ClicktrailError) -> None:
    """Adds what OAuth libraries read (RFC 6749, section 5.2) to whatever was refused at POST /tokens."""
    mistakes = " ".join(f"{(each.pointer or '').removeprefix('/')} {each.detail}." for each in error.mistakes)
    text = f"{error.detail} {mistakes}".strip().translate(_NOT_DESCRIBED)
    error.members = {
        "error": _BY_STATUS.get(error.status, "invalid_request"),
        "error_description": text.encode("ascii", "replace").decode(),
    } | error.members
    error.headers = {**error.headers, **_NOT_KEPT}


_NOT_DESCRIBED = {ord('"'): "'", ord("\\"): "/", ord("`"): "'"}
"""Characters that an `error_description` cannot hold, and a backtick, which is no quote outside our docs."""


def read_credentials(header: str | None, grant: Mapping[str, str]) -> tuple[str, str] | None:
    """Client id and secret by the header or by the body; None where neither has both. Raises MalformedRequest."""
    given = grant.get("client_id"), grant.get("client_secret")
    if header is not None:
        basic = read_basic(header)
        if given[1] is not None or given[0] not in (None, basic and basic[0]):
            raise refuse_grant(
                "The client must be named once: by the Authorization header or in the body, not by both.",
                "/client_secret" if given[1] is not None else "/client_id",
                "is given beside an Authorization header",
            )
        return basic
    client_id, secret = given
    return (client_id, secret) if client_id and secret and "\0" not in client_id + secret else None


def read_basic(header: str) -> tuple[str, str] | None:
    """Client id and secret of a Basic Authorization header (RFC 7617); None for anything else."""
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
    """The members of the body that are known, as JSON or as the form that OAuth libraries send; empty ones are absent.

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
        if name in GRANT:
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
    """The scope of a client's token: what was asked for, within its own. Raises MalformedRequest."""
    scope = asked or own
    if scope not in NARROWER[own]:
        detail = f"is not one scope within the client's own; allowed: {', '.join(sorted(NARROWER[own]))}"
        raise refuse_grant("The scope is not allowed.", "/scope", detail, "invalid_scope")
    return Scope(scope)


def refuse_grant(detail: str, pointer: str, mistake: str, error: str = "invalid_request") -> MalformedRequest:
    """A refusal with the status that RFC 6749 wants, 400, and its `error`."""
    refused = MalformedRequest(detail, (Mistake(mistake, pointer=pointer),))
    refused.members["error"] = error
    return refused
