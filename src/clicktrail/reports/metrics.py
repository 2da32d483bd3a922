"""What a report can count: one row for each metric. SQL, OpenAPI, documents and the command line are made from it.

A metric is made of parts, which the store counts. Rates are made of sums, never of other rates.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from clicktrail.model.metrics import hundredths, percent
from clicktrail.reports.zones import SECOND

Parts = Mapping[str, Any]
"""What the store counted in one group: part -> number, or None."""


class Metric(NamedTuple):
    """One row of the table. `make` turns parts into the value that is shown."""

    name: str
    doc: str
    parts: tuple[str, ...]
    make: Callable[[Parts], Any]
    adds_up: bool = False
    """Whether the rows of a report sum to its total."""
    is_rate: bool = False
    """Whether its change is a difference in points."""
    is_nullable: bool = False
    """Whether it is not a number where nothing was counted. It has no change then."""

    @property
    def sorts_by(self) -> tuple[tuple[str, ...], str | None]:
        """The parts whose sum rows are sorted by, and the part that it is divided by."""
        if self.is_rate:
            return self.parts[:1], self.parts[1]
        return (self.parts if self.adds_up else self.parts[:1]), None

    def sort_value(self, parts: Parts) -> Any:
        """The number by which rows are sorted; None if there is nothing to count."""
        numerators, divisor = self.sorts_by
        if self.adds_up or self.is_rate:
            value = sum(parts[name] or 0 for name in numerators)
            return value if divisor is None else value / parts[divisor] if parts[divisor] else 0
        return parts[numerators[0]] if self.is_nullable else parts[numerators[0]] or 0


def snake(name: str) -> str:
    """The part of a metric that is one count: `uniqueClicks` is counted as `unique_clicks`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _count(name: str, doc: str, *, adds_up: bool = True) -> Metric:
    part = snake(name)
    return Metric(name, doc, (part,), lambda parts: parts[part] or 0, adds_up=adds_up)


def _rate(name: str, doc: str, part: str, whole: str) -> Metric:
    return Metric(name, doc, (part, whole), lambda parts: percent(parts[part] or 0, parts[whole] or 0), is_rate=True)


def _moment(name: str, doc: str) -> Metric:
    part = snake(name)
    return Metric(name, doc, (part,), lambda parts: parts[part], is_nullable=True)


def _all_clicks(parts: Parts) -> int:
    return (parts["clicks"] or 0) + (parts["bots"] or 0)


def _delays(parts: Parts) -> dict[str, int | None]:
    return {name: _seconds(parts[part]) for name, part in (("median", "median_delay"), ("p90", "p90_delay"))}


def _seconds(us: int | None) -> int | None:
    return None if us is None else us // SECOND


TABLE: tuple[Metric, ...] = (
    _count("clicks", "Clicks that are not a robot's; repeats are counted."),
    _count(
        "uniqueClicks",
        "Clicks that are the first of their visitor on their link within the UTC day of the click. A visitor is one "
        "address and user agent.",
    ),
    _count("visitors", "Distinct visitors of a UTC day, whatever the link; robots are left out.", adds_up=False),
    _count("browsers", "Distinct `visitorId`, where the site's cookie gave one; robots are left out.", adds_up=False),
    _count("bots", "Clicks of robots."),
    _count("duplicates", "Clicks that repeat another one (`duplicateOf`) and are not a robot's."),
    _count("prefetches", "Clicks that a browser fetched ahead of its visitor."),
    _count("dataCentreClicks", "Clicks from the address of a data centre."),
    Metric("allClicks", "`clicks` and `bots` together.", ("clicks", "bots"), _all_clicks, adds_up=True),
    _count(
        "registrations",
        "Clicks of the range that have a client now, robots' clicks included. "
        "A later registration raises the figure of a past day.",
    ),
    _count("registered", "Registrations that happened in the range, in the row of the click or link that earned them."),
    _count("clients", "Distinct clients of `registrations`.", adds_up=False),
    _rate("conversionRate", "100 × `registrations` ÷ `clicks`, with two decimals.", "registrations", "clicks"),
    _rate(
        "uniqueConversionRate",
        "100 × `registrations` ÷ `uniqueClicks`, with two decimals.",
        "registrations",
        "unique_clicks",
    ),
    _rate("botRate", "100 × `bots` ÷ `allClicks`, with two decimals.", "bots", "all_clicks"),
    _rate("duplicateRate", "100 × `duplicates` ÷ `clicks`, with two decimals.", "duplicates", "clicks"),
    _rate(
        "dataCentreRate",
        "100 × `dataCentreClicks` ÷ `allClicks`, with two decimals.",
        "data_centre_clicks",
        "all_clicks",
    ),
    Metric(
        "timeToRegistration",
        "Seconds from click to registration: `median` and `p90`, each a value that occurred.",
        ("median_delay", "p90_delay"),
        _delays,
        is_nullable=True,
    ),
    _count("activePartners", "Partners with at least one click that is not a robot's.", adds_up=False),
    _count("activeLinks", "Links with at least one click that is not a robot's.", adds_up=False),
    _moment("firstClickTime", "The first click that is not a robot's."),
    _moment("lastClickTime", "The last click that is not a robot's."),
)
MOMENTS = frozenset({"firstClickTime", "lastClickTime"})
"""Metrics that are times, in microseconds."""
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in TABLE}
DEFAULT = ("clicks", "uniqueClicks", "registrations", "conversionRate")


def shares(metrics: tuple[Metric, ...], row: Parts, total: Parts) -> dict[str, str]:
    """100 × row ÷ total, for each metric that adds up."""
    return {each.name: percent(each.make(row), each.make(total)) for each in metrics if each.adds_up}


def changes(metrics: tuple[Metric, ...], now: Parts, before: Parts) -> dict[str, str | None]:
    """100 × (now − before) ÷ before, None where before is 0; for rates the difference in points."""
    found: dict[str, str | None] = {}
    for metric in metrics:
        if metric.is_rate:
            found[metric.name] = _points(metric.make(now), metric.make(before))
        elif not metric.is_nullable:
            one, other = metric.make(now), metric.make(before)
            found[metric.name] = hundredths(100 * (one - other), other) if other else None
    return found


def _points(now: str, before: str) -> str:
    """The difference of two rates as they are shown, so that a reader who subtracts gets the same."""
    return hundredths(_whole(now) - _whole(before), 100)


def _whole(rate: str) -> int:
    return int(rate.replace(".", ""))
