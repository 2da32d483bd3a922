"""Tracking links, which record the click and redirect to the landing page: GET /r/{code} and GET /b/{bannerId}/{code}.

The fast path for plain visits and the hosts that serve only links use this module too.
"""

from collections.abc import Coroutine, Mapping
from typing import Any, NamedTuple

from clicktrail.errors import ClicktrailError, Gone, NotFound, TooManyRequests, Unavailable
from clicktrail.http.endpoint.call import Answer, Call, Services, visitor_address
from clicktrail.http.endpoint.operation import PUBLIC, Operation
from clicktrail.http.tracking.deadends import NEVER_KEPT, is_person, render_page
from clicktrail.http.tracking.recording import record
from clicktrail.ingest.landing import add_parameter, escape_page, find_landing
from clicktrail.ingest.previews import PURPOSES, is_prefetch, is_preview
from clicktrail.model.addresses import parse_ip
from clicktrail.model.catalogue import CatalogueLink
from clicktrail.model.click import Click, Hit
from clicktrail.query.fields import LINK, MAX_CLICK_TEXT
from clicktrail.query.grammar import ANYTHING
from clicktrail.query.texts import MAX_URL_BYTES

LINK_PREFIX = "/r"
"""The path below which links are followed, unless `--link-path` changes it."""
BANNER_PREFIX = "/b"
MEDIA_TYPE = "text/plain; charset=utf-8"
HEADERS = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer-when-downgrade"}
_MAX_CODE = LINK.writable["code"].max_length
_STRANGER = "stranger"
"""The limit kind that counts unknown codes per address."""
_PATIENCE_S = 0.25
"""How long a visitor waits for a store that refused the last clicks."""
_READ = frozenset({b"referer", b"user-agent", *(name.encode() for name in PURPOSES)})
"""Headers that say something about a visit."""
NOTHING = "This host serves only links."


class Lead(NamedTuple):
    """The redirect of a visit."""

    status: int
    target: str
    is_landing: bool
    """False: the link is over, and this is its fallback page. This visit is not recorded."""


async def follow_link(call: Call) -> Answer:
    return await follow(call.services, call.scope, call.path["code"], None)


async def follow_banner(call: Call) -> Answer:
    return await follow(call.services, call.scope, call.path["code"], call.path["bannerId"])


def follow(
    services: Services, scope: Mapping[str, Any], code: str, banner_id: str | None
) -> Coroutine[Any, Any, Answer]:
    """The redirect of a link, or the refusal that a person or a program gets instead."""
    return show(services, scope, _lead(services, scope, code, banner_id))


