"""Reads server-sent events as they come, as a browser does."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx


class Event(NamedTuple):
    kind: str
    data: Any
    id: str = ""


class Events:
    """An open stream. Waiting for more than the client's timeout fails."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments = 0
        self._lines = answer.iter_lines()

    def next(self) -> Event | None:
        """The next event; None at the end of the stream."""
        found: dict[str, str] = {}
        for line in self._lines:
            if line.startswith(":"):
                self.comments += 1
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
def following(
    client: httpx.Client, query: str = "", headers: Mapping[str, str] | None = None, wait_s: float = 10
) -> Iterator[Events]:
    """An open stream of `GET /live`, which has begun: clicks that are stored from now on arrive. The place of a stream
    that was left just now is free a moment later."""
    deadline = time.monotonic() + wait_s
    while True:
        with client.stream("GET", f"/live{query}", headers=headers or {}, timeout=wait_s) as answer:
            if answer.status_code in (429, 503) and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            assert answer.status_code == 200, answer.read()
            yield Events(answer)
            return
