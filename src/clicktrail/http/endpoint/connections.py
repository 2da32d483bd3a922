"""Closes connections that the server cannot close by itself.

ASGI cannot say "this answer will not be finished". If an application stops sending, half a file looks whole. If it
waits for a caller who reads nothing, it waits forever. So this module closes the connection below the server.
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
"""SO_LINGER: unsent data is dropped, and the caller sees a reset."""


def cut(scope: Mapping[str, Any]) -> None:
    """Closes the connection of a request."""
    client, server = scope.get("client"), scope.get("server")
    if client and server:
        for connection in _accepted(int(server[1])):
            if _address(connection.getpeername()) == _address(client):
                _end(connection)


def cut_all(port: int) -> int:
    """Closes every connection to this port of ours. Returns their number."""
    return sum(_end(connection) for connection in _accepted(port))


def end_unread(port: int, seconds: float) -> bool:
    """Lets the system close each connection to this port of ours whose caller takes nothing for so long while data
    waits for it. Returns False if no socket listens there yet.

    The server itself waits without end for a caller who does not read the rest of an answer. Other systems than Linux
    have no such option.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return True
    is_found = False
    for each in _own(port):  # connections inherit the option of the socket that listens; some may have come before
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
        is_found = is_found or bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return is_found


def _accepted(port: int) -> Iterator[socket.socket]:
    """Every connection to a port of ours."""
    for each in _own(port):
        with contextlib.suppress(OSError):
            each.getpeername()  # fails for a listening socket
            yield each


def _own(port: int) -> Iterator[socket.socket]:
    """Every socket at a port of ours, as a second handle. The handle is closed before the next one is made."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - only the names are needed
        with contextlib.suppress(OSError):  # the connection was closed in the meantime
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                is_tcp = connection.family in _FAMILIES and connection.type == socket.SOCK_STREAM
                if is_tcp and connection.getsockname()[1] == port:
                    yield connection


def _end(connection: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        connection.shutdown(socket.SHUT_RDWR)
    return True


def _address(pair: Any) -> tuple[str, int]:
    return str(pair[0]).removeprefix("::ffff:"), int(pair[1])  # the server has the port as a text
