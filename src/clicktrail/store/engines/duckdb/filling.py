"""Fills new columns of old clicks in the embedded store: whole days of `time`, so that each piece knows its visits."""

from collections.abc import Sequence

import numpy as np

from clicktrail.model.times import DAY_US
from clicktrail.model.uris import find_host
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.memory.key_set import Keys, distinct
from clicktrail.store.session.counted import DAY_SQL, IS_COUNTED, KIND_SQL, LINK_SQL, VISITOR_KEY, VISITOR_SQL
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import named, number, sql

_PIECE = 500_000
"""Clicks in a piece, unless a single day has more."""
_DAYS = f"SELECT {DAY_SQL} AS day, count(*) FROM clicks c WHERE c.is_first IS NULL GROUP BY 1 ORDER BY 1"
_REFERRERS = "SELECT DISTINCT c.referrer FROM clicks c WHERE {} AND c.is_first IS NULL AND c.referrer IS NOT NULL"
_FIRST = (
    "CREATE TEMP TABLE first_clicks AS SELECT arg_min(c.rowid, (c.is_first IS NOT TRUE, c.time, c.click_id)) AS place "
    f"FROM clicks c WHERE {{}} AND {IS_COUNTED} GROUP BY md5_number({LINK_SQL} || {KIND_SQL} || {VISITOR_SQL})"
)
"""The row of each visit's first click: the click that is marked already, else the earliest."""
_HOSTS = "CREATE TEMP TABLE hosts AS SELECT unnest({}::VARCHAR[]) AS referrer, unnest({}::VARCHAR[]) AS host"
_FILL = (
    f"UPDATE clicks SET is_first = FALSE, visitor = {VISITOR_KEY.replace('c.', '')}, "
    "partner_id = (SELECT l.profile_id FROM links l WHERE l.link_id = clicks.link_id), "
    "referrer_host = (SELECT h.host FROM hosts h WHERE h.referrer = clicks.referrer) WHERE {} AND is_first IS NULL"
)
"""The partner is the owner of the link now."""
_MARK = "UPDATE clicks SET is_first = TRUE FROM first_clicks f WHERE clicks.rowid = f.place"
"""Apart from `_FILL`: one UPDATE with a join in another order than that of the rows takes forty times as long."""


def fill_days(session: Session) -> int:
    """Fills the clicks of the first days that lack the values. Returns their number; 0 at the end."""
    days = session.rows(sql(_DAYS))
    if not days:
        return 0
    piece = first_days(days, _PIECE)
    bounds = number(piece[0][0]), number(piece[-1][0] + DAY_US)  # the zone maps of `time` skip other rows
    within = sql("c.time >= {} AND c.time < {}", *bounds)
    referrers = [row[0] for row in session.rows(sql(_REFERRERS, within))]
    session.rows(sql(_HOSTS, referrers, list(map(find_host, referrers))))
    session.rows(sql(_FIRST, within))
    session.rows(sql(_FILL, sql("time >= {} AND time < {}", *bounds)))
    session.rows(sql(_MARK))
    for table in ("hosts", "first_clicks"):
        session.rows(sql("DROP TABLE {}", named(table)))
    return sum(count for _, count in piece)


def first_days(days: Sequence[Row], most: int) -> Sequence[Row]:
    """The first of the days (with numbers of clicks) that have at most so many clicks together; at least one day."""
    total = 0
    for place, (_, count) in enumerate(days):
        total += count
        if total > most and place:
            return days[:place]
    return days


def read_uuids(session: DuckdbSession) -> Keys:
    """64 bits of each stored uuid, as a sorted array of numpy without repeats."""
    keys = session.arrays(sql("SELECT md5_number_lower(uuid) AS key FROM clicks WHERE uuid IS NOT NULL"))["key"]
    return distinct(np.asarray(keys, dtype=np.uint64).view(np.int64))
