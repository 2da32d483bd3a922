"""How a server stops: open requests are answered, then closed; at last the process ends in any case."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable

import click

from clicktrail.app import App
from clicktrail.http.endpoint.connections import cut_all
from clicktrail.observe.counts import Tally

CLOSE_S = 10.0
"""Seconds for storing accepted clicks and closing the store, after the last connection has closed."""
_AGAIN_S = 0.2
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGHUP too: it comes from a closed terminal, or from someone who expects a reload; the server stops cleanly."""


class Stopping:
    """Started by a signal. `stop` makes the server accept no new connections and wait for open requests.

    After `stop_s` seconds open connections are closed. `CLOSE_S` seconds later the process ends in any case.
    """

    def __init__(self, app: App, stop: Callable[[], None]) -> None:
        self._app = app
        self._stop = stop
        self._cutting: asyncio.Task[None] | None = None
        self._cause = ""
        self._began = 0.0
        self._counted = (0, 0)

    def begin(self, number: signal.Signals | None = None) -> None:
        """Starts stopping. Further calls do nothing."""
        if self._cutting is None:
            self._cause = f" after {number.name}" if number is not None else ""
            self._began, self._counted = time.monotonic(), _count(self._app.services.observer.tally)
            self._cutting = asyncio.get_running_loop().create_task(self._cut())
            watchdog = threading.Timer(self._app.settings.stop_s + CLOSE_S, _end)
            watchdog.daemon = True
            watchdog.start()
            self._stop()

    def end(self) -> None:
        """Called when no connection is open any more."""
        if self._cutting is not None:
            self._cutting.cancel()

    def describe(self, mark: str) -> str:
        """One line about the answers and clicks since stopping began."""
        if self._cutting is None:
            return f"{mark}Clicktrail has stopped."
        now = _count(self._app.services.observer.tally)
        answers, clicks = (count - before for count, before in zip(now, self._counted, strict=True))
        return (
            f"{mark}Clicktrail has stopped{self._cause}: {answers} open requests answered, "
            f"{clicks} clicks stored, {time.monotonic() - self._began:.1f} seconds."
        )

    async def _cut(self) -> None:
        await asyncio.sleep(self._app.settings.stop_s)
        while True:
            self._app.services.streams.stop()
            cut_all(self._app.settings.port)
            await asyncio.sleep(_AGAIN_S)


def _count(tally: Tally) -> tuple[int, int]:
    return sum(tally.answers.values()), tally.clicks["recorded"]


def _end() -> None:
    click.echo("The store did not close in time; the process ends without waiting for it.", err=True)
    os._exit(1)
