"""Callers who do not read ordinary answers: their connections end by themselves, and their memory is bounded."""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from clicktrail.http.endpoint.held import MOST_EACH_BYTES
from clicktrail.http.endpoint.streams import BODY_PIECE_BYTES, Streams
from tests.serving import Serving, serving
from tests.waiting import until

IDLE_S, HEADER_S, LATER_S = 2, 1, 30
CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}
BIG = "/clicks?filter[utmSource]=big&limit=1000"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    limits = {"idle_s": str(IDLE_S), "header_timeout_s": str(HEADER_S)}
    with serving(tmp_path_factory.mktemp("patient") / "data", **limits) as server:
        yield server


def asked(server: Serving, path: str, number: int = 1, token: str = "") -> socket.socket:
    """A connection whose requests are sent, and whose answers are not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect(("127.0.0.1", httpx.URL(server.url).port or 0))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode() * number)
    return connection


def rest(connection: socket.socket) -> int:
    """Reads what is left. Returns the number of bytes."""
    size = 0
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(1 << 20):
            size += len(piece)
    return size


def are_ended(server: Serving, connections: list[socket.socket]) -> bool:
    """Whether the server has none of these connections any more."""
    ours = f":{httpx.URL(server.url).port:04X} "
    lines = Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()
    theirs = [f":{each.getsockname()[1]:04X} 01 " for each in connections]
    return not any(ours in line and any(each in line for each in theirs) for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not end them")
def test_a_connection_whose_answers_are_not_read_ends(patient: Serving) -> None:
    """However much of them is in the buffers of the system, of the server, and not yet given to it."""
    paths = [("/openapi.json", number) for number in range(1, 9)] + [("/health", 20_000)]
    with ExitStack() as stack:
        opened = [stack.enter_context(asked(patient, path, number)) for path, number in paths]
        until(lambda: are_ended(patient, opened), "all are closed", IDLE_S + LATER_S + 30)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what a process holds")
def test_unread_answers_that_are_the_same_for_all_take_little_memory(patient: Serving) -> None:
    def resident_mb() -> int:
        [line] = [
            line for line in Path(f"/proc/{patient.process.pid}/status").read_text().splitlines() if "VmRSS" in line
        ]
        return int(line.split()[1]) // 1024

    size = len(httpx.get(f"{patient.url}/docs/swagger-ui-bundle.js").content)
    before, number, most = resident_mb(), 60, 0
    with ExitStack() as stack:
        opened = [stack.enter_context(asked(patient, "/docs/swagger-ui-bundle.js", 3)) for _ in range(number)]
        while not are_ended(patient, opened):
            most = max(most, resident_mb())
    assert most - before < number * size / 2 / 1e6


def test_an_answer_that_is_read_slowly_is_whole(patient: Serving) -> None:
    size = len(httpx.get(f"{patient.url}/openapi.json").content)
    with asked(patient, "/openapi.json", 6) as connection:
        time.sleep(IDLE_S / 2)
        got = 0
        while got < 6 * size:
            got += len(connection.recv(256 * 1024))
            time.sleep(0.01)


def test_unread_pages_of_one_caller_are_bounded(tmp_path: Path) -> None:
    click = CLICK | {"userAgent": "u" * 2_000, "referrer": "https://r.example/" + "r" * 2_000}
    rows = [click | {"uri": f"https://x.example/?utm_source=big&n={n}&a={'a' * 8_000}"} for n in range(1_000)]
    with serving(tmp_path / "data") as server, server.client() as api, server.client() as other, ExitStack() as stack:
        api.post("/clicks/batch", json=rows).raise_for_status()
        size, own = len(api.get(BIG).content), stack.enter_context(server.client())
        own.headers["Accept-Encoding"] = other.headers["Accept-Encoding"] = "identity"
        token = own.headers["Authorization"].removeprefix("Bearer ")
        opened = [stack.enter_context(asked(server, BIG, token=token)) for _ in range(MOST_EACH_BYTES // size + 1)]
        until(lambda: own.get(BIG).status_code == 429, "a limit is reached")
        assert len(other.get(BIG).json()) == 1_000
        assert own.get("/clicks?limit=5").status_code == 200
        assert own.post("/clicks/batch", json=[CLICK] * 5_000).status_code == 201, "what was stored is not refused"
        for each in opened:
            each.close()
        until(lambda: own.get(BIG).status_code == 200, "nothing is held any more")


def test_a_body_is_sent_in_pieces_that_the_caller_must_take() -> None:
    body, sent = bytes(3 * BODY_PIECE_BYTES + 1), list[tuple[int, bool]]()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append((len(message["body"]), bool(message["more_body"])))
        await asyncio.sleep(0 if len(sent) < 7 else 60)

    async def run() -> list[bool]:
        return [await Streams(0.05).send_body(body, send) for _ in range(2)]

    assert asyncio.run(run()) == [True, False]
    assert sent[:4] == [(BODY_PIECE_BYTES, True)] * 3 + [(1, False)]
