"""Tracking links, which record the click and lead to the landing page: GET /r/{code} and GET /b/{bannerId}/{code}.

Also the hot door for them, which answers a plain visit without the layers that it does not need, and the hosts on which
a path is nothing but a link's code.
"""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from clicktrail.errors import Gone, NotFound
from clicktrail.http.calls import Answer, Call, Services, visitor_address
from clicktrail.http.clicks import record
from clicktrail.http.endpoint import answer_not_found, respond
from clicktrail.ingest.landing import add_parameter, escape_page, find_landing
from clicktrail.ingest.previews import is_prefetch, is_preview
from clicktrail.model.addresses import parse_ip
from clicktrail.model.catalogue import CatalogueLink
from clicktrail.model.click import Hit
from clicktrail.model.ids import is_id
from clicktrail.model.times import now_us
from clicktrail.query.fields import LINK, MAX_CLICK_TEXT
from clicktrail.query.texts import MAX_URL_BYTES

BANNER_PREFIX = "/b"
_HEADERS = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer-when-downgrade"}
_MAX_CODE = LINK.writable["code"].max_length


async def follow_link(call: Call) -> Answer:
    """Follow a link."""
    return await _follow(call.services, call.scope, call.path["code"], None)


async def follow_banner(call: Call) -> Answer:
    """Follow a link from a banner."""
    return await _follow(call.services, call.scope, call.path["code"], call.path["bannerId"])


class LinkDoor:
    """An ASGI application for GET below `prefix`, where a path is a link's code; `others` answers all else."""

    def __init__(self, services: Services, prefix: str, others: ASGIApp) -> None:
        self._services = services
        self._prefix = prefix + "/"
        self._route = self._prefix + "{code}"
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follows one link, or hands over."""
        path: str = scope["path"]
        code = path[len(self._prefix) :]
        if scope["method"] != "GET" or not path.startswith(self._prefix) or "/" in code or not code:
            await self._others(scope, receive, send)
            return
        await respond(self._services, scope, self._route, _follow(self._services, scope, code, None), send)


class LinkHost:
    """An ASGI application for a host of links: `/{code}` and `/b/{bannerId}/{code}`, and nothing else at all."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follows one link."""
        parts = scope["path"].split("/")[1:]
        is_banner = len(parts) == 3 and "/" + parts[0] == BANNER_PREFIX and is_id(parts[1].lower())
        if scope["method"] not in ("GET", "HEAD") or not (len(parts) == 1 or is_banner) or not parts[-1]:
            await answer_not_found(scope, receive, send)
            return
        route = f"{BANNER_PREFIX}/{{bannerId}}/{{code}}" if is_banner else "/{code}"
        banner_id = parts[1].lower() if is_banner else None
        await respond(self._services, scope, route, _follow(self._services, scope, parts[-1], banner_id), send)


async def _follow(services: Services, scope: Mapping[str, Any], code: str, banner_id: str | None) -> Answer:
    address = visitor_address(services.limits, scope)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    is_quiet = scope["method"] == "HEAD" or is_preview(headers.get("user-agent"))
    link = await _find_link(services, code, address, is_quiet)
    landing = _landing_of(link)
    if landing is None:
        return _redirect(302, escape_page(link.fallback_uri or ""))
    query = scope["query_string"].decode("latin-1")
    parameters = services.recorder.parameters
    target = find_landing(landing, query, parameters.code, code)
    if banner_id is not None and banner_id in services.store.catalogue.banners:
        target = add_parameter(target, parameters.banner, banner_id)
    if len(target.encode()) > MAX_URL_BYTES:
        target = find_landing(landing, "", parameters.code, code)
    if is_quiet:
        return _redirect(link.redirect_status, target)
    services.visits.count("link", link.link_id)
    click_id = await _record(services, read_visit(headers, address, target))
    return _redirect(link.redirect_status, add_parameter(target, parameters.click, click_id))


async def _find_link(services: Services, code: str, address: str, is_quiet: bool) -> CatalogueLink:
    """The link of a code. Raises NotFound, and TooManyRequests before it says whether there is such a link.

    A quiet look, which records nothing, counts for the address only where there is no such link: so codes can be
    guessed no faster by it. A link that another process may just have made is asked for before it is not found.
    """
    visits = services.visits
    (visits.refuse_beyond if is_quiet else visits.count)("address", address)
    link = services.store.catalogue.links.get(code)
    if link is None and len(code) <= _MAX_CODE:
        link = await services.store.find_link(code)
    if link is None:
        if is_quiet:
            visits.count("address", address)
        raise NotFound("There is no such link.")
    return link


def _landing_of(link: CatalogueLink) -> str | None:
    """The landing page of a link in use; None where its fallback page takes the visitor. Raises Gone."""
    is_over = link.expire_time is not None and link.expire_time <= now_us()
    if link.enabled and not is_over and link.uri is not None:
        return link.uri
    if link.fallback_uri is not None:
        return None
    if not link.enabled or is_over:
        raise Gone("This link has expired." if link.enabled else "This link is disabled.")
    raise Gone("This link has no landing page.")


async def _record(services: Services, hit: Hit) -> str:
    """The id of the visit's click: on disk, or about to be where visitors are not to wait. Raises Unavailable."""
    if services.limits.redirect_first:
        return (await services.recorder.record_later(hit, services.observer.click)).click_id
    click, _ = await record(services, hit)
    return click.click_id


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
    """A header as a click keeps it: cut to what a text may hold, without what no column can."""
    return headers.get(name, "").replace("\0", "")[:MAX_CLICK_TEXT] or None


def _redirect(status: int, target: str) -> Answer:
    return Answer(status, b"", "text/plain; charset=utf-8", {**_HEADERS, "Location": target})
