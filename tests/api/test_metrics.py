"""What Prometheus reads stays small and whole, whatever is sent."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.serving import Serving


def send(server: Serving, method: str, path: str) -> int:
    """A request of any method; the status of its answer."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(client.recv(65536).split()[1])


def test_unknown_methods_and_paths_are_no_labels(server: Serving, api: httpx.Client) -> None:
    for number in range(40):
        for path in ("/clicks", "/links/0123456789abcdef01234567", "/r/nothing"):
            assert send(server, f"METHOD{number}", path) in (401, 404, 405)
        assert send(server, "GET", f"/nothing/{number}") == 404
        assert send(server, "GET", f"/r/nothing{number}") == 404
    text = api.get("/metrics").text
    methods = set(re.findall(r'method="([^"]*)"', text))
    assert "OTHER" in methods
    assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"}
    assert "nothing" not in text
    assert "METHOD" not in server.log.read_text()


def test_metrics_are_whole_while_requests_are_counted(api: httpx.Client) -> None:
    def read(_: int) -> None:
        text = api.get("/metrics").text
        total = sum(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("clicktrail_requests_total")
        )
        timed = sum(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("clicktrail_request_seconds_count")
        )
        assert total == timed > 0

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(40)))
