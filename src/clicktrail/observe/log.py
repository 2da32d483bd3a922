"""The log: one line for each event, as JSON or for people.

No line holds a token, a query string, a body or a contact: of a path only its template is kept.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TextIO

import msgspec

from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.times import render_second, render_time

_encode = msgspec.json.Encoder().encode
Line = Mapping[str, Any]
Request = tuple[str, str, int, float, str, float]
"""Method, route, status, seconds, id and time of an answered request."""


class Log:
    """Writes lines to `stream`: `json`, `text`, or no lines (`off`).

    A line for which the disk has no room is dropped: the log must not keep a request from its answer. For the same
    reason the lines of requests wait for `flush`.
    """

    def __init__(self, style: str, stream: TextIO, clock: Clock = SYSTEM_CLOCK) -> None:
        self._render = _RENDERERS.get(style)
        self._stream = stream
        self._clock = clock
        self._requests: list[Request] = []

    def info(self, event: str, **details: Any) -> None:
        """For events that an operator may want to know."""
        self._log("info", event, details)

    def warning(self, event: str, **details: Any) -> None:
        """For events that an operator should look at."""
        self._log("warning", event, details)

    def error(self, event: str, **details: Any) -> None:
        """For failures. `exc_info` is the exception."""
        self._log("error", event, details)

    def _log(self, level: str, event: str, details: dict[str, Any]) -> None:
        exceptions = list(_describe(details.pop("exc_info", None)))
        if exceptions:
            details["exceptions"] = exceptions
        self._write([{**details, "timestamp": render_time(self._clock.now_us()), "event": event, "level": level}])

    def request(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        if self._render is not None:
            self._requests.append((method, route, status, seconds, request_id, self._clock.unix_s()))

    def flush(self) -> None:
        """Writes the lines of the requests since the last call."""
        requests, self._requests = self._requests, []
        if requests:
            self._write(map(_request_line, requests))

    def _write(self, lines: Iterable[Line]) -> None:
        if self._render is None:
            return
        text = "".join(map(self._render, lines))
        with suppress(OSError):
            self._stream.write(text)
        with suppress(OSError):
            self._stream.flush()


def _request_line(request: Request) -> Line:
    method, route, status, seconds, request_id, moment = request
    details = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 2)}
    form = {"timestamp": render_second(int(moment)), "event": "request", "level": "info"}
    return {**details, "request_id": request_id, **form}


def _describe(error: BaseException | None) -> Iterable[Mapping[str, Any]]:
    """The types and places of an exception and its causes; never its text, which may quote what a person sent."""
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        yield {"type": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno}" for frame in frames]}
        error = error.__cause__


def _text_line(line: Line) -> str:
    """`2026-01-31T10:00:00+00:00 info request method=GET route=/r/{code} status=302 …`."""
    event = line["event"]
    details = [f"{key}={_word(value)}" for key, value in line.items() if key not in ("timestamp", "level", "event")]
    return " ".join([line["timestamp"], line["level"], event if event.isprintable() else repr(event), *details]) + "\n"


def _word(value: Any) -> str:
    """One printable word as it is, else quoted: no value can start a line or look like another key."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(value)


_RENDERERS: Mapping[str, Callable[[Line], str]] = {
    "json": lambda line: _encode(line).decode() + "\n",
    "text": _text_line,
}
