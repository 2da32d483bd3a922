"""Sends answers in pieces, as fast as the caller reads them. Stops when the caller leaves."""

import asyncio
import os
from collections.abc import AsyncGenerator
from enum import Enum

from starlette.types import Send

_PIECE_BYTES = 256 * 1024
BODY_PIECE_BYTES = 64 * 1024
"""The server copies what it is given and keeps it until it is read. So it is given little of a large body at once."""


class End(Enum):
    WHOLE = "whole"
    LEFT = "the caller left"
    IDLE = "the caller stopped reading"
    STOPPED = "the server is stopping"


async def read_pipe(source: int) -> AsyncGenerator[bytes, None]:
    """The content of a pipe, in pieces, until its writers close it. No thread waits for it."""
    os.set_blocking(source, False)
    while True:
        try:
            piece = os.read(source, _PIECE_BYTES)
        except BlockingIOError:
            await _readable(source)
            continue
        if not piece:
            return
        yield piece
        await asyncio.sleep(0)  # otherwise a fast pipe and a fast caller would block other tasks


async def _readable(source: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(source, _set, ready)
    try:
        await ready
    finally:
        loop.remove_reader(source)


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


class Streams:
    """Sends answers in pieces. Gives up when a caller reads nothing for `idle_s` seconds."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._sending: dict[asyncio.Task[None], asyncio.Future[None]] = {}

    async def send(self, stream: AsyncGenerator[bytes, None], leaving: asyncio.Task[None], send: Send) -> End:
        """Sends a stream until the caller is `leaving`, and always closes it. Raises the stream's own errors."""
        sending = asyncio.create_task(self._send(stream, send))
        self._sending[sending] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            has_left = not sending.done()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait((sending, leaving))
            try:
                await stream.aclose()
            finally:
                self._sending.pop(sending).set_result(None)
        if has_left:
            return End.LEFT
        if sending.cancelled():
            return End.STOPPED
        error = sending.exception()
        if error is None:
            return End.WHOLE
        if isinstance(error, TimeoutError):
            return End.IDLE
        raise error

    def stop(self) -> None:
        for sending in self._sending:
            sending.cancel()

    async def close(self) -> None:
        """Stops all streams, and waits until they have ended."""
        self.stop()
        if self._sending:
            await asyncio.wait(list(self._sending.values()))

    async def _send(self, stream: AsyncGenerator[bytes, None], send: Send) -> None:
        async for piece in stream:
            await self._send_piece(piece, True, send)

    async def send_body(self, body: bytes, send: Send) -> bool:
        """Sends a body in pieces. Returns False if the caller stopped reading: the answer is then incomplete."""
        try:
            for start in range(0, len(body), BODY_PIECE_BYTES):
                end = start + BODY_PIECE_BYTES
                await self._send_piece(body[start:end], end < len(body), send)
        except TimeoutError:
            return False
        return True

    async def _send_piece(self, piece: bytes, has_more: bool, send: Send) -> None:
        async with asyncio.timeout(self._idle_s):
            await send({"type": "http.response.body", "body": piece, "more_body": has_more})
