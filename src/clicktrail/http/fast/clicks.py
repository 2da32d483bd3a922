"""The fast path of POST /clicks, without the layers that a plain request does not need.

It shares parsing, recording and rendering with the operation's own handler, and is one coroutine. The ordinary endpoint
answers failures, repeats, long answers, and every request that is not plain: another content type, a compressed or
chunked body, an invalid token, a body with mistakes, read-only keys, unknown keys, or numbers in place of texts.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clicktrail.errors import ClicktrailError, SlowBody, Unavailable
from clicktrail.http.endpoint.bodies import LATE_AT, late_at, receive_before
from clicktrail.http.endpoint.call import JSON, Services, origin_of
from clicktrail.http.endpoint.endpoint import NOSNIFF, refuse, respond
from clicktrail.http.endpoint.request_ids import NAME, choose_request_id
from clicktrail.http.tracking.recording import answer_recorded
from clicktrail.ingest.turns import NotPlain
from clicktrail.model.access import RECORDERS
from clicktrail.model.countries import choose_language

ROUTE = "/clicks"
_PLAIN_TYPES = frozenset({None, b"application/json", b"application/x-www-form-urlencoded"})
_CREATED = 201
_ALWAYS = NOSNIFF, (b"content-type", JSON.encode())
_LARGEST = 32_768
"""Largest body of a plain request: many are read in one turn of the event loop."""
_MOST_PLAIN = 8_192
"""Longest answer in bytes that is sent as it is: compressing one takes as long as recording its click."""
_MOST_MANNERS = 256
_PLAIN_ACCEPTS = frozenset({None, b"*/*", b"application/json"})


class FastClicks:
    """An ASGI application for POST /clicks; `endpoint` answers requests that are not plain."""

    def __init__(self, services: Services, endpoint: ASGIApp) -> None:
        self._services = services
        self._endpoint = endpoint
        self._manners: dict[tuple[bytes, bytes, str], tuple[str, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        services, headers = self._services, dict(scope["headers"])
        if scope["query_string"] or b"prefer" in headers or not self._is_plain(headers):
            await self._endpoint(scope, receive, send)
            return
        moment = late_at(scope, services.limits.body_timeout_s)
        message: Message | None = None
        manner = language, origin = self._find_manner(scope, headers)
        try:
            message = await receive_before(receive, moment)
            hit, click, is_new, body = await services.turns.record(self._whole_body(message, headers), language)
        except (NotPlain, SlowBody, ValueError):
            await self._endpoint({**scope, LATE_AT: moment}, _again(message, receive), send)
            return
        except Exception as error:  # noqa: BLE001 - the endpoint's way makes an answer of any failure
            if isinstance(error, Unavailable):
                services.observer.click("refused")
            await respond(services, scope, ROUTE, refuse(error), send, started)
            return
        services.observer.click("recorded" if is_new else "repeated")
        if not is_new or len(body) > _MOST_PLAIN:
            work = answer_recorded(services, hit, click, is_new, manner)
            await respond(services, scope, ROUTE, work, send, started)
            return
        request_id = choose_request_id(headers.get(NAME))
        answer = [
            (b"location", f"{origin}{ROUTE}/{click.click_id}".encode("latin-1")),
            (NAME, request_id.encode()),
            (b"content-length", b"%d" % len(body)),
            *_ALWAYS,
        ]
        await send({"type": "http.response.start", "status": _CREATED, "headers": answer})
        await send({"type": "http.response.body", "body": body})
        services.observer.request("POST", ROUTE, _CREATED, time.perf_counter() - started, request_id)

    def _find_manner(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[str, str]:
        """The caller's language, and the API's address as the caller sees it. Most requests have the same headers."""
        key = headers.get(b"accept-language", b""), headers.get(b"host", b""), scope["scheme"]
        manner = self._manners.get(key) if key[1] else None
        if manner is None:
            language, host = choose_language(key[0].decode("latin-1")), key[1].decode("latin-1")
            manner = language, origin_of(self._services.limits, scope, host)
            if len(self._manners) >= _MOST_MANNERS:
                self._manners.clear()
            self._manners[key] = manner
        return manner

    def _whole_body(self, message: Message, headers: dict[bytes, bytes]) -> bytes:
        """The body, if it arrived in one piece and is not too large. Raises ValueError.

        The server sends `more_body` until it has seen the end. The declared length shows the end without another
        `receive`.
        """
        body: bytes = message.get("body", b"")
        if len(body) > min(self._services.limits.max_body_bytes, _LARGEST):
            raise ValueError
        if message.get("more_body") and headers.get(b"content-length") != b"%d" % len(body):
            raise ValueError
        return body

    def _is_plain(self, headers: dict[bytes, bytes]) -> bool:
        if headers.get(b"content-type") not in _PLAIN_TYPES or headers.get(b"accept") not in _PLAIN_ACCEPTS:
            return False
        if b"content-encoding" in headers:
            return False
        try:
            viewer = self._services.tokens.check(headers.get(b"authorization", b"").decode("latin-1"))
        except ClicktrailError:
            return False
        return viewer.scope in RECORDERS


def _again(message: Message | None, receive: Receive) -> Receive:
    """A `receive` that first returns `message`, if there is one."""
    waiting = [] if message is None else [message]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
