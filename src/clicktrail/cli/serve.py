"""`clicktrail serve`."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import click
import uvloop

from clicktrail.app import App, running
from clicktrail.checks.idle import idle_settings, unknown_variables
from clicktrail.choices import check_together, is_embedded
from clicktrail.cli.listening import check_port, limit_unread, make_server
from clicktrail.cli.mistakes import explain
from clicktrail.cli.options import read_settings, setting_options, warn
from clicktrail.cli.running import announced, browser_url
from clicktrail.cli.stopping import STOPPING, Stopping
from clicktrail.cli.version import describe_version
from clicktrail.cli.workers import HOPELESS, supervise
from clicktrail.errors import NewerStore, Unavailable
from clicktrail.keyring import KEY_FILE
from clicktrail.opening import check_keys, keys_of
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.objects.invitations import invite_first

_LOOK_S = 1.0
"""Seconds between a worker's checks that its parent still runs."""
_GC_THRESHOLD = 50_000
"""Objects before a garbage collection. Requests make no cycles, so more frequent collections would find nothing."""
_SWITCH_S = 0.001
"""How long a thread that wants the interpreter waits for one that computes. With Python's own 5 ms, a page beside
recording took 13 ms at the 99th percentile, and 8 with this (ADR 42)."""


@click.command()
@setting_options()
def serve(**given: str) -> None:
    """Start the server."""
    settings = read_settings(given)
    check_together(settings)
    open_engine_check(settings)
    check_port(settings)
    if is_embedded(settings):  # before the store is touched
        check_keys(settings, keys_of(settings, None))
    if settings.workers > 1:
        shutil.rmtree(tallies(settings), ignore_errors=True)
        supervise(settings, serve_as_worker)
    else:
        uvloop.run(serve_until_stopped(settings))


def serve_as_worker(settings: Settings, number: int) -> None:
    """One of several processes on the port. The first one prints the messages for all."""
    os.umask(0o077)
    try:
        uvloop.run(serve_until_stopped(settings, number))
    except (Unavailable, OSError) as error:
        click.echo(f"worker {number} cannot start: {explain(error)}", err=True)
        sys.exit(1)
    except (NewerStore, SettingsError) as error:
        click.echo(f"worker {number} cannot start: {explain(error)}", err=True)
        sys.exit(HOPELESS)


def open_engine_check(settings: Settings) -> None:
    """Checks that the settings do not contradict each other. Raises SettingsError."""
    if is_embedded(settings) and settings.workers > 1:
        raise SettingsError("Only one process can use the embedded store: set --workers to 1, or use PostgreSQL.")


def tallies(settings: Settings) -> Path:
    """Folder through which workers share their counts."""
    return Path(settings.data) / f"workers-{settings.port}"


async def serve_until_stopped(settings: Settings, worker: int = 0) -> None:
    """Serves until it is stopped. Then it answers open requests, commits accepted clicks, and closes the store."""
    async with running(settings) as app:
        if settings.workers > 1:
            app.services.observer.share(tallies(settings), worker)
        server = make_server(app, settings)
        stopping = Stopping(app, server.stop)
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, stopping.begin, number)
        url = f"http://{settings.host}:{settings.port}{settings.base_path.rstrip('/')}"
        # Objects that exist now are never freed: garbage collections can skip them.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        sys.setswitchinterval(_SWITCH_S)
        with announced(settings, url) if worker == 0 else contextlib.nullcontext():
            if worker == 0:
                click.echo(welcome(app, url))
                await offer_first_user(app)
                report_troubles(app)
            watching = asyncio.create_task(stop_with_parent(stopping.begin)) if settings.workers > 1 else None
            limiting = asyncio.create_task(limit_unread(settings))
            await server.serve()
            limiting.cancel()
            stopping.end()
            if watching is not None:
                watching.cancel()
        gc.unfreeze()
    click.echo(stopping.describe("" if settings.workers == 1 else f"Worker {worker}: "))


def report_troubles(app: App) -> None:
    """Reports problems that do not prevent serving: in the log, or on standard error if the log is off."""
    settings, engine = app.settings, app.store.engine
    key = Path(settings.data) / KEY_FILE
    app.log.info("serving", version=describe_version(), database=settings.shown_database())
    report = app.log.warning if settings.log != "off" else warn
    for trouble in (*unknown_variables(), *idle_settings(settings, is_embedded(settings))):
        report(f"{trouble}.")
    if is_embedded(settings) and stat.S_IMODE(key.stat().st_mode) & 0o077:
        report(f"Other users can read {key} and make tokens: chmod 600 {key}")
    if isinstance(engine, DuckdbEngine) and engine.damage:
        click.echo(f"WARNING: {engine.damage}", err=True)
        app.log.error(engine.damage)


async def offer_first_user(app: App) -> None:
    """While there is no admin, prints the link for the first one. What follows `#` reaches no log of a server."""
    made = await app.store.run(invite_first)
    if made is not None:
        click.echo(f"Set up the first user: {browser_url(app.settings)}/welcome#{made.token}")


async def stop_with_parent(stop: Callable[[], None]) -> None:
    """Stops a worker whose parent was killed, so that the port becomes free."""
    parent = multiprocessing.parent_process()  # the parent at the start of this process; it may have ended since
    while parent is not None and os.getppid() == parent.pid:
        await asyncio.sleep(_LOOK_S)
    stop()


def welcome(app: App, url: str) -> str:
    """The text that the operator sees at start."""
    data = app.settings.data
    store = f" --data {data}" if is_embedded(app.settings) else ""
    return (
        f"Clicktrail {describe_version()} serves {url}/\n"
        f"  pages  {url}/dashboard\n"
        f"  docs   {url}/docs\n"
        f"  data   {app.settings.shown_database()}\n"
        f"  geo    {app.geo.describe()}\n"
        f"  token  clicktrail token create{store}   (from this checkout: .venv/bin/clicktrail …)"
    )
