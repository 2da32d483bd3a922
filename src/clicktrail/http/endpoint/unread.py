"""Large answers: sent in pieces, as fast as their callers read. They are bounded in memory, and in time for each piece.

The server copies what it is given and keeps it until it is read. So it is given little at once.
"""

import asyncio

from starlette.types import Send

from clicktrail.http.endpoint.held import Held

PIECE_BYTES = 64 * 1024
"""A longer body is sent in pieces of this size."""


class Unread:
    """The bodies that are being sent. Gives up when a caller reads no piece for `idle_s` seconds."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self.held = Held("answers that are not read yet")

    async def send(self, body: bytes, send: Send) -> bool:
        """Sends a body. Returns False if the caller stopped reading: the answer is then incomplete."""
        for start in range(0, len(body), PIECE_BYTES):
            end = start + PIECE_BYTES
            piece = {"type": "http.response.body", "body": body[start:end], "more_body": end < len(body)}
            try:
                async with asyncio.timeout(self._idle_s):
                    await send(piece)
            except TimeoutError:
                return False
        return True
