"""A small server of the reference on loopback: lists with `limit` and `offset`, and tokens that are asked for."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

CLIENT_ID, CLIENT_SECRET, TOKEN = "moving", "s3cret", "t0ken"
LARGEST_PAGE = 7
"""Fewer than are asked for: a server has its own limit."""
Objects = Mapping[str, list[dict[str, Any]]]


@contextmanager
def reference_server(objects: Objects) -> Iterator[str]:
    """The base URL of a server of these lists, by path."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.answer(401, {})
                return
            url = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            start, limit = int(query.get("offset", 0)), min(int(query.get("limit", 10)), LARGEST_PAGE)
            self.answer(200, objects[url.path.strip("/")][start : start + limit])

        def do_POST(self) -> None:
            wanted = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            self.rfile.read(int(self.headers["Content-Length"]))
            is_known = self.headers["Authorization"] == f"Basic {wanted}"
            grant = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 600}
            self.answer(200 if is_known else 401, grant if is_known else {})

        def answer(self, status: int, content: Any) -> None:
            body = json.dumps(content, indent=2).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
