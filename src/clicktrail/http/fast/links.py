"""The fast path of tracking links, without the layers that a plain visit does not need. Also hosts that serve only
links.
"""

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from clicktrail.errors import NotFound
from clicktrail.http.endpoint.call import Services, visitor_address
from clicktrail.http.endpoint.endpoint import NOSNIFF, refuse, respond
from clicktrail.http.endpoint.request_ids import NAME, find_request_id
from clicktrail.http.tracking.redirects import (
    BANNER_PREFIX,
    HEADERS,
    MEDIA_TYPE,
    NOTHING,
    begin_visit,
    end_visit,
    follow,
    refuse_strangers,
    show,
)
from clicktrail.model.ids import is_id

_HEAD = *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()), NOSNIFF
_TAIL = (b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"0")
_EMPTY = {"type": "http.response.body", "body": b""}


class FastLinks:
    """An ASGI application for GET below `prefix`, where a path is a link's code. `others` answers other requests.

    A visit to a known link is one coroutine. The ordinary endpoint's way answers refusals and unknown codes.
    """

    def __init__(self, services: Services, prefix: str, others: ASGIApp) -> None:
        self._services = services
        self._prefix = prefix + "/"
        self._route = self._prefix + "{code}"
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, services, path = time.perf_counter(), self._services, scope["path"]
        code = path[len(self._prefix) :]
        if scope["method"] != "GET" or not path.startswith(self._prefix) or "/" in code or not code:
            await self._others(scope, receive, send)
            return
        link = services.store.catalogue.links.get(code)
        if link is None:
            await respond(services, scope, self._route, follow(services, scope, code, None), send, started)
            return
        try:
            address = visitor_address(services, scope)
            refuse_strangers(services, address)
            visit = begin_visit(services, scope, code, link, address)
            target = await end_visit(services, visit)
        except Exception as error:  # noqa: BLE001 - the endpoint's way makes an answer of any failure
            await respond(services, scope, self._route, show(services, scope, refuse(error)), send, started)
            return
        request_id = find_request_id(scope["headers"])
        headers = [*_HEAD, (b"location", target.encode("latin-1")), (NAME, request_id.encode()), *_TAIL]
        await send({"type": "http.response.start", "status": visit.status, "headers": headers})
        await send(_EMPTY)
        services.observer.request("GET", self._route, visit.status, time.perf_counter() - started, request_id)


class LinkHost:
    """An ASGI application for a host that serves only links: `/{code}` and `/b/{bannerId}/{code}`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        parts = scope["path"].split("/")[1:]
        is_banner = len(parts) == 3 and "/" + parts[0] == BANNER_PREFIX and is_id(parts[1].lower())
        if scope["method"] not in ("GET", "HEAD") or not (len(parts) == 1 or is_banner) or not parts[-1]:
            route = "*"
            await respond(self._services, scope, route, show(self._services, scope, refuse(NotFound(NOTHING))), send)
            return
        route = f"{BANNER_PREFIX}/{{bannerId}}/{{code}}" if is_banner else "/{code}"
        banner_id = parts[1].lower() if is_banner else None
        await respond(self._services, scope, route, follow(self._services, scope, parts[-1], banner_id), send)
