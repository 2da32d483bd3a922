"""What callers send and do not read takes bounded memory, and no caller takes it from the others."""

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from clicktrail.errors import TooManyRequests, Unavailable
from clicktrail.http.endpoint.held import MOST_EACH_BYTES, SMALL_BYTES, Held
from tests.serving import Serving, serving
from tests.waiting import until

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}
EACH = 60 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("held") / "data") as running:
        yield running


def test_a_caller_who_holds_nothing_else_is_not_refused() -> None:
    unit = SMALL_BYTES + 1
    held = Held("things", most=10 * unit, most_each=6 * unit)
    with held.hold("a") as a, held.hold("a") as also_a, held.hold("b") as b, held.hold("b") as also_b:
        for share, size in ((a, 4), (a, 6), (b, 4), (b, 54)):
            share.grow_to(size * unit)
        for share in (also_a, also_b):
            share.grow_to(SMALL_BYTES)
            with pytest.raises(TooManyRequests):
                share.grow_to(unit)
    with held.hold("a") as a, held.hold("b") as b, held.hold("b") as also_b:
        a.grow_to(9 * unit)
        b.grow_to(unit)
        with pytest.raises(Unavailable):
            also_b.grow_to(unit)
    with held.hold("b") as b, held.hold("b") as also_b:
        b.grow_to(3 * unit)
        also_b.grow_to(3 * unit)


def test_bodies_that_one_token_sends_at_once_are_bounded(server: Serving) -> None:
    """Each sends the most of a large batch, and keeps the rest back."""
    own, other = server.token("write"), server.token("write")
    with ExitStack() as stack:
        for _ in range(MOST_EACH_BYTES // EACH):
            stack.enter_context(begun(server, own))
        large = " " * (MOST_EACH_BYTES % EACH + 1)
        until(lambda: post(server, own, "/clicks/batch", large) == 429, "a limit is reached")
        for token in (own, other):
            assert post(server, token, "/clicks", CLICK) == 201
        assert post(server, other, "/clicks/batch", [CLICK | {"userAgent": "u" * 2_000}] * 500) == 201
        assert post(server, own, "/clicks/batch", large, is_gzipped=True) == 429
    until(lambda: post(server, own, "/clicks/batch", [CLICK] * 5_000) == 201, "nothing is held any more")


def begun(server: Serving, token: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0))
    connection.sendall(
        f"POST /clicks/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {EACH + 1}\r\n\r\n".encode()
    )
    connection.sendall(b" " * EACH)
    return connection


def post(server: Serving, token: str, path: str, body: object, is_gzipped: bool = False) -> int:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if is_gzipped:
        content, headers["Content-Encoding"] = gzip.compress(content), "gzip"
    return httpx.post(server.url + path, content=content, headers=headers, timeout=30).status_code
