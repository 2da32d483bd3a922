"""How many clicks there are of each age."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from clicktrail.model.times import DAY_US
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import join, number, sql

DAYS = (30, 90, 365)
"""Ends of the ages, in days."""


class Ages(NamedTuple):
    """The first click's time, the number of clicks of each age (up to each of `DAYS`, and older ones), and the last
    purge."""

    first: int | None
    counts: Sequence[int]
    last_purge: int | None
    """When the retention last deleted something."""


def count_ages(session: Session) -> Ages:
    """By the clicks' times. One pass over an index, or over a column."""
    now = session.clock.now_us()
    starts = [now - days * DAY_US for days in DAYS]
    since = [sql("count(*) FILTER (WHERE c.time >= {})", number(start)) for start in starts]
    [[first, total, *sums]] = session.rows(sql("SELECT min(c.time), count(*), {} FROM clicks c", join(", ", since)))
    upto = [0, *sums, total]
    [last_purge] = list_values(session, sql("SELECT max(time) FROM purges"))
    return Ages(first, [later - earlier for earlier, later in pairwise(upto)], last_purge)
