"""What is told of requests: one log line each, and metrics for Prometheus.

No line holds a token, a query string, a body or a contact: of a path only its template is kept.
"""

import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def make_log(style: str) -> Any:
    """A logger that writes to standard error: `json` lines, `text`, or nothing (`off`)."""
    json_line = structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event).decode())
    renderer = json_line if style == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    factory = structlog.PrintLoggerFactory(sys.stderr) if style != "off" else structlog.ReturnLoggerFactory()
    return structlog.wrap_logger(
        factory(),
        processors=[structlog.processors.add_log_level, stamp, _tell_exception, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(20),
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


class Observer:
    """Counts and logs requests. `gauges` are read when the metrics are asked for."""

    def __init__(self, log: Any, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self.log = log
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "clicktrail_requests_total", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "clicktrail_request_seconds",
            "Seconds from request to answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._clicks = Counter(
            "clicktrail_clicks_total", "Clicks by what became of them.", ["outcome"], registry=self._registry
        )
        for name, (text, read) in gauges.items():
            Gauge(name, text, registry=self._registry).set_function(read)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)
        self.log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 2))

    def click(self, outcome: str) -> None:
        """A click was `recorded`, `repeated` or `refused`."""
        self._clicks.labels(outcome).inc()

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
