"""The fast path of tracking links, without the layers that a plain visit does not need. Also hosts that serve only
links.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from clicktrail.errors import NotFound
from clicktrail.http.endpoint.call import Services
from clicktrail.http.endpoint.endpoint import refuse, respond
from clicktrail.http.tracking.redirects import _NOTHING, BANNER_PREFIX, follow, show
from clicktrail.model.ids import is_id


class FastLinks:
    """An ASGI application for GET below `prefix`, where a path is a link's code. `others` answers other requests."""

    def __init__(self, services: Services, prefix: str, others: ASGIApp) -> None:
        self._services = services
        self._prefix = prefix + "/"
        self._route = self._prefix + "{code}"
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        code = path[len(self._prefix) :]
        if scope["method"] != "GET" or not path.startswith(self._prefix) or "/" in code or not code:
            await self._others(scope, receive, send)
            return
        await respond(self._services, scope, self._route, follow(self._services, scope, code, None), send)


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
            await respond(self._services, scope, route, show(self._services, scope, refuse(NotFound(_NOTHING))), send)
            return
        route = f"{BANNER_PREFIX}/{{bannerId}}/{{code}}" if is_banner else "/{code}"
        banner_id = parts[1].lower() if is_banner else None
        await respond(self._services, scope, route, follow(self._services, scope, parts[-1], banner_id), send)
