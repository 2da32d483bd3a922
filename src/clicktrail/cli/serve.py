"""`clicktrail serve`."""

import asyncio
import gc
import signal
import socket

import click
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from clicktrail.app import App, running
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.running import announced
from clicktrail.errors import StoreInUse
from clicktrail.settings import Settings, SettingsError

_BACKLOG = 2048
_GC_THRESHOLD = 50_000
"""Objects before a collection: requests make no cycles, so looking for them 70 times as often finds nothing."""


@click.command()
@setting_options()
def serve(**given: str) -> None:
    """Serve the API."""
    settings = read_settings(given)
    try:
        listener_check(settings)
        uvloop.run(serve_until_stopped(settings))
    except (StoreInUse, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"The server cannot start: {error.strerror or error} {error.filename or ''}"
        ) from None


def listener_check(settings: Settings) -> None:
    """Ends in one sentence if the port is taken, before the store is touched. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from None


async def serve_until_stopped(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then answers what is open, commits what was accepted, and closes the store."""
    async with running(settings) as app:
        server = Server(
            app.asgi,
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(pipeline_flush=True),
            websockets=False,
            backlog=_BACKLOG,
            log_enabled=False,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        url = f"http://{settings.host}:{settings.port}{settings.base_path.rstrip('/')}"
        # What is alive now stays: collections need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        with announced(settings, url):
            click.echo(welcome(app, url))
            await server.serve()
        gc.unfreeze()


def welcome(app: App, url: str) -> str:
    """What the operator reads at start."""
    data = app.settings.data
    return (
        f"Clicktrail serves {url}/\n"
        f"  docs   {url}/docs\n"
        f"  data   {app.settings.database_url()}\n"
        f"  geo    {app.geo.describe()}\n"
        f"  token  clicktrail token create --data {data}   (from this checkout: .venv/bin/clicktrail …)"
    )
