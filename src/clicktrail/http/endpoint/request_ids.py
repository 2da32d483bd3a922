"""The id of a request: the caller's own X-Request-Id, or a new one. The answer and the log have it."""

import re
import secrets
from collections.abc import Iterable
from itertools import count

HEADER = "X-Request-Id"
NAME = HEADER.lower().encode()
"""As ASGI spells it."""
OWN_ID = "clicktrail.request_id"
"""The key of a request's id in its ASGI scope."""
PATTERN = "^[A-Za-z0-9._~:/+=@-]{1,128}$"
"""An id that a caller may choose: it cannot break a header or a log line."""
_is_well_formed = re.compile(PATTERN.replace("$", r"\Z").encode()).match
_OWN = secrets.token_hex(6)
"""Identifies this process; a counter follows it."""
_numbers = count(1)


def find_request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's id if it is well-formed, else a new one."""
    return choose_request_id(next((value for name, value in headers if name == NAME), None))


def choose_request_id(sent: bytes | None) -> str:
    """The id that a caller sent if it is well-formed, else a new one."""
    if sent is not None and _is_well_formed(sent):
        return sent.decode("ascii")
    return f"{_OWN}{next(_numbers):08x}"
