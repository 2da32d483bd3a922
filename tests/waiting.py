"""How a test waits: for something that it can ask about, and never without an end."""

import time
from collections.abc import Callable

from clicktrail.model.ids import created_s


def until(holds: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Asks again and again until it holds; a test fails where it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


def until_later_than(object_id: str) -> None:
    """Returns in a later second than that of an id: within one second, ids of two processes have no order."""
    until(lambda: time.time() >= created_s(object_id) + 1, "the next second")
