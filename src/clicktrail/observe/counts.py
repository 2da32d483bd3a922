"""What is told of requests: one log line each, and metrics for Prometheus.

No line holds a token, a query string, a body or a contact: of a path only its template is kept.
"""

import asyncio
import io
import sys
import time
import traceback
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from clicktrail.delivery.targets import is_public
from clicktrail.model.times import render_second
from clicktrail.observe.gauges import Gauges

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_INFO = 20
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""Methods that logs and metrics name; a client may send any word, and each would be a time series for ever."""
_Kept = tuple[str, str, int, float, str, float]
"""Method, route, status, seconds, id and moment of a request, of which its log line is made later."""
_SHARE_S = 0.5
"""How often a worker tells the others what it has counted."""
CLICK_OUTCOMES = ("recorded", "repeated", "refused", "limited", "lost")
POSTBACK_OUTCOMES = ("delivered", "failed", "dead")
"""All are told from the start, as 0: a counter that appears with 1 is no increase to Prometheus."""
_LOSSES = frozenset({"limited", "lost"})
"""What became of clicks that are nowhere, although a visitor was there."""
_LOSS_S = 60.0
"""How often the log tells of each of them."""


class _LossyStream(io.TextIOBase):
    """Writes to a stream, and drops what its disk has no room for: that must keep no request from its answer."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, or does not."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes, or does not."""
        with suppress(OSError):
            self._stream.flush()


def make_log(style: str, stream: Any) -> Any:
    """A logger onto `stream`: `json` lines, `text`, or nothing (`off`)."""
    json_line = structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event).decode())
    renderer = json_line if style == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    factory = structlog.WriteLoggerFactory(stream) if style != "off" else structlog.ReturnLoggerFactory()
    return structlog.wrap_logger(
        factory(),
        processors=[structlog.processors.add_log_level, stamp, _tell_exception, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_INFO),
        cache_logger_on_first_use=True,
    )


def _tell_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """An exception's types and places; never its text, which may quote what a person sent."""
    error = event.pop("exc_info", None)
    told = []
    while isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        told.append({"type": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno}" for frame in frames]})
        error = error.__cause__
    return {**event, "exceptions": told} if told else event


def method_label(method: str) -> str:
    """A request's method as logs and metrics name it."""
    return method if method in _METHODS else "OTHER"


class RequestLine(msgspec.Struct):
    """The log line of a request, in the form of the other lines; a struct, because there is one for every click."""

    method: str
    route: str
    status: int
    ms: float
    request_id: str
    timestamp: str
    event: str = "request"
    level: str = "info"


class Counts(msgspec.Struct):
    """One process's counts, as other processes read them from a file."""

    answers: dict[tuple[str, str, int], int] = {}
    seconds: dict[tuple[str, str], list[float]] = {}
    clicks: dict[str, int] = {}
    postbacks: dict[str, int] = {}
    forwards: dict[str, int] = {}
    levels: dict[str, float] = {}
    """What each process has of its own, and all of them together as a sum (`Gauges.own`)."""


class Tally:
    """Counts of answered requests, kept as plain numbers and turned into metrics when they are asked for.

    `others` gives the counts of the other processes on the same port.
    """

    def __init__(self, others: Callable[[], Iterable[Counts]] = tuple) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[tuple[str, str], list[float]] = {}
        self.clicks: Counter[str] = Counter()
        self.postbacks: Counter[str] = Counter()
        self.forwards: Counter[str] = Counter()
        self.levels: dict[str, float] = {}
        self.others = others

    def merge(self, counts: Counts) -> None:
        """Adds what another process counted."""
        self.answers.update(counts.answers)
        self.clicks.update(counts.clicks)
        self.postbacks.update(counts.postbacks)
        self.forwards.update(counts.forwards)
        for name, level in counts.levels.items():
            self.levels[name] = self.levels.get(name, 0.0) + level
        for labels, numbers in counts.seconds.items():
            known = self.seconds.get(labels, [0.0] * len(numbers))
            self.seconds[labels] = [one + other for one, other in zip(known, numbers, strict=True)]

    def snapshot(self, levels: dict[str, float]) -> Counts:
        """A copy of the counts as they are now, with the levels of the moment."""
        seconds = {labels: numbers.copy() for labels, numbers in self.seconds.items()}
        clicks, postbacks, forwards = map(dict, (self.clicks, self.postbacks, self.forwards))
        return Counts(dict(self.answers), seconds, clicks, postbacks, forwards, levels)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer: by status, and by how long it took."""
        self.answers[method, route, status] += 1
        known = self.seconds.get((method, route))
        if known is None:
            known = self.seconds[method, route] = [0.0] * (len(_BUCKETS) + 2)
        known[bisect_left(_BUCKETS, seconds)] += 1
        known[-1] += seconds

    def render(self) -> Iterator[Metric]:
        """The metrics of these counts alone."""
        answers = CounterMetricFamily("clicktrail_requests", "Requests answered.", labels=["method", "route", "status"])
        for (method, route, status), count in self.answers.items():
            answers.add_metric([method, route, str(status)], count)
        seconds = HistogramMetricFamily(
            "clicktrail_request_seconds", "Seconds from request to answer.", labels=["method", "route"]
        )
        for labels, numbers in self.seconds.items():
            totals = list(accumulate(numbers[:-1]))
            bounds = [*map(str, _BUCKETS), "+Inf"]
            seconds.add_metric(list(labels), list(zip(bounds, totals, strict=True)), numbers[-1])
        clicks = CounterMetricFamily("clicktrail_clicks", "Clicks by what became of them.", labels=["outcome"])
        for outcome in CLICK_OUTCOMES:
            clicks.add_metric([outcome], self.clicks[outcome])
        postbacks = CounterMetricFamily("clicktrail_postbacks", "Attempts to send postbacks.", labels=["outcome"])
        for outcome in POSTBACK_OUTCOMES:
            postbacks.add_metric([outcome], self.postbacks[outcome])
        forwards = CounterMetricFamily(
            "clicktrail_untrusted_forwards",
            "Visits that a peer which is no trusted proxy said it forwards; `private` peers mostly are proxies.",
            labels=["peer"],
        )
        for peer in ("private", "public"):
            forwards.add_metric([peer], self.forwards[peer])
        yield from (answers, seconds, clicks, postbacks, forwards)


class _Families(Collector):
    """The metrics of a tally that nobody counts in any more, and the gauges."""

    def __init__(self, total: Tally, gauges: Gauges) -> None:
        self._total = total
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client."""
        yield from self._total.render()
        yield from self._gauges.render(self._total.levels)


class Observer:
    """Counts and logs requests. `gauges` are read when the metrics are asked for.

    Request lines are collected and written by `flush`, so that no request waits for a log's disk.
    """

    def __init__(self, style: str, gauges: Gauges) -> None:
        self._out = _LossyStream(sys.stderr)
        self.log = make_log(style, self._out)
        self.tally = Tally()
        self._file: Path | None = None
        self._share_at = 0.0
        self._lines: list[_Kept] = []
        self._render_line = {"json": _json_line, "text": _text_line}.get(style)
        self._renderer = ThreadPoolExecutor(1, "metrics")
        self._gauges = gauges
        self._told: dict[str, tuple[float, int]] = {}

    def request(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """One request was answered. `method` is a `method_label`, `route` the template of a path."""
        self.tally.add(method, route, status, seconds)
        if self._render_line is not None:
            self._lines.append((method, route, status, seconds, request_id, time.time()))

    def click(self, outcome: str, count: int = 1) -> None:
        """Clicks were `recorded`, `repeated`, `refused`, `limited` by a limit, or `lost` by the store."""
        self.tally.clicks[outcome] += count
        if outcome in _LOSSES:
            self._tell_of_loss(outcome)

    def _tell_of_loss(self, outcome: str) -> None:
        """One line at once, then one a minute with how many there were."""
        now, so_far = time.monotonic(), self.tally.clicks[outcome]
        told_at, told = self._told.get(outcome, (-_LOSS_S, 0))
        if now - told_at >= _LOSS_S:
            self._told[outcome] = now, so_far
            self.log.warning("visits without a click", outcome=outcome, count=so_far - told)

    def unheeded(self, peer: str) -> None:
        """A peer that is no trusted proxy said that it forwards somebody's request: counted, and logged once."""
        kind = _kind_of(peer)
        if not self.tally.forwards[kind]:
            self.log.warning(
                "Forwarded or X-Forwarded-For came from a peer that is no trusted proxy: all visitors behind a proxy "
                "count as that one address until CLICKTRAIL_TRUSTED_PROXIES names it",
                peer=peer if kind == "private" else kind,
            )
        self.tally.forwards[kind] += 1

    def postback(self, outcome: str) -> None:
        """An attempt to send one was `delivered`, `failed`, to be tried again, or `dead`: given up."""
        self.tally.postbacks[outcome] += 1

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics and their media type: OpenMetrics where `accept` says so, else the Prometheus text format.

        Counted here, written in a thread, so that no request waits for it.
        """
        own, loop = self.tally.snapshot(self._gauges.own()), asyncio.get_running_loop()
        return await loop.run_in_executor(self._renderer, self._render, own, accept)

    def _render(self, own: Counts, accept: str) -> tuple[bytes, str]:
        total = Tally()
        for counts in (own, *self.tally.others()):
            total.merge(counts)
        registry = CollectorRegistry()
        registry.register(_Families(total, self._gauges))
        if OPEN_METRICS in accept.lower():
            text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
            return text, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(registry), CONTENT_TYPE

    def share(self, folder: Path, worker: int) -> None:
        """Counts together with the other processes of the port. A worker goes on where the one before it ended."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = folder / f"{worker}.msgpack"
        self.tally.others = lambda: [_read_counts(path) for path in folder.glob("*.msgpack") if path != self._file]
        before = _read_counts(self._file)
        before.levels = {}
        self.tally.merge(before)

    def flush(self) -> None:
        """Writes out the request lines since the last time."""
        if self._file is not None and time.monotonic() >= self._share_at:
            self._share_at = time.monotonic() + _SHARE_S
            draft = self._file.with_suffix(".new")
            with suppress(OSError):  # a full disk: the others go on with what they know
                draft.write_bytes(msgspec.msgpack.encode(self.tally.snapshot(self._gauges.own())))
                draft.replace(self._file)
        lines, self._lines = self._lines, []
        if lines and self._render_line is not None:
            self._out.write("".join(map(self._render_line, lines)))
            self._out.flush()


@lru_cache(maxsize=1024)
def _kind_of(peer: str) -> str:
    """Whether a peer is at an address of the internet, or in a network of somebody's own, where proxies are."""
    try:
        return "public" if is_public(ip_address(peer)) else "private"
    except ValueError:
        return "private"


def _read_counts(path: Path) -> Counts:
    """What a process left there; nothing where there is no such file yet."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Counts)
    except (OSError, msgspec.DecodeError):
        return Counts()


def _line(kept: _Kept) -> RequestLine:
    method, route, status, seconds, request_id, moment = kept
    return RequestLine(method, route, status, round(seconds * 1000, 2), request_id, render_second(int(moment)))


def _json_line(kept: _Kept) -> str:
    return _encode(_line(kept)).decode() + "\n"


def _text_line(kept: _Kept) -> str:
    line = _line(kept)
    return f"{line.timestamp} {line.method:6} {line.route} {line.status} {line.ms} ms {line.request_id}\n"


_encode = msgspec.json.Encoder().encode
