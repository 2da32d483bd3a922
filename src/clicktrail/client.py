"""A small HTTP client for the command line, when a running server owns the store. Imports nothing of ours."""

import json
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_S = 10.0


class ApiError(Exception):
    """The server could not be reached, or refused; the text says which and why."""


class Client:
    """Calls the API at `base_url` (scheme, host and base path) with a bearer token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Sends one request and returns the decoded answer, None where there is none. Raises ApiError."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base_url + path, content, headers, method=method)  # noqa: S310 - http
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - our own server's address
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(_explain(error)) from None
        except OSError as error:
            raise ApiError(f"The server at {self._base_url} does not answer: {error}.") from None
        return json.loads(text) if text else None


def _explain(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
    except ValueError:
        return f"The server answered {error.code}."
    mistakes = "; ".join(
        f"{item.get('pointer') or item.get('parameter')} {item['detail']}" for item in problem["errors"]
    )
    return f"{problem['detail']}{' ' + mistakes + '.' if mistakes else ''}"
