"""How a server stops: open requests are answered, then closed; at last the process ends in any case."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import click

from clicktrail.app import App
from clicktrail.errors import ClientLeft
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
        self._before = _Work(0, 0)
        self._answered: int | None = None
        self._cut_off = 0

    def begin(self, number: signal.Signals | None = None) -> None:
        """Starts stopping. Further calls do nothing."""
        if self._cutting is None:
            self._cause = f" after {number.name}" if number is not None else ""
            self._began, self._before = time.monotonic(), _count(self._app.services.observer.tally)
            self._cutting = asyncio.get_running_loop().create_task(self._cut())
            watchdog = threading.Timer(self._app.settings.stop_s + CLOSE_S, _end)
            watchdog.daemon = True
            watchdog.start()
            self._app.services.feed.close()  # streams without an end would hold up the stop
            self._stop()

    def end(self) -> None:
        """Called when no connection is open any more."""
        if self._cutting is not None:
            self._cutting.cancel()

    def describe(self, mark: str) -> str:
        """One line about the work since stopping began. Answers to connections that were closed do not count."""
        if self._cutting is None:
            return f"{mark}Clicktrail has stopped."
        now = _count(self._app.services.observer.tally)
        answered = (now.answers if self._answered is None else self._answered) - self._before.answers
        cut_off = f"{self._cut_off} connections closed before their answer, " if self._cut_off else ""
        return (
            f"{mark}Clicktrail has stopped{self._cause}: {answered} open requests answered, {cut_off}"
            f"{now.clicks - self._before.clicks} clicks stored, {time.monotonic() - self._began:.1f} seconds."
        )

    async def _cut(self) -> None:
        await asyncio.sleep(self._app.settings.stop_s)
        self._answered = _count(self._app.services.observer.tally).answers
        while True:
            self._app.services.streams.stop()
            self._cut_off = max(self._cut_off, cut_all(self._app.settings.port))
            await asyncio.sleep(_AGAIN_S)


class _Work(NamedTuple):
    """Requests that were answered completely, and clicks that were stored."""

    answers: int
    clicks: int


def _count(tally: Tally) -> _Work:
    left = sum(count for (_, _, status), count in tally.answers.items() if status == ClientLeft.status)
    return _Work(sum(tally.answers.values()) - left - tally.broken_off, tally.clicks["recorded"])


def _end() -> None:
    click.echo("The store did not close in time; the process ends without waiting for it.", err=True)
    os._exit(1)