async def show(services: Services, scope: Mapping[str, Any], work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of `work`. A refused person gets a page. For a program, raises ClicktrailError."""
    try:
        return await work
    except ClicktrailError as error:
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        if is_person(accept):
            if error.__cause__ is not None:
                services.observer.log.error("refused", method=scope["method"], exc_info=error.__cause__)
            return render_page(error)
        error.headers = {**error.headers, **NEVER_KEPT}
        raise


async def _lead(services: Services, scope: Mapping[str, Any], code: str, banner_id: str | None) -> Answer:
    address = visitor_address(services, scope)
    link = await _find_link(services, code, address)
    visit = begin_visit(services, scope, code, link, address, banner_id)
    return Answer(visit.status, b"", MEDIA_TYPE, {**HEADERS, "Location": await end_visit(services, visit)})


class Visit(NamedTuple):
    """What a visitor gets, and the hit to record; None if this visit is not a click."""

    status: int
    target: str
    hit: Hit | None


def begin_visit(
    services: Services,
    scope: Mapping[str, Any],
    code: str,
    link: CatalogueLink,
    address: str,
    banner_id: str | None = None,
) -> Visit:
    """The visit of an address to the link of a code, counted by its limits. Raises Gone, TooManyRequests."""
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _READ}
    lead = find_lead(services, link, code, scope["query_string"].decode("latin-1"), banner_id)
    is_quiet = scope["method"] == "HEAD" or is_preview(headers.get("user-agent"))
    if is_quiet or not lead.is_landing or not _is_counted(services, link, address):
        return Visit(lead.status, lead.target, None)
    return Visit(lead.status, lead.target, read_visit(headers, address, lead.target))


async def end_visit(services: Services, visit: Visit) -> str:
    """Records the visit. Returns the page to which the visitor is led. Raises Unavailable."""
    click_id = None if visit.hit is None else await _record(services, visit.hit)
    if click_id is None:
        return visit.target
    return add_parameter(visit.target, services.recorder.parameters.click, click_id)


def find_lead(services: Services, link: CatalogueLink, code: str, query: str, banner_id: str | None = None) -> Lead:
    """Where a visitor with this query string is led, without the id of a click. Raises Gone."""
    landing = _landing_of(link, services.store.memory.clock.now_us())
    if landing is None:
        return Lead(302, escape_page(link.fallback_uri or ""), is_landing=False)
    parameters = services.recorder.parameters
    target = find_landing(landing, query, parameters.code, code)
    if banner_id is not None and banner_id in services.store.catalogue.banners:
        target = add_parameter(target, parameters.banner, banner_id)
    if len(target.encode()) > MAX_URL_BYTES:
        target = find_landing(landing, "", parameters.code, code)
    return Lead(link.redirect_status, target, is_landing=True)


async def _find_link(services: Services, code: str, address: str) -> CatalogueLink:
    """The link of a code. Raises NotFound. Raises TooManyRequests without revealing whether the link exists.

    An address that has asked for too many unknown codes gets no answer for any code. So no method and no user agent can
    guess codes faster. Before NotFound, the store is asked for a link that another process may have just created.
    """
    refuse_strangers(services, address)
    link = services.store.catalogue.links.get(code)
    if link is None and len(code) <= _MAX_CODE:
        link = await services.store.find_link(code)
    if link is None:
        services.visits.count(_STRANGER, address)
        raise NotFound("There is no such link.")
    return link


def refuse_strangers(services: Services, address: str) -> None:
    """Raises TooManyRequests for an address that has asked for too many unknown codes."""
    services.visits.refuse_beyond(_STRANGER, address)


def _is_counted(services: Services, link: CatalogueLink, address: str) -> bool:
    """Whether a visit becomes a click: it must be within the limits. Raises TooManyRequests if visitors are not
    redirected.
    """
    try:
        services.visits.count("address", address)
        services.visits.count("link", link.link_id)
    except TooManyRequests:
        services.observer.click("limited")
        if not services.limits.lead_anyway:
            raise
        return False
    return True


def _landing_of(link: CatalogueLink, now: int) -> str | None:
    """The landing page of a link in use; None if its fallback page takes the visitor. Raises Gone."""
    is_over = link.expire_time is not None and link.expire_time <= now
    if link.enabled and not is_over and link.uri is not None:
        return link.uri
    if link.fallback_uri is not None:
        return None
    if not link.enabled or is_over:
        raise Gone("This link has expired." if link.enabled else "This link is disabled.")
    raise Gone("This link has no landing page.")


async def _record(services: Services, hit: Hit) -> str | None:
    """The id of the visit's click. The click is on disk, or will be soon if visitors do not wait for it.

    None if the store refuses the click and the visitor is redirected anyway; otherwise raises Unavailable. While the
    store refuses clicks, visitors wait only a short time for it.
    """
    limits, recorder, count = services.limits, services.recorder, services.observer.click
    failure = "lost" if limits.lead_anyway else "refused"
    try:
        if limits.redirect_first:
            return (await _record_later(services, hit, failure)).click_id
        if limits.lead_anyway and services.store.is_refusing:
            return await recorder.record_within(hit, _PATIENCE_S, count)
        return (await record(services, hit, failure))[0].click_id
    except Unavailable:
        if limits.lead_anyway:
            return None
        raise


async def _record_later(services: Services, hit: Hit, failure: str) -> Click:
    try:
        return await services.recorder.record_later(hit, services.observer.click)
    except Unavailable:
        services.observer.click(failure)
        raise


def read_visit(headers: Mapping[str, str], address: str, uri: str) -> Hit:
    """A visitor's own request -> a hit."""
    return Hit(
        ip=parse_ip(address),
        uri=uri,
        referrer=_text(headers, "referer"),
        user_agent=_text(headers, "user-agent"),
        is_prefetch=is_prefetch(headers),
    )


def _text(headers: Mapping[str, str], name: str) -> str | None:
    """A header as a click stores it: cut to the maximum length, without characters that no column can store."""
    return headers.get(name, "").replace("\0", "")[:MAX_CLICK_TEXT] or None


OPERATIONS = (
    Operation(
        route=f"GET {LINK_PREFIX}/{{code}}",
        handler=follow_link,
        name="followLink",
        summary="Follow a link: record the click and redirect to the landing page",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type="*/*",
        statuses=(302, 301, 307, 404, 410, 429, 503),
    ),
    Operation(
        route=f"GET {BANNER_PREFIX}/{{bannerId}}/{{code}}",
        handler=follow_banner,
        name="followBanner",
        summary="Follow a link from a banner",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type="*/*",
        statuses=(302, 301, 307, 404, 410, 429, 503),
    ),
)
