"""Wakes a task of an event loop from any thread."""

import asyncio
import contextlib


class Signal:
    """The sender does not know whether anyone waits."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def set(self) -> None:
        """Ends the current or next `wait`."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Starts listening; forgets earlier signals."""
        self._loop = asyncio.get_running_loop()
        self._event.clear()

    async def wait(self, most_s: float) -> None:
        """Returns when the signal is set, or after `most_s` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), most_s)
