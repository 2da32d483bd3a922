"""What is counted of requests, clicks and postbacks: metrics for Prometheus."""

import asyncio
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from itertools import accumulate
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from clicktrail.delivery.targets import is_public
from clicktrail.model.weights import parse_weights
from clicktrail.observe.gauges import Gauges
from clicktrail.observe.log import Log

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""Methods that logs and metrics name; a client may send any word, and each would be a time series for ever."""
_SHARE_S = 0.5
"""How often a worker tells the others what it has counted."""
CLICK_OUTCOMES = ("recorded", "repeated", "refused", "limited", "lost")
POSTBACK_OUTCOMES = ("delivered", "failed", "dead")
"""All are told from the start, as 0: a counter that appears with 1 is no increase to Prometheus."""
_LOSSES = frozenset({"limited", "lost"})
"""What became of clicks that are nowhere, although a visitor was there."""
_LOSS_S = 60.0
"""How often the log tells of each of them."""


def method_label(method: str) -> str:
    """A request's method as logs and metrics name it."""
    return method if method in _METHODS else "OTHER"


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
    """Counts and logs requests. `gauges` are read when the metrics are asked for."""

    def __init__(self, style: str, gauges: Gauges) -> None:
        self.log = Log(style, sys.stderr)
        self.tally = Tally()
        self._file: Path | None = None
        self._share_at = 0.0
        self._renderer = ThreadPoolExecutor(1, "metrics")
        self._gauges = gauges
        self._told: dict[str, tuple[float, int]] = {}

    def request(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """One request was answered. `method` is a `method_label`, `route` the template of a path."""
        self.tally.add(method, route, status, seconds)
        self.log.request(method, route, status, seconds, request_id)

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
        """The metrics and their media type: OpenMetrics where `accept` names it, else the Prometheus text format.

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
        if parse_weights(accept).get(OPEN_METRICS):
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
        """Shares the counts with the other processes, and writes the lines of requests."""
        if self._file is not None and time.monotonic() >= self._share_at:
            self._share_at = time.monotonic() + _SHARE_S
            draft = self._file.with_suffix(".new")
            with suppress(OSError):  # a full disk: the others go on with what they know
                draft.write_bytes(msgspec.msgpack.encode(self.tally.snapshot(self._gauges.own())))
                draft.replace(self._file)
        self.log.flush()


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
