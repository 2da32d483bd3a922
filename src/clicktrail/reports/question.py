"""A report as it was asked for, and the ranges and buckets that this means at a moment."""

from dataclasses import dataclass
from datetime import UTC, tzinfo

from clicktrail.errors import MalformedRequest, Mistake
from clicktrail.reports.buckets import (
    MAX_BUCKETS,
    Grain,
    WeekStart,
    choose_grain,
    end_of_bucket,
    finest_grain,
    has_too_many,
    make_buckets,
)
from clicktrail.reports.dimensions import CLOCKS, TIME, Grouping
from clicktrail.reports.metrics import Metric
from clicktrail.reports.periods import MAX_YEARS, Align, Compare, Range, Span, compare_with, cut, find_period
from clicktrail.reports.zones import DAY


@dataclass(frozen=True, kw_only=True)
class Question:
    """A report as it was asked for, without the filters of its clicks."""

    metrics: tuple[Metric, ...]
    groupings: tuple[Grouping, ...] = ()
    period: str | None = None
    """The name of a period, or None where `span` has the range."""
    span: Span | None = None
    grain: Grain | None = None
    zone: tzinfo = UTC
    week_start: WeekStart = WeekStart.MONDAY
    compare: Compare | Range | None = None
    align: Align = Align.DATE
    sort: str
    """A metric or a dimension of the report."""
    is_descending: bool
    limit: int | None
    """Rows of a page; None: all."""
    offset: int = 0
    as_of: int | None = None
    """The moment at which the report was first asked for; None: now."""
    known_at: int | None = None
    """The moment whose knowledge is asked for, in microseconds; None: now."""
    wants_other: bool = False

    @property
    def by_time(self) -> bool:
        """Whether one of the dimensions is time."""
        return any(grouping.dimension.name == TIME for grouping in self.groupings)


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """The ranges of a report. `starts` and `starts_before` are their buckets, if time is a dimension."""

    current: Range
    before: Range | None
    grain: Grain | None
    starts: tuple[int, ...] = ()
    starts_before: tuple[int, ...] = ()
    end_of_last: int = 0
    """The end of the last bucket, which may be after the range."""


def find_ranges(question: Question, now: int, known: Range) -> Ranges:
    """The ranges at a moment. `known` is as in `find_period`. Raises MalformedRequest."""
    span = question.span or find_period(question.period or "", now, question.zone, question.week_start, known)
    if span.is_all and (_needs_clock(question) or question.compare is not None):
        span = span._replace(range=cut(span.range, now))
    if _needs_clock(question):
        _check_length(span.range, "from")
    before = question.compare if isinstance(question.compare, Range) else None
    if isinstance(question.compare, Compare):
        try:
            before = compare_with(span, question.compare, question.align, question.zone)
        except ValueError as error:
            raise _refusal("compare", str(error)) from None
    if before is not None and _needs_clock(question):
        _check_length(before, "compare_from")
    if not question.by_time:
        return Ranges(current=span.range, before=before, grain=None)
    grain = question.grain or _grain_that_fits(span.range)
    starts = _buckets(question, span.range, grain)
    return Ranges(
        current=span.range,
        before=before,
        grain=grain,
        starts=starts,
        starts_before=_buckets(question, before, grain) if before is not None else (),
        end_of_last=end_of_bucket(starts[-1], grain, question.zone, question.week_start) if starts else 0,
    )


def _needs_clock(question: Question) -> bool:
    """Whether the clock changes of the range are looked up."""
    return any(grouping.dimension.name in CLOCKS for grouping in question.groupings)


def _grain_that_fits(found: Range) -> Grain:
    grain = choose_grain(*found)
    return finest_grain(*found) if has_too_many(*found, grain) else grain


def _buckets(question: Question, found: Range, grain: Grain) -> tuple[int, ...]:
    if has_too_many(*found, grain):
        raise _refusal(
            "grain",
            f"has more than {MAX_BUCKETS} buckets of one {grain} in this range; "
            f"the finest grain that is allowed here is {finest_grain(*found)}",
        )
    return tuple(make_buckets(*found, grain, question.zone, question.week_start))


def _check_length(found: Range, parameter: str) -> None:
    if found.end - found.start > MAX_YEARS * 366 * DAY:
        raise _refusal(parameter, f"begins a range of more than {MAX_YEARS} years; at most {MAX_YEARS} are allowed")


def _refusal(parameter: str, detail: str) -> MalformedRequest:
    return MalformedRequest("The report cannot be made.", (Mistake(detail, parameter=parameter),))
