"""Ends connections that the server cannot end by itself.

ASGI has no word for "this answer will not be finished": an application that stops sending makes half a file look whole,
and one that waits for a client who reads nothing waits for ever. So the connection is cut below the server.
"""

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from typing import Any

_DESCRIPTORS = "/dev/fd"
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: what was not sent yet is dropped, and the client told."""


def cut(scope: Mapping[str, Any]) -> None:
    """Ends the connection that a request came on."""
    client, server = scope.get("client"), scope.get("server")
    if client and server:
        for connection in _accepted(int(server[1])):
            if _address(connection.getpeername()) == _address(client):
                _end(connection)


def cut_all(port: int) -> int:
    """Ends every connection to this port of ours; returns how many there were."""
    return sum(_end(connection) for connection in _accepted(port))


def _accepted(port: int) -> Iterator[socket.socket]:
    """Every connection to a port of ours, as a second handle on it, which is closed after its turn."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - names are all that is wanted
        with contextlib.suppress(OSError):  # it was closed meanwhile
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family in _FAMILIES and connection.getsockname()[1] == port:
                    connection.getpeername()  # fails for a socket that listens
                    yield connection


def _end(connection: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        connection.shutdown(socket.SHUT_RDWR)
    return True


def _address(pair: Any) -> tuple[str, int]:
    return str(pair[0]).removeprefix("::ffff:"), int(pair[1])  # the server has the port as a text
