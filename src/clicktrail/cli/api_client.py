"""A small HTTP client for commands while a running server has the store open. It imports no other module of ours."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

TIMEOUT_S = 60.0
_PIECE_BYTES = 256 * 1024


class ApiError(Exception):
    """The server could not be reached, or refused the request. The text gives the reason."""


class Client:
    """Calls the API at `base_url` (scheme, host and base path) with a bearer token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Sends one request and returns the decoded answer, or None for an empty one. Raises ApiError."""
        content = None if body is None else json.dumps(body).encode()
        with self._open(method, path, content, {"Content-Type": "application/json"}) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def post_lines(self, path: str, lines: bytes, prefer: str = "") -> Any:
        """Sends NDJSON and returns the decoded answer with a result for each line. Raises ApiError."""
        headers = {"Content-Type": "application/x-ndjson", **({"Prefer": prefer} if prefer else {})}
        with self._open("POST", path, lines, headers) as answer:
            return json.loads(answer.read())

    def download(self, path: str) -> Iterator[bytes]:
        """The answer in pieces. Raises ApiError."""
        with self._open("GET", path, None, {}) as answer:
            while piece := answer.read(_PIECE_BYTES):
                yield piece

    def _open(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", **headers}
        request = urllib.request.Request(self._base_url + path, content, headers, method=method)  # noqa: S310 - http
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - our own server
        except urllib.error.HTTPError as error:
            raise ApiError(_explain(error)) from None
        except OSError as error:
            raise ApiError(f"The server at {self._base_url} does not answer: {error}.") from None
        return answer


def _explain(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
    except ValueError:
        return f"The server answered {error.code}."
    mistakes = "; ".join(
        f"{item.get('pointer') or item.get('parameter')} {item['detail']}" for item in problem["errors"]
    )
    return f"{problem['detail']}{' ' + mistakes + '.' if mistakes else ''}"
