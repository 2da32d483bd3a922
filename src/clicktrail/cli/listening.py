"""How the server listens: how many connections it holds, how long it waits on them, how much it reads ahead."""

import resource
import socket

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from clicktrail.app import App
from clicktrail.settings import Settings, SettingsError

_BACKLOG = 2048
_MAX_HEAD_BYTES = 128 * 1024
"""Most that a connection buffers: longer headers get 431. URLs over 64 KiB get 414 from the library itself."""
_FEWEST = 16
_OTHER_FILES = 256
"""Files and sockets that the store, the log and postbacks need beside the connections."""


def listener_check(settings: Settings) -> None:
    """Ends in one sentence if the port is taken, before the store is touched. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "that is no name of a host"
            raise SettingsError(f"Cannot listen on {settings.host}:{settings.port}: {reason}.") from None


def make_server(app: App, settings: Settings) -> Server:
    """The HTTP server.

    Answers are not held back for requests that may follow on the connection (`pipeline_flush`): a client that sends as
    little as a line break after its request would wait for ever, and a refused one would see no answer.
    """
    return Server(
        app.asgi,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=settings.header_timeout_s * 1000,
            max_buffer_size=_MAX_HEAD_BYTES,
            pipeline_flush=False,
        ),
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_make_room(app, settings.max_connections),
        log_enabled=False,
    )


def _make_room(app: App, connections: int) -> int:
    """Raises the limit of open files as far as the connections need it; returns how many connections there may be.

    Otherwise connections that are not used could take the files that the store needs.
    """
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    if hard != resource.RLIM_INFINITY and hard < needed:
        needed = hard
        connections = max(hard - _OTHER_FILES, _FEWEST)
        app.log.warning("fewer connections: the limit of open files is low", limit=hard, connections=connections)
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return connections
