"""The id of a request: the caller's own X-Request-Id, or a new one. The answer and the log have it."""

import re
import secrets
from collections.abc import Iterable
from itertools import count

HEADER = "X-Request-Id"
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
    for name, value in headers:
        if name == b"x-request-id":
            if _is_well_formed(value):
                return value.decode("ascii")
            break
    return f"{_OWN}{next(_numbers):08x}"
