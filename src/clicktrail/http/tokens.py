"""POST /tokens: OAuth 2 client credentials (RFC 6749, section 4.4), with a lock against guessing."""

import base64
import binascii
import time
from collections import deque
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from clicktrail.errors import InvalidBody, Mistake, TooManyRequests, Unauthenticated
from clicktrail.http.calls import FORM, Answer, Call, json_answer
from clicktrail.http.visitors import network_of
from clicktrail.model.access import Scope
from clicktrail.query.fields import Field
from clicktrail.query.forms import check_form, decode_json
from clicktrail.store.clients import check_client
from clicktrail.store.records import Record
from clicktrail.tokens import issue_token

MAX_GRANT_BYTES = 4 * 1024
"""Largest body: a grant type and a scope."""
_MAX_COUNTED = 100_000
"""Networks whose failures are remembered: some 50 MB when each has failed ten times."""
GRANT = {
    "grant_type": Field(name="grant_type", doc="`client_credentials`.", nullable=False, example="client_credentials"),
    "scope": Field(name="scope", doc="A scope within the client's own; by default that.", example="write"),
}
NARROWER: Mapping[str, frozenset[str]] = {
    Scope.ADMIN: frozenset({Scope.ADMIN, Scope.WRITE, Scope.READ}),
    Scope.WRITE: frozenset({Scope.WRITE}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.PARTNER: frozenset({Scope.PARTNER}),
    Scope.POSTBACK: frozenset({Scope.POSTBACK}),
}
"""A client's scope -> the scopes of tokens that it may have."""


class Lockout:
    """Counts failures by network (`network_of`); after `failures` of them within `window_s` it is refused.

    At most `_MAX_COUNTED` networks are remembered: beyond that the one goes that failed least recently.
    """

    def __init__(self, failures: int, window_s: int) -> None:
        self._most = failures
        self._window_s = window_s
        self._failures: dict[str, deque[float]] = {}
        """Network -> when its last failures were; the network that failed last stands last."""

    def refuse_locked(self, address: str) -> None:
        """Raises TooManyRequests while the network of the address is locked out."""
        times = self._failures.get(network_of(address))
        if times and len(times) == self._most and times[0] > time.monotonic() - self._window_s:
            raise TooManyRequests(
                "Too many failed attempts from this address.", headers={"Retry-After": str(self._window_s)}
            )

    def count_failure(self, address: str) -> None:
        """One failed attempt."""
        network = network_of(address)
        times = self._failures.pop(network, None) or deque(maxlen=self._most)
        times.append(time.monotonic())
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
        client = await self._authenticate(call)
        form = read_grant(call)
        scope = form.get("scope") or client["scope"]
        if scope not in NARROWER[client["scope"]]:
            allowed = ", ".join(sorted(NARROWER[client["scope"]]))
            mistake = Mistake(f"is not within the client's scope; allowed: {allowed}", pointer="/scope")
            raise InvalidBody("The scope is not allowed.", (mistake,))
        lifetime_s = call.services.limits.token_lifetime_s
        token, _ = issue_token(call.services.keys, Scope(scope), client["clientId"], lifetime_s, client["partnerId"])
        content = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_s, "scope": scope}
        return json_answer(content, headers={"Cache-Control": "no-store"})

    async def _authenticate(self, call: Call) -> Record:
        credentials = read_basic(call.headers.get("authorization"))
        client = await call.store.read(check_client, *credentials) if credentials else None
        if client is None:
            self._lockout.count_failure(call.client_address)
            raise Unauthenticated(
                "This needs `Authorization: Basic base64(clientId:clientSecret)` of an enabled client.",
                headers={"WWW-Authenticate": 'Basic realm="tokens"'},
            )
        return client


def read_basic(header: str | None) -> tuple[str, str] | None:
    """Client id and secret of a Basic Authorization header (RFC 7617); None for anything else."""
    kind, _, text = (header or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    credentials = unquote_plus(client_id), unquote_plus(secret)
    return credentials if colon and not any("\0" in text for text in credentials) else None


def read_grant(call: Call) -> dict[str, str]:
    """The body, as JSON or as the form that OAuth libraries send. Raises MalformedRequest, InvalidBody."""
    is_form = call.content_type == FORM
    text = call.body.strip()
    if is_form and not text.startswith(b"{"):
        data: object = dict(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True))
    else:
        data = decode_json(call.body)
    values = check_form(data, GRANT, ("grant_type",))
    if values["grant_type"] != "client_credentials":
        mistake = Mistake("must be client_credentials", pointer="/grant_type")
        raise InvalidBody("The grant type is not supported.", (mistake,))
    return values
