"""A load generator: many keep-alive connections from one process of its own, one request at a time on each."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import NamedTuple, cast

import uvloop


class Load(NamedTuple):
    """What came of a load: answers a second, ms at the middle and at the 99th percentile, refusals."""

    rate: float
    p50_ms: float
    p99_ms: float
    failures: int


class Connection(asyncio.Protocol):
    """Sends the next request whenever an answer is complete; or at every `pause` seconds, if that is later.

    Times count from the moment at which a request was due, so one that had to wait for the answer before it is late.
    """

    def __init__(self, requests: Iterator[bytes], times: list[float], until: float, due: float, pause: float) -> None:
        self.requests, self.times, self.until = requests, times, until
        self.due, self.pause = due, pause
        self.buffer, self.failures, self.sent = b"", 0, 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.send_when_due()

    def send_when_due(self) -> None:
        ahead = self.due - time.perf_counter()
        if self.pause and ahead > 0:
            asyncio.get_running_loop().call_later(ahead, self.send)
        else:
            self.send()

    def send(self) -> None:
        self.sent = self.due if self.pause else time.perf_counter()
        self.due += self.pause
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        place = self.buffer.lower().find(b"content-length: ", 0, end)
        length = int(self.buffer[place + 16 : self.buffer.find(b"\r\n", place)])
        if len(self.buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        self.times.append(now - self.sent)
        self.failures += self.buffer[9:10] not in (b"2", b"3")
        self.buffer = b""
        if now < self.until:
            self.send_when_due()
        elif not self.done.done():
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed"))


async def generate(
    ports: list[int], requests: list[bytes], connections: int, seconds: float, rate: float = 0.0
) -> Load:
    """Runs the load in this process, the connections spread over the ports; `rate` bounds it to so many a second.

    The connections share the requests, one after the other and again from the first.
    """
    times: list[float] = []
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    pause = connections / rate if rate else 0.0
    following = cycle(requests)
    begin = started + 0.2  # by then all are connected

    def connect(number: int) -> Connection:
        return Connection(following, times, begin + seconds, begin + pause * number / connections, pause)

    pairs = [
        await loop.create_connection(partial(connect, number), "127.0.0.1", ports[number % len(ports)])
        for number in range(connections)
    ]
    await asyncio.gather(*[protocol.done for _, protocol in pairs])
    passed = time.perf_counter() - started
    times.sort()
    failures = sum(protocol.failures for _, protocol in pairs)
    return Load(len(times) / passed, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000, failures)


def run(
    ports: int | list[int], requests: bytes | list[bytes], connections: int, seconds: float = 4.0, rate: float = 0.0
) -> Load:
    """Runs the load in a process of its own."""
    ports = [ports] if isinstance(ports, int) else ports
    requests = [requests] if isinstance(requests, bytes) else requests
    task = json.dumps([ports, [each.decode("latin-1") for each in requests], connections, seconds, rate])
    done = subprocess.run([sys.executable, "-m", "bench.load"], input=task, capture_output=True, text=True, check=True)
    return Load(*json.loads(done.stdout))


def request_bytes(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A whole HTTP/1.1 request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{head}{kind}\r\n".encode() + body


def visit_bytes(path: str) -> bytes:
    """A visitor's request, as a browser sends it."""
    headers = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.5",
        "Accept-Encoding: gzip, deflate, br",
        "Referer: https://blog.example.org/",
    )
    return "\r\n".join((*headers, "\r\n")).encode()


if __name__ == "__main__":
    ports, texts, *numbers = json.loads(sys.stdin.read())
    print(json.dumps(uvloop.run(generate(ports, [text.encode("latin-1") for text in texts], *numbers))))
