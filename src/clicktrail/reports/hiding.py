"""Rows of reports with few clicks, which some viewers do not see (ADR 45)."""

from collections.abc import Mapping, Sequence

from clicktrail.reports.answer import Key
from clicktrail.reports.metrics import Parts

SIZE = "clicks"
"""The part by which rows are small."""


def find_hidden(rows: Sequence[tuple[Key, Parts]], earlier: Mapping[Key, Parts], least: int) -> set[Key]:
    """The rows that have fewer than `least` clicks, now or in the earlier range. Rows without anything are none.

    If there are any, they are at least two with at least `least` clicks together: otherwise the total and the other
    rows would tell what is hidden. The smallest other rows are hidden too for that.
    """
    if not least:
        return set()
    filled = sorted((row for row in rows if any(row[1].values())), key=lambda row: _size(row[1]))
    hidden = {key for key, parts in filled if _is_small(parts, least) or _is_small(earlier.get(key, {}), least)}
    if not hidden:
        return hidden
    total = sum(_size(parts) for key, parts in filled if key in hidden)
    for key, parts in filled:
        if len(hidden) >= 2 and total >= least:
            break
        if key not in hidden:
            hidden.add(key)
            total += _size(parts)
    return hidden


def _size(parts: Parts) -> int:
    return int(parts.get(SIZE) or 0)


def _is_small(parts: Parts, least: int) -> bool:
    return any(parts.values()) and _size(parts) < least
