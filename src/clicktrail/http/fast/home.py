"""GET / leads a browser to the dashboard. Programs get 404 there, as for every path that no operation has."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from clicktrail.http.endpoint.call import Answer
from clicktrail.http.endpoint.endpoint import closing, send_answer
from clicktrail.http.endpoint.request_ids import find_request_id
from clicktrail.model.weights import parse_weights

PAGE = "/dashboard"
_HTML = "text/html"


class Home:
    """An ASGI application for paths without a route; `otherwise` answers all but the root in a browser."""

    def __init__(self, base: str, otherwise: ASGIApp) -> None:
        self._base = base
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._is_browser_at_root(scope):
            await self._otherwise(scope, receive, send)
            return
        headers = {"Location": self._base + PAGE, "Vary": "Accept", **closing(scope)}
        await send_answer(Answer(302, headers=headers), find_request_id(scope["headers"]), False, send)

    def _is_browser_at_root(self, scope: Scope) -> bool:
        if scope["method"] not in ("GET", "HEAD") or scope["path"] not in (self._base, self._base + "/"):
            return False
        return bool(parse_weights(Headers(scope=scope).get("accept", "")).get(_HTML))
