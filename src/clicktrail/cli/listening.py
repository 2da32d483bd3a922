"""How the server listens: number of connections, timeouts and buffer sizes."""

import asyncio
import errno
import resource
import socket
from urllib.parse import urlsplit

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from clicktrail.app import App
from clicktrail.cli.running import Running, find_running
from clicktrail.http.endpoint.connections import end_unread
from clicktrail.settings import Settings, SettingsError

_USED = "Stop the process that uses the port, or set another port by --port or CLICKTRAIL_PORT. Example: --port 8001."
_WRONG = "Set an address of this machine by --host, and a port that this user may open by --port."
_BACKLOG = 2048
_MAX_HEAD_BYTES = 128 * 1024
"""Maximum bytes that a connection buffers; longer headers get 431. The library answers URLs over 64 KiB with 414."""
_FEWEST = 16
_LATER_S = 30.0
"""The system ends a connection so many seconds later than the server does. A live stream with few clicks notices late
that no one reads it."""
_LOOK_S, _ACCEPTED_S = 0.05, 1.0
"""Seconds between two looks whether the server listens. Seconds in which it accepts the callers who came before."""
_OTHER_FILES = 256
"""Files and sockets that the store, the log and postbacks need in addition to the connections."""


def check_port(settings: Settings) -> None:
    """Checks that the port is free, before the store is opened. Raises SettingsError."""
    trouble, solution = find_trouble(settings)
    if trouble:
        own = find_own(settings)
        if own is not None:
            solution = (
                f"The server of this data directory is running already, and uses it: {own.url}, process {own.pid}."
            )
        raise SettingsError(f"{trouble} {solution}")


def find_own(settings: Settings) -> Running | None:
    """The running server of this data directory, if it uses the port."""
    server = find_running(settings)
    return server if server is not None and urlsplit(server.url).port == settings.port else None


def find_trouble(settings: Settings) -> tuple[str, str]:
    """Why the server cannot listen on its port, and the solution; both are empty if it can."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "this is not a host name"
            is_used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            return f"Cannot listen on {settings.host}:{settings.port}: {reason}.", _USED if is_used else _WRONG
    return "", ""


def make_server(app: App, settings: Settings) -> Server:
    """The HTTP server.

    Answers are sent without waiting for a following request (`pipeline_flush` is off). With it, a caller that sends a
    line break after its request would wait without end, and a refused caller would get no answer.
    """
    return Server(
        app.asgi,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=settings.header_timeout_s * 1000, max_buffer_size=_MAX_HEAD_BYTES, pipeline_flush=False
        ),
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_make_room(app, settings.max_connections),
        log_enabled=False,
    )


async def limit_unread(settings: Settings) -> None:
    """Bounds how long a caller may leave an answer unread, as soon as the server listens. The server itself ends files
    and large answers a little earlier, and writes that into the log."""
    while not end_unread(settings.port, settings.idle_s + _LATER_S):
        await asyncio.sleep(_LOOK_S)
    await asyncio.sleep(_ACCEPTED_S)
    end_unread(settings.port, settings.idle_s + _LATER_S)


def _make_room(app: App, connections: int) -> int:
    """Raises the limit of open files to what the connections need; returns the number of possible connections.

    Otherwise idle connections could use up the file descriptors that the store needs.
    """
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    if hard != resource.RLIM_INFINITY and hard < needed:
        needed = hard
        connections = max(hard - _OTHER_FILES, _FEWEST)
        app.log.warning(
            "The limit of open files is too low for CLICKTRAIL_MAX_CONNECTIONS; the server holds fewer connections",
            limit=hard,
            connections=connections,
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return connections
