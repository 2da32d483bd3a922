"""The ceiling: a raw ASGI application on the same server and event loop, answering the same body without any work."""

import sys

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server


def make_app(body: bytes):
    """Answers every request with `body`."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope, receive, send) -> None:  # noqa: ARG001
        await receive()
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def serve(port: int, size: int) -> None:
    """Serves until it is killed."""
    server = Server(
        make_app(b"x" * size),
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
