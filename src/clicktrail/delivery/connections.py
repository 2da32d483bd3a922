"""Connections to partners' servers, kept for the next call. One call uses a connection at a time.

The library's pool scans all its connections for every request: with a hundred of them this took most of the time.
"""

import asyncio
import ssl

import httpcore

from clicktrail.delivery.lookups import Lookups
from clicktrail.delivery.targets import GuardedNetwork, Networks

_MAX_ANSWER_BYTES = 64 * 1024
"""Maximum bytes read of an answer, to reuse the connection. A longer answer closes the connection."""
_KEPT_S = 60.0
"""Seconds for which an idle connection is kept."""
_BROKEN = (httpcore.NetworkError, httpcore.RemoteProtocolError)


class Connections:
    """Keeps at most `most`. Certificates are verified with the machine's trust store (or `SSL_CERT_FILE`)."""

    def __init__(self, allowed: Networks, most: int, lookups: Lookups) -> None:
        self._network = GuardedNetwork(allowed, lookups)
        self._most = most
        self._idle: dict[str, list[httpcore.AsyncHTTPConnection]] = {}
        self._context: ssl.SSLContext | None = None

    async def send(self, request: httpcore.Request) -> int:
        """Sends a request; returns the status of the answer. Raises httpcore's errors, OSError and RefusedTarget."""
        kept = await self._find(request)
        if kept is not None:
            try:
                return await self._send_on(kept, request)
            except _BROKEN:  # the other side has just closed it, which cannot be known before
                pass
        return await self._send_on(await self._open(request.url.origin), request)

    async def close(self) -> None:
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                await connection.aclose()

    async def _find(self, request: httpcore.Request) -> httpcore.AsyncHTTPConnection | None:
        """The most recently used connection that is still open; closes ended ones."""
        connections = self._idle.get(str(request.url.origin), [])
        while connections:
            connection = connections.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _open(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        if self._context is None:  # at the first call: reading the certificates takes time
            self._context = await asyncio.to_thread(ssl.create_default_context)
        return httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._context, keepalive_expiry=_KEPT_S, network_backend=self._network
        )

    async def _send_on(self, connection: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> int:
        try:
            response = await connection.handle_async_request(request)
            size = 0
            async for piece in response.aiter_stream():
                size += len(piece)
                if size > _MAX_ANSWER_BYTES:
                    break
            await response.aclose()
        except BaseException:
            await connection.aclose()
            raise
        if connection.is_idle() and sum(map(len, self._idle.values())) < self._most:
            self._idle.setdefault(str(request.url.origin), []).append(connection)
        else:
            await connection.aclose()
        return response.status
