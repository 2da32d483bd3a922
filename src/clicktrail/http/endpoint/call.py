"""The input of a handler, its answer, and the services that handlers use."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive

from clicktrail.delivery.caller import Caller
from clicktrail.http.endpoint.asking import Asking
from clicktrail.http.endpoint.held import Held
from clicktrail.http.endpoint.hosts import own_host
from clicktrail.http.endpoint.slots import Slots
from clicktrail.http.endpoint.streams import Streams
from clicktrail.http.endpoint.trails import Entries, Trail
from clicktrail.http.visitor.limits import VisitLimit
from clicktrail.http.visitor.lockout import Lockout
from clicktrail.http.visitor.proxies import Networks, find_visitor, is_trusted
from clicktrail.ingest.recorder import Recorder
from clicktrail.ingest.turns import Turns
from clicktrail.keyring import KeyRing
from clicktrail.live.feed import Feed
from clicktrail.model.access import NO_RULES, OwnRules, Viewer
from clicktrail.model.attribution import Model
from clicktrail.model.countries import choose_language
from clicktrail.model.people import SignedIn
from clicktrail.model.reading import STRICT, Reading
from clicktrail.objections import Objections
from clicktrail.observe.counts import Observer
from clicktrail.observe.findings import Finding
from clicktrail.observe.health import Health
from clicktrail.people.passwords import Passwords
from clicktrail.query.grammar import Asked
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.transactions import transaction_of
from clicktrail.store.store import AuditedStore, Store
from clicktrail.tokens import TokenChecker

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
P = ParamSpec("P")
T = TypeVar("T")
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PLAIN = "text/plain"
"""Browsers send this type to another origin without a preflight request. The body is read as JSON."""
_FORWARDING = frozenset({b"forwarded", b"x-forwarded-for"})
LENIENT = "handling=lenient"
"""The preference (RFC 7240) of callers who want unknown keys and parameters ignored."""
COUNT_EXACT = "count=exact"
"""The preference of callers who want a list's total."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    base_path: str
    public_url: str
    report_least_clicks: int
    """Rows of reports with fewer clicks are hidden from partners and readers."""
    max_body_bytes: int
    body_timeout_s: float
    token_lifetime_s: int
    scratch: str
    """The directory for temporary files that will be sent."""
    trusted: Networks
    """Proxies whose headers are trusted."""
    link_path: str
    link_hosts: tuple[str, ...]
    redirect_first: bool
    postback_networks: Networks
    """Networks that may receive postbacks, in addition to public addresses."""
    model: Model
    """How the programme attributes clients to clicks."""
    reading: Reading = STRICT
    own_rules: OwnRules = NO_RULES
    """What partners may change themselves."""
    lead_anyway: bool = True
    """Whether visitors are redirected when their click cannot be recorded."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """All that handlers use; created once, by `app`."""

    store: Store
    asking: Asking
    recorder: Recorder
    turns: Turns
    keys: KeyRing
    tokens: TokenChecker
    observer: Observer
    limits: Limits
    visits: VisitLimit
    lockout: Lockout
    """Failed attempts by address."""
    names: Lockout
    """Failed sign-ins by user, or by a name that no user has."""
    passwords: Passwords
    health: Health
    caller: Caller | None
    """Sends postbacks; None if this server sends none."""
    tests: Slots
    """The running tests of postbacks."""
    exports: Slots
    streams: Streams
    unread: Held
    """Large answers that are not read yet."""
    bodies: Held
    """Large bodies that are received or used."""
    entries: Entries
    feed: Feed
    listeners: Slots
    """The streams of `feed`."""
    objections: Objections
    openapi: Callable[[], bytes]
    diagnose: Callable[[], Awaitable[Sequence[Finding]]]
    """The problems of the installation."""
    settings: Sequence[tuple[str, str, bool, str]] = ()
    """Of each setting the name, the value as text, whether that is its default, and the help."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: access and size are checked, the query string is parsed, the body is read."""

    services: Services
    viewer: Viewer
    headers: Headers
    path: Mapping[str, str]
    query: bytes
    """The raw query string."""
    scope: Mapping[str, Any]
    receive: Receive
    signed_in: SignedIn | None = None
    """The session that the request belongs to; None if it has a token, or needs neither."""
    body: bytes = b""
    asked: Asked = field(default_factory=Asked)
    """The parsed query string, by the grammar of the operation."""
    trail: Trail | None = None
    """The request's entry in the audit log, if it has one."""

    async def ask(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work(session, …)` on one snapshot of the store."""
        is_single = transaction_of(work).is_single(*args, **kwargs)
        return await self.services.asking.ask(
            self.viewer.asker, self.receive, lambda session: work(session, *args, **kwargs), is_single
        )

    @cached_property
    def store(self) -> Store:
        """The store. If the request has an entry in the audit log, a change adds it."""
        store = self.services.store
        return store if self.trail is None else AuditedStore(store, self.trail.entry_of)

    async def settle(self, status: int) -> None:
        """Writes the request's entry in the audit log, unless a change has added it. Raises Unavailable."""
        is_settled = isinstance(self.store, AuditedStore) and self.store.is_settled
        if self.trail is not None and not is_settled:
            await self.services.entries.write(self.trail, status)

    @cached_property
    def language(self) -> str:
        """The CLDR locale of the answer."""
        return choose_language(self.headers.get("accept-language", ""))

    @cached_property
    def preferences(self) -> frozenset[str]:
        """The preferences of the `Prefer` header (RFC 7240), in lower case."""
        texts = ",".join(self.headers.getlist("prefer")).split(",")
        return frozenset(text.strip().lower().replace('"', "") for text in texts if text.strip())

    @cached_property
    def reading(self) -> Reading:
        reading = self.services.limits.reading
        return reading.leniently() if LENIENT in self.preferences else reading

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return media_type_of(self.headers)

    @property
    def client_address(self) -> str:
        """The visitor's address, behind the trusted proxies."""
        return visitor_address(self.services, self.scope)

    def link_url(self, code: str) -> str:
        """The URL of a link: at the first link host, or below the link path."""
        limits, path = self.services.limits, quote(code, safe="")
        if limits.link_hosts:
            scheme = urlsplit(limits.public_url).scheme or self.scope["scheme"]
            return f"{scheme}://{limits.link_hosts[0]}/{path}"
        return self.url(f"{limits.link_path}/{path}")

    def url(self, path: str) -> str:
        """An absolute URL of this API, as the caller sees it."""
        return origin_of(self.services.limits, self.scope, self.headers.get("host", "")) + path


def media_type_of(headers: Headers) -> str:
    """The Content-Type header without parameters, in lower case; empty if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def visitor_address(services: Services, scope: Mapping[str, Any]) -> str:
    """The visitor's address, behind the trusted proxies. Headers of other proxies are ignored, and counted."""
    client = scope.get("client")
    peer = client[0].partition("%")[0] if client else ""  # without the zone of a link-local address
    if not any(name in _FORWARDING for name, _ in scope["headers"]):
        return peer
    trusted = services.limits.trusted
    if not is_trusted(peer, trusted):
        services.observer.unheeded(peer)
        return peer
    return find_visitor(peer, Headers(raw=scope["headers"]), trusted)


def origin_of(limits: Limits, scope: Mapping[str, Any], host: str) -> str:
    """The API's address as the caller sees it: scheme, host and base path."""
    return (limits.public_url or f"{scope['scheme']}://{host or own_host(scope)}") + limits.base_path.rstrip("/")


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncGenerator[bytes, None] | None = None
    """The body in pieces, used in place of `body`. Starts only when the body is needed."""
    leaving: asyncio.Task[None] | None = None
    """Done when the caller has left; set once the stream has begun. The server's `receive` must not be cancelled and
    called again: it would then say that the caller has left."""
    asker: str = ""
    """The caller for whom a large body was made; empty if it is the same for all callers."""
    is_live: bool = False
    """Whether the pieces are made as things happen: they are not held back, and the caller leaves when it likes."""


Handler = Callable[[Call], Awaitable[Answer]]


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, encode(content), JSON, headers or {})


NO_CONTENT = Answer(204)


async def chain(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """A stream whose first piece was already taken."""
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()
