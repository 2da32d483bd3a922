"""One attempt to tell a partner's server: signed, bounded in time and size, and never led elsewhere."""

import asyncio
import ssl
import time
from typing import NamedTuple

import can_ada
import httpcore

from clicktrail import __version__
from clicktrail.delivery.signing import sign
from clicktrail.delivery.targets import GuardedNetwork, Networks, RefusedTarget
from clicktrail.model.postbacks import Message, render_body, render_uri
from clicktrail.store.deliveries import Target

_MAX_ANSWER_BYTES = 64 * 1024
"""What is read of an answer, so that the connection can be used again; a longer one costs the connection."""
_MAX_ERROR = 255
_KEPT_S = 60.0
"""How long a connection is kept that nothing is sent on."""
_GONE = 410
"""The partner says that nothing will ever be taken here again (Standard Webhooks)."""


class Attempt(NamedTuple):
    """What came of it: delivered if there is no error. A final one would come out no better another time."""

    uri: str
    response_status: int | None
    error: str | None
    is_final: bool
    seconds: float


class Caller:
    """Calls the servers of partners. Certificates are checked by what the machine trusts (`SSL_CERT_FILE` counts)."""

    def __init__(self, allowed: Networks, timeout_s: float, connections: int) -> None:
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._connections = connections
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def call(self, target: Target, message: Message) -> Attempt:
        """Tells it once. Never raises for what the other side does."""
        started = time.monotonic()
        uri = render_uri(target.uri, message)
        status, error, is_final = None, None, False
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._send(_request(uri, target, message))
        except RefusedTarget as refused:
            error, is_final = str(refused), True
        except (TimeoutError, httpcore.TimeoutException):
            error = f"no answer within {self._timeout_s:g} s"
        except (httpcore.NetworkError, OSError) as failed:
            error = f"cannot be reached: {failed}"
        except Exception as failed:  # noqa: BLE001 - whatever the other side brings about is told, and tried again
            error = f"cannot be talked to: {type(failed).__name__}: {failed}"
        if status is not None and not 200 <= status < 300:
            error, is_final = f"answered {status}", status == _GONE
        return Attempt(uri, status, error and error[:_MAX_ERROR], is_final, time.monotonic() - started)

    async def close(self) -> None:
        """Ends the connections that are kept."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _send(self, request: httpcore.Request) -> int:
        response = await (await self._open()).handle_async_request(request)
        try:
            size = 0
            async for piece in response.aiter_stream():
                size += len(piece)
                if size > _MAX_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
        return response.status

    async def _open(self) -> httpcore.AsyncConnectionPool:
        """The connections; made with the first call, because reading the machine's certificates takes a while."""
        if self._pool is None:
            context = await asyncio.to_thread(ssl.create_default_context)
            self._pool = self._pool or httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=self._connections,
                keepalive_expiry=_KEPT_S,
                network_backend=GuardedNetwork(self._allowed),
            )
        return self._pool


def _request(uri: str, target: Target, message: Message) -> httpcore.Request:
    """A POST is signed by its body. A GET has none, so what is signed is its path with the query."""
    parsed = can_ada.parse(uri)
    path = (parsed.pathname + parsed.search).encode()
    body = render_body(message) if target.method == "POST" else b""
    headers = {
        "host": parsed.host,
        "user-agent": f"Clicktrail/{__version__}",
        "accept": "*/*",
        **sign(target.secret, message.delivery_id, int(time.time()), body or path),
    }
    if body:
        headers |= {"content-type": "application/json", "content-length": str(len(body))}
    host = parsed.hostname.strip("[]").encode()
    url = httpcore.URL(scheme=b"https", host=host, port=int(parsed.port or 443), target=path)
    return httpcore.Request(target.method, url, headers=list(headers.items()), content=body)
