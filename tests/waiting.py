"""How a test waits: for something that it can ask about, and never without an end."""

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Asks again and again until it holds; a test fails where it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)
