"""The grammar of reports, and the parsed request."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from clicktrail.errors import MalformedRequest, Mistake
from clicktrail.model.reading import Reading
from clicktrail.query.cursors import parse_place
from clicktrail.query.fields import CLICK
from clicktrail.query.grammar import DEFAULT_LIMIT, MAX_LIMIT, Asked, Grammar, Own, choice, flag, whole_number
from clicktrail.query.grammar import as_of as known_at
from clicktrail.query.questions import Condition
from clicktrail.reports.buckets import Grain, WeekStart
from clicktrail.reports.dimensions import DIMENSIONS, MAX_DIMENSIONS, PARAMETER, TIME, Grouping
from clicktrail.reports.metrics import DEFAULT, METRICS, Metric
from clicktrail.reports.periods import (
    DEFAULT_PERIOD,
    PERIODS,
    Align,
    Boundary,
    Compare,
    Range,
    Span,
    begin_of,
    end_of,
    parse_boundary,
)
from clicktrail.reports.question import Question

MAX_NAME = 64
"""Characters of NAME in `parameter[NAME]`. U+FFFD is none: it replaces any bytes that are not UTF-8."""
T = TypeVar("T")
_parameter = re.compile(rf"{PARAMETER}\[([^\[\],\0\ufffd]{{1,{MAX_NAME}}})\]\Z").match
_ALLOWED = ", ".join(f"{PARAMETER}[NAME]" if name == PARAMETER else name for name in DIMENSIONS)
_BOUNDARIES = ("from", "to", "compare_from", "compare_to")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A parsed report: the question, its filters, and the part of its rows that is wanted."""

    question: Question
    conditions: tuple[Condition, ...]
    language: str
    wants_count: bool = False
    kind: str = ""
    """The kind of file, for an export."""
    is_raw: bool = False
    """Whether CSV cells stay unchanged even if a spreadsheet would run them."""
    mark: str = ""
    """Two reports have the same mark if one's cursor is valid for the other."""


def _words(name: str, doc: str, words: type[StrEnum], has_default: bool = True, is_folded: bool = False) -> Own:
    found = choice(name, doc, words, is_folded=is_folded)
    if has_default:
        return found
    schema = {key: value for key, value in found.schema.items() if key != "default"}
    return Own(name=name, doc=doc, read=found.read, schema=schema)


def reporting() -> Grammar:
    """The parameters of a report."""
    page = f"Rows of a page, 1 to {MAX_LIMIT}; with `time` in `group_by` the default is all, else {DEFAULT_LIMIT}."
    return Grammar(
        resource=CLICK,
        has_filters=True,
        has_own_order=True,
        own=(
            *_questions(),
            whole_number("limit", page, 1, MAX_LIMIT),
            Own(name="cursor", doc="Start of the page, from the `Link` header of the previous page."),
            flag("other", "`1` adds one row for all groups that are not among the rows, with their number."),
        ),
    )


def exporting_report(formats: Iterable[str]) -> Grammar:
    """The parameters of a report as a file."""
    raw = "`true` leaves CSV cells unchanged even if a spreadsheet would run them as a formula."
    own = (choice("format", "The kind of file.", formats), *_questions(), flag("raw", raw))
    return Grammar(resource=CLICK, has_filters=True, has_own_order=True, own=own)


