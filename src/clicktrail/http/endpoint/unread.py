"""Large answers: sent in pieces, as fast as their callers read. They are bounded in memory, and in time for each piece.

The server copies what it is given and keeps it until it is read. So it is given little at once.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Send

from clicktrail.errors import TooManyRequests, Unavailable

PIECE_BYTES = 64 * 1024
"""A longer body is sent in pieces of this size."""
MOST_BYTES, MOST_EACH_BYTES = 256 << 20, 128 << 20
"""All bodies that were made for callers and are not read yet, and those of one caller. The largest page of clicks has
some 13 MB."""
_RETRY = {"Retry-After": "5"}


class Unread:
    """Counts the bytes of bodies that are being sent. Gives up when a caller reads no piece for `idle_s` seconds."""

    def __init__(self, idle_s: float, most: int = MOST_BYTES, most_each: int = MOST_EACH_BYTES) -> None:
        self._idle_s = idle_s
        self._most = most
        self._most_each = most_each
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, asker: str, size: int) -> Iterator[None]:
        """Counts a body while the block runs. A caller without another one always gets it. Raises TooManyRequests,
        Unavailable."""
        if self._held[asker]:
            if self._held[asker] + size > self._most_each:
                raise TooManyRequests(
                    "You have too many answers that you did not read yet; read them first.", (), _RETRY
                )
            if self._held.total() + size > self._most:
                raise Unavailable("Too many answers were not read yet.", (), _RETRY)
        self._held[asker] += size
        try:
            yield
        finally:
            self._held[asker] -= size
            self._held += Counter()  # drops callers without an answer

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
