"""Counts of requests, clicks and postbacks, as metrics for Prometheus."""

import asyncio
import sys
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
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.weights import parse_weights
from clicktrail.observe.gauges import Gauges
from clicktrail.observe.log import Log

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""Methods that logs and metrics name. A caller may send any word, and each would become a permanent time series."""
_SHARE_S = 0.5
"""Seconds after which a worker shares its counts with the others again."""
CLICK_OUTCOMES = ("recorded", "repeated", "refused", "limited", "lost")
POSTBACK_OUTCOMES = ("delivered", "failed", "dead")
"""All exist from the start, as 0. If a counter first appears with 1, Prometheus sees no increase."""
_LOSSES = frozenset({"limited", "lost"})
"""Outcomes of visits that left no click."""
_LOSS_S = 60.0
"""Minimum seconds between two log lines about the same outcome."""


def method_label(method: str) -> str:
    """The name of a request's method in logs and metrics."""
    return method if method in _METHODS else "OTHER"


class Counts(msgspec.Struct):
    """One process's counts, as other processes read them from a file."""

    answers: dict[tuple[str, str, int], int] = {}
    seconds: dict[tuple[str, str], list[float]] = {}
    clicks: dict[str, int] = {}
    postbacks: dict[str, int] = {}
    forwards: dict[str, int] = {}
    levels: dict[str, float] = {}
    """Values of single processes (`Gauges.own`), which are shown as their sum."""


class Tally:
    """Counts of answered requests, kept as plain numbers. They become metrics when metrics are requested.

    `others` returns the counts of the other processes on the same port.
    """

    def __init__(self, others: Callable[[], Iterable[Counts]] = tuple) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[tuple[str, str], list[float]] = {}
        self.clicks: Counter[str] = Counter()
        self.postbacks: Counter[str] = Counter()
        self.forwards: Counter[str] = Counter()
        self.levels: dict[str, float] = {}
        self.broken_off = 0
        """Answers of this process that began and did not end."""
        self.others = others

    def merge(self, counts: Counts) -> None:
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
        """A copy of the current counts, with the current levels."""
        seconds = {labels: numbers.copy() for labels, numbers in self.seconds.items()}
        clicks, postbacks, forwards = map(dict, (self.clicks, self.postbacks, self.forwards))
        return Counts(
            answers=dict(self.answers),
            seconds=seconds,
            clicks=clicks,
            postbacks=postbacks,
            forwards=forwards,
            levels=levels,
        )

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        self.answers[method, route, status] += 1
        known = self.seconds.get((method, route))
        if known is None:
            known = self.seconds[method, route] = [0.0] * (len(_BUCKETS) + 2)
        known[bisect_left(_BUCKETS, seconds)] += 1
        known[-1] += seconds

    def render(self) -> Iterator[Metric]:
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
        clicks = CounterMetricFamily("clicktrail_clicks", "Clicks by outcome.", labels=["outcome"])
        for outcome in CLICK_OUTCOMES:
            clicks.add_metric([outcome], self.clicks[outcome])
        postbacks = CounterMetricFamily("clicktrail_postbacks", "Attempts to send postbacks.", labels=["outcome"])
        for outcome in POSTBACK_OUTCOMES:
            postbacks.add_metric([outcome], self.postbacks[outcome])
        forwards = CounterMetricFamily(
            "clicktrail_untrusted_forwards",
            "Visits with a forwarding header from an untrusted peer; `private` peers are usually proxies.",
            labels=["peer"],
        )
        for peer in ("private", "public"):
            forwards.add_metric([peer], self.forwards[peer])
        yield from (answers, seconds, clicks, postbacks, forwards)


class _Families(Collector):
    """The metrics of a finished tally, and the gauges."""

    def __init__(self, total: Tally, gauges: Gauges) -> None:
        self._total = total
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        yield from self._total.render()
        yield from self._gauges.render(self._total.levels)


