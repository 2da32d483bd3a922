"""`clicktrail serve`."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import click
import uvloop

from clicktrail.app import App, is_embedded, running
from clicktrail.cli.listening import make_server
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.running import announced
from clicktrail.cli.stopping import Stopping
from clicktrail.cli.workers import supervise
from clicktrail.errors import StoreInUse, Unavailable
from clicktrail.settings import Settings, SettingsError

_LOOK_S = 1.0
"""How often a worker looks whether its parent is still there."""
_GC_THRESHOLD = 50_000
"""Objects before a collection: requests make no cycles, so looking for them 70 times as often finds nothing."""


@click.command()
@setting_options()
def serve(**given: str) -> None:
    """Serve the API."""
    settings = read_settings(given)
    try:
        open_engine_check(settings)
        listener_check(settings)
        if settings.workers > 1:
            shutil.rmtree(tallies(settings), ignore_errors=True)
            supervise(settings, serve_as_worker)
        else:
            uvloop.run(serve_until_stopped(settings))
    except (StoreInUse, Unavailable, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"The server cannot start: {error.strerror or error} {error.filename or ''}"
        ) from None


def serve_as_worker(settings: Settings, number: int) -> None:
    """One of several processes on the port. The first one speaks for all."""
    os.umask(0o077)
    try:
        uvloop.run(serve_until_stopped(settings, number))
    except (Unavailable, OSError) as error:
        click.echo(f"worker {number} cannot start: {error}", err=True)
        sys.exit(1)


def open_engine_check(settings: Settings) -> None:
    """Ends in one sentence if the settings contradict each other. Raises SettingsError."""
    if is_embedded(settings) and settings.workers > 1:
        raise SettingsError("The embedded store is owned by one process: --workers must be 1, or the store PostgreSQL.")


def tallies(settings: Settings) -> Path:
    """Where workers leave their counts for each other."""
    return Path(settings.data) / f"workers-{settings.port}"


def listener_check(settings: Settings) -> None:
    """Ends in one sentence if the port is taken, before the store is touched. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from None


async def serve_until_stopped(settings: Settings, worker: int = 0) -> None:
    """Serves until SIGTERM or SIGINT, then answers what is open, commits what was accepted, and closes the store."""
    async with running(settings) as app:
        if settings.workers > 1:
            app.services.observer.share(tallies(settings), worker)
        server = make_server(app, settings)
        stopping = Stopping(app, server.stop)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.begin)
        url = f"http://{settings.host}:{settings.port}{settings.base_path.rstrip('/')}"
        # What is alive now stays: collections need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        with announced(settings, url) if worker == 0 else contextlib.nullcontext():
            if worker == 0:
                click.echo(welcome(app, url))
            ending = asyncio.create_task(stop_with_parent(stopping.begin)) if settings.workers > 1 else None
            await server.serve()
            stopping.end()
            if ending is not None:
                ending.cancel()
        gc.unfreeze()


async def stop_with_parent(stop: Callable[[], None]) -> None:
    """Ends a worker whose parent was killed, so that it does not keep the port."""
    parent = multiprocessing.parent_process()  # as it was when this process was made: it may be gone by now
    while parent is not None and os.getppid() == parent.pid:
        await asyncio.sleep(_LOOK_S)
    stop()


def welcome(app: App, url: str) -> str:
    """What the operator reads at start."""
    data = app.settings.data
    store = f" --data {data}" if is_embedded(app.settings) else ""
    return (
        f"Clicktrail serves {url}/\n"
        f"  docs   {url}/docs\n"
        f"  data   {app.settings.shown_database()}\n"
        f"  geo    {app.geo.describe()}\n"
        f"  token  clicktrail token create{store}   (from this checkout: .venv/bin/clicktrail …)"
    )