def _questions() -> tuple[Own, ...]:
    boundary = partial(Own, read=parse_boundary, example="2021-01-31")
    date = "a date, or a time with an offset"
    dimensions = f"0 to {MAX_DIMENSIONS} dimensions, separated by commas: {_ALLOWED}. None gives one row."
    metrics = f"Metrics, separated by commas: {', '.join(METRICS)}. Rows are sorted by the first one."
    return (
        Own(name="group_by", doc=dimensions, read=read_groupings, default=(), example="partner", is_list=True),
        Own(
            name="metrics",
            doc=metrics,
            read=read_metrics,
            default=tuple(METRICS[name] for name in DEFAULT),
            example=",".join(DEFAULT),
            is_list=True,
        ),
        choice("period", "The range by its name.", PERIODS, DEFAULT_PERIOD),
        boundary(name="from", doc=f"The start of the range, in place of `period`: {date}."),
        boundary(name="to", doc=f"The end of the range: {date}. The date is included, the time is not."),
        Own(name="zone", doc="The time zone, by its IANA name.", read=find_zone, example="Europe/Berlin"),
        _words("week_start", "The first day of a week.", WeekStart),
        _words("grain", "The size of a bucket of `time`; by default it fits the range.", Grain, has_default=False),
        _words("compare", "What the range is compared with.", Compare, has_default=False),
        boundary(name="compare_from", doc=f"The start of another range to compare with: {date}."),
        boundary(name="compare_to", doc="The end of that range, as `to`."),
        _words("align", "With `compare=year`: the same dates, or the same weekdays 52 weeks before.", Align),
        known_at(),
        Own(name="sort_by", doc="A metric or a dimension of the report.", example="clicks"),
        _words(
            "sort_order",
            "The direction; by default metrics fall and dimensions rise.",
            Order,
            has_default=False,
            is_folded=True,
        ),
    )


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