class Observer:
    """Counts and logs requests. `gauges` are read when metrics are requested."""

    def __init__(self, style: str, gauges: Gauges, clock: Clock = SYSTEM_CLOCK) -> None:
        self.log = Log(style, sys.stderr, clock)
        self._clock = clock
        self.tally = Tally()
        self._file: Path | None = None
        self._share_at = 0.0
        self._renderer = ThreadPoolExecutor(1, "metrics")
        self._gauges = gauges
        self._logged: dict[str, tuple[float, int]] = {}

    def request(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """Counts one answered request. `method` is a `method_label`, `route` the template of a path."""
        self.tally.add(method, route, status, seconds)
        self.log.request(method, route, status, seconds, request_id)

    def click(self, outcome: str, count: int = 1) -> None:
        """Counts clicks that were `recorded`, `repeated`, `refused`, `limited` by a limit, or `lost` by the store."""
        self.tally.clicks[outcome] += count
        if outcome in _LOSSES:
            self._log_loss(outcome)

    def _log_loss(self, outcome: str) -> None:
        """Logs one line at once, then one line a minute with the number."""
        now, so_far = self._clock.passed_s(), self.tally.clicks[outcome]
        logged_at, logged = self._logged.get(outcome, (-_LOSS_S, 0))
        if now - logged_at >= _LOSS_S:
            self._logged[outcome] = now, so_far
            self.log.warning("visits without a click", outcome=outcome, count=so_far - logged)

    def unheeded(self, peer: str) -> None:
        """Counts a request with a forwarding header from a peer that is not a trusted proxy, and logs the first one."""
        kind = _kind_of(peer)
        if not self.tally.forwards[kind]:
            self.log.warning(
                "A peer that is not a trusted proxy sent Forwarded or X-Forwarded-For. All visitors behind a proxy "
                "count as one address until CLICKTRAIL_TRUSTED_PROXIES names the proxy",
                peer=peer if kind == "private" else kind,
            )
        self.tally.forwards[kind] += 1

    def postback(self, outcome: str) -> None:
        """Counts an attempt to send a postback: `delivered`, `failed` (will be retried) or `dead` (given up)."""
        self.tally.postbacks[outcome] += 1

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics and their media type: OpenMetrics if `accept` names it, else the Prometheus text format.

        The text is written in a thread, so that no request waits for it.
        """
        own, loop = self.tally.snapshot(self._gauges.own()), asyncio.get_running_loop()
        return await loop.run_in_executor(self._renderer, self._render, own, accept)

    def _render(self, own: Counts, accept: str) -> tuple[bytes, str]:
        total = self.total(own)
        registry = CollectorRegistry()
        registry.register(_Families(total, self._gauges))
        if parse_weights(accept).get(OPEN_METRICS):
            text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
            return text, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(registry), CONTENT_TYPE

    def total(self, own: Counts) -> Tally:
        """The counts of all processes on the port; `own` is a copy of this one's. It reads files."""
        total = Tally()
        for counts in (own, *self.tally.others()):
            total.merge(counts)
        return total

    def share(self, folder: Path, worker: int) -> None:
        """Shares counts with the other processes of the port. A worker continues with the counts of its predecessor."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = folder / f"{worker}.msgpack"
        self.tally.others = lambda: [_read_counts(path) for path in folder.glob("*.msgpack") if path != self._file]
        before = _read_counts(self._file)
        before.levels = {}
        self.tally.merge(before)

    def flush(self) -> None:
        """Shares the counts with the other processes, and writes the lines of requests."""
        if self._file is not None and self._clock.passed_s() >= self._share_at:
            self._share_at = self._clock.passed_s() + _SHARE_S
            draft = self._file.with_suffix(".new")
            with suppress(OSError):  # a full disk: the others keep the counts that they have
                draft.write_bytes(msgspec.msgpack.encode(self.tally.snapshot(self._gauges.own())))
                draft.replace(self._file)
        self.log.flush()


@lru_cache(maxsize=1024)
def _kind_of(peer: str) -> str:
    """`public` for an address of the internet, `private` for an address in a private network, where proxies are."""
    try:
        return "public" if is_public(ip_address(peer)) else "private"
    except ValueError:
        return "private"


def _read_counts(path: Path) -> Counts:
    """The counts that a process wrote; empty counts if there is no file yet."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Counts)
    except (OSError, msgspec.DecodeError):
        return Counts()
