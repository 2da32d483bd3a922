"""Wakes a task of an event loop from any thread."""

import asyncio
import contextlib


class Signal:
    """Who sets it need not know who waits, nor whether anyone does."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def set(self) -> None:
        """Ends the present or the next `wait`."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Begins to listen; forgets what was set before."""
        self._loop = asyncio.get_running_loop()
        self._event.clear()

    async def wait(self, most_s: float) -> None:
        """Returns once it is set, or after `most_s` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), most_s)