def _split(text: str) -> list[str]:
    """Words separated by commas. Raises ValueError for one that is named twice."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} twice")
    return words


def read_metrics(text: str) -> tuple[Metric, ...]:
    """Raises ValueError naming every unknown metric, and the allowed ones."""
    names = _split(text)
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        raise ValueError(f"has no {', '.join(unknown[: len(METRICS)]) or 'metric'}; allowed: {', '.join(METRICS)}")
    return tuple(METRICS[name] for name in names)


def read_groupings(text: str) -> tuple[Grouping, ...]:
    """Raises ValueError naming every unknown dimension, and the allowed ones."""
    names = _split(text)
    if len(names) > MAX_DIMENSIONS:
        raise ValueError(f"names {len(names)} dimensions; at most {MAX_DIMENSIONS} are allowed: {_ALLOWED}")
    found = {name: _find_grouping(name) for name in names}
    unknown = [name for name, grouping in found.items() if grouping is None]
    if unknown:
        raise ValueError(f"has no {', '.join(unknown)}; allowed: {_ALLOWED}")
    return tuple(grouping for grouping in found.values() if grouping is not None)


def _find_grouping(name: str) -> Grouping | None:
    match = _parameter(name)
    if match:
        return Grouping(DIMENSIONS[PARAMETER], match[1])
    return Grouping(DIMENSIONS[name]) if name in DIMENSIONS and name != PARAMETER else None


def find_zone(name: str) -> tzinfo:
    """Raises ValueError naming zones that look like it."""
    if name in _zones():
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass  # this machine lists the zone, but its file is missing or damaged
    place = name.rpartition("/")[2].lower()
    near = sorted(each for each in _zones() if place and place in each.lower())[:5] or ["UTC", "Europe/Berlin"]
    raise ValueError(f"is not an IANA time zone; allowed are for example {', '.join(near)}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "Factory"}  # this machine's zone, and none at all


def read_report(asked: Asked, reading: Reading, wants_count: bool = False) -> Report:
    """Raises MalformedRequest naming every parameter that does not fit the others."""
    own, mistakes = asked.own, _find_misfits(asked)
    zone = own["zone"] or reading.zone
    span = _read_range(own, "from", "to", zone, mistakes)
    other = _read_range(own, "compare_from", "compare_to", zone, mistakes)
    mark = _mark(asked, asked.listing.conditions)
    offset, as_of = _read_place(own, mark, mistakes)
    if mistakes:
        raise MalformedRequest("The query string is not valid.", tuple(mistakes))
    return Report(
        question=Question(
            metrics=own["metrics"],
            groupings=own["group_by"],
            period=None if span is not None else own["period"],
            span=None if span is None else Span(span),
            grain=None if own["grain"] is None else Grain(own["grain"]),
            zone=zone,
            week_start=WeekStart(own["week_start"]),
            compare=other or (None if own["compare"] is None else Compare(own["compare"])),
            align=Align(own["align"]),
            offset=offset,
            as_of=as_of,
            known_at=own["as_of"],
            wants_other=own.get("other", False),
            **_read_order(own),
        ),
        conditions=asked.listing.conditions,
        language=asked.view.language,
        wants_count=wants_count,
        kind=own.get("format", ""),
        is_raw=own.get("raw", False),
        mark=mark,
    )


def _read_order(own: Mapping[str, Any]) -> dict[str, Any]:
    """Sort key, direction and limit, with their defaults."""
    by_time = any(grouping.dimension.name == TIME for grouping in own["group_by"])
    sort = own["sort_by"] or (TIME if by_time else own["metrics"][0].name)
    order = own["sort_order"] or (Order.DESC if sort in METRICS else Order.ASC)
    limit = own.get("limit")
    has_all = by_time or "format" in own
    return {
        "sort": sort,
        "is_descending": order == Order.DESC,
        "limit": limit if limit is not None or has_all else DEFAULT_LIMIT,
    }


def _read_place(own: Mapping[str, Any], mark: str, mistakes: list[Mistake]) -> tuple[int, int | None]:
    """The rows before the page, and the moment of the first page."""
    cursor = own.get("cursor")
    if cursor is None:
        return 0, None
    try:
        return parse_place(cursor, mark)
    except ValueError as error:
        mistakes.append(Mistake(str(error), parameter="cursor"))
        return 0, None


def _find_misfits(asked: Asked) -> list[Mistake]:
    """The parameters that do not fit each other. Each rule: does it hold, which parameter is wrong, and why."""
    own, given = asked.own, asked.given
    names = [*(metric.name for metric in own["metrics"]), *(grouping.name for grouping in own["group_by"])]
    wants_other = own.get("other", False)
    rules = (
        (not given & {"from", "to"} or "period" not in given, "period", "cannot be combined with from and to"),
        (
            not given & {"compare_from", "compare_to"} or "compare" not in given,
            "compare",
            "cannot be combined with compare_from and compare_to",
        ),
        (
            own["align"] != Align.WEEKDAY or own["compare"] == Compare.YEAR,
            "align",
            f"can be {Align.WEEKDAY} only with compare={Compare.YEAR}",
        ),
        ("grain" not in given or TIME in names, "grain", f"needs {TIME} in group_by"),
        (own["sort_by"] in (None, *names), "sort_by", f"must be one of {', '.join(names)}"),
        (not wants_other or own["group_by"], "other", "needs group_by"),
        (not wants_other or "cursor" not in given, "other", "cannot be combined with cursor"),
        (
            not wants_other or not any(grouping.dimension.overlaps for grouping in own["group_by"]),
            "other",
            "cannot be combined with tag, because its rows overlap",
        ),
    )
    return [Mistake(text, parameter=name) for holds, name, text in rules if not holds]


def _read_range(own: Mapping[str, Any], begin: str, end: str, zone: tzinfo, mistakes: list[Mistake]) -> Range | None:
    """A range of two parameters: both are given, or none."""
    start: Boundary | None = own[begin]
    stop: Boundary | None = own[end]
    if start is None and stop is None:
        return None
    if start is None or stop is None:
        missing, other = (begin, end) if start is None else (end, begin)
        mistakes.append(Mistake(f"is required with {other}", parameter=missing))
        return None
    ends = []
    for name, boundary, find in ((begin, start, begin_of), (end, stop, end_of)):
        try:
            ends.append(find(boundary, zone))
        except ValueError as error:
            mistakes.append(Mistake(str(error), parameter=name))
    if len(ends) < 2:
        return None
    found = Range(*ends)
    if found.start >= found.end:
        mistakes.append(Mistake(f"must be later than {begin}", parameter=end))
        return None
    return found


def _mark(asked: Asked, conditions: Iterable[Condition]) -> str:
    apart = ("cursor", "limit", "metrics", "group_by", "other")  # the link to the next page is without `other`
    own = {name: value for name, value in asked.own.items() if name not in apart}
    names = [*(metric.name for metric in asked.own["metrics"]), *(each.name for each in asked.own["group_by"])]
    filters = sorted((each.field.name, each.operator, str(each.values)) for each in conditions)
    return f"{sorted((name, str(value)) for name, value in own.items())}{names}{filters}"
