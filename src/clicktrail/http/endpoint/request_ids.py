"""The id of a request: the caller's own X-Request-Id, or a new one. It is in the answer and in the log."""

import re
import secrets
from collections.abc import Iterable
from itertools import count

HEADER = "X-Request-Id"
PATTERN = "^[A-Za-z0-9._~:/+=@-]{1,128}$"
"""An id that is taken from a caller: nothing that could break a header or a log line."""
_is_well_formed = re.compile(PATTERN.replace("$", r"\Z").encode()).match
_OWN = secrets.token_hex(6)
"""This process; a count follows it."""
_numbers = count(1)


def find_request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that the caller sent, if it is well-formed, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            if _is_well_formed(value):
                return value.decode("ascii")
            break
    return f"{_OWN}{next(_numbers):08x}"
