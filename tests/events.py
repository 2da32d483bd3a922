"""Reads server-sent events as they come, as a browser does."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

PATIENCE_S = 30
"""How long an event, or the place of a stream, is waited for. The server sends a comment every 15 seconds."""


class Event(NamedTuple):
    kind: str
    data: Any
    id: str = ""


class Events:
    """An open stream. A test fails where nothing but comments comes."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> Event | None:
        """The next event; None at the end of the stream."""
        found: dict[str, str] = {}
        deadline = time.monotonic() + PATIENCE_S
        for line in self._lines:
            if line.startswith(":"):
                assert time.monotonic() < deadline, "no event came"
            elif line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif "data" in found:
                return Event(found["event"], json.loads(found["data"]), found.get("id", ""))
            else:
                found = {}
        return None

    def clicks(self, count: int) -> list[dict[str, Any]]:
        """The clicks of the next `count` events, which are all of clicks."""
        found = [self.next() for _ in range(count)]
        assert all(event is not None and event.kind == "click" and event.id == event.data["clickId"] for event in found)
        return [event.data for event in found if event is not None]


@contextmanager
def following(client: httpx.Client, query: str = "", headers: Mapping[str, str] | None = None) -> Iterator[Events]:
    """An open stream of `GET /live`, which has begun: clicks that are stored from now on arrive. The place of a stream
    that was left just now is free a moment later."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with client.stream("GET", f"/live{query}", headers=headers or {}, timeout=PATIENCE_S) as answer:
            if answer.status_code in (429, 503) and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            assert answer.status_code == 200, answer.read()
            yield Events(answer)
            return
