"""What the store counted for a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clicktrail.reports.metrics import Parts
from clicktrail.reports.question import Ranges

Key = tuple[Any, ...]
"""The values of a group's dimensions. A bucket of time is its number."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One row: the values of its dimensions, what was counted, and what was counted in the range before."""

    key: Key = ()
    now: Parts
    before: Parts | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`groups` is the number of all groups; `other` are all groups that are not rows."""

    ranges: Ranges
    as_of: int
    """The moment of the report, in microseconds."""
    rows: Sequence[Group]
    total: Group
    other: Group | None
    groups: int
    names: Mapping[str, Mapping[str, tuple[str | None, ...]]]
    """Dimension -> value -> its names."""
    raw_from: int | None = None
    """Since when no click is missing, in microseconds; None if none were dropped by age."""
    bare: int = 0
    """Clicks of the range that were deleted since the moment whose knowledge is asked for."""
    left_out: int = 0
    """Clicks that `period=all` does not reach."""
