"""A partner's server that postbacks are sent to: HTTPS on loopback, by an authority that only the tests trust."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import trustme

from tests.waiting import until


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    """Of the connection, by which one is told from another."""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))


@dataclass
class Receiver:
    """What came, by path; `answers` are given in turn, and 200 when they are used up."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    pause_s: float = 0.0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        return [each for each in self.received if urlsplit(each.path).path == path]

    def wait(self, path: str, count: int, timeout_s: float = 60.0) -> list[Received]:
        until(lambda: len(self.at(path)) >= count, f"{count} came to {path}", timeout_s)
        return self.at(path)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: in two, TCP would wait for the other side

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            time.sleep(receiver.pause_s)
            receiver.received.append(Received(self.command, self.path, headers, body, self.client_address[1]))
            answers = receiver.answers.get(urlsplit(self.path).path, [])
            status = answers.pop(0) if answers else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.url("/elsewhere"))
            answer = b"ok" * (1_000_000 if self.path == "/large" else 1)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.close_connection = self.close_connection or self.path == "/close"

        do_GET = do_POST = _take  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # read when the server begins to listen; with 5, a burst of postbacks waits for seconds


@contextmanager
def receiving(folder: Path) -> Iterator[tuple[Receiver, Path]]:
    """A receiver, and the file with the authority that it is to be trusted by."""
    authority = trustme.CA()
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    receiver = Receiver()
    server = _Server(("127.0.0.1", 0), _handler(receiver))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver, trusted
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
