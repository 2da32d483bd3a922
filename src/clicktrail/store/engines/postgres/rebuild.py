"""Fills old clicks by the month: writes the rows again into a new partition, which takes the place of the old one.

An UPDATE would leave every row twice and change every index for each of them. Whole indexes are built in a fraction of
that time. All of it is one transaction: a stopped fill continues with the same month. Rows of the month can be read
until the exchange at the end; who changes them waits.
"""

import re

from clicktrail.model.uris import find_host
from clicktrail.store.engines.postgres.figures import KEY, lock_fill
from clicktrail.store.engines.postgres.months import Month, attach, list_months, make_table, name_of
from clicktrail.store.session.counted import IS_COUNTED, VISITOR_SQL
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, join, named, names, number, sql

LEAST = 20_000
"""Clicks to fill for which a month is written again. Fewer are updated."""
_REFERRERS = 50_000
"""Referrers in memory at once: at most 100 MB."""
_COUNT = "SELECT count(*) FROM (SELECT FROM {} WHERE is_first IS NULL LIMIT {}) f"
_TABLES = (
    "CREATE TEMP TABLE referrers ON COMMIT DROP AS SELECT row_number() OVER () AS place, referrer FROM "
    "(SELECT DISTINCT c.referrer FROM {} c WHERE c.is_first IS NULL AND c.referrer IS NOT NULL) d",
    'CREATE TEMP TABLE hosts (referrer TEXT COLLATE "C", host TEXT COLLATE "C") ON COMMIT DROP',
    "CREATE TEMP TABLE visits ON COMMIT DROP AS SELECT DISTINCT ON (visitor) visitor, click_id, is_counted FROM "
    f"(SELECT {KEY} AS visitor, c.click_id, c.time, {IS_COUNTED} AS is_counted FROM {{}} c WHERE c.is_first IS NULL) k "
    "ORDER BY visitor, time, click_id",
    'CREATE TEMP TABLE first_clicks (click_id TEXT COLLATE "C") ON COMMIT DROP',
)
_NEXT = "SELECT referrer FROM referrers WHERE place > {} AND place <= {}"
_MARK = (
    "WITH new AS (INSERT INTO link_visitors (visitor) SELECT visitor FROM visits ON CONFLICT DO NOTHING "
    "RETURNING visitor) INSERT INTO first_clicks "
    "SELECT v.click_id FROM visits v JOIN new ON new.visitor = v.visitor WHERE v.is_counted"
)
"""A visit that a node of this version has stored since has its first click already."""
_FILLED = {
    "partner_id": "CASE WHEN c.is_first IS NULL THEN l.profile_id ELSE c.partner_id END",
    "referrer_host": "CASE WHEN c.is_first IS NULL THEN h.host ELSE c.referrer_host END",
    "is_first": "coalesce(c.is_first, f.click_id IS NOT NULL)",
    "visitor": f"CASE WHEN c.is_first IS NULL THEN visitor_key('', {VISITOR_SQL}) ELSE c.visitor END",
}
_COPY = (
    "INSERT INTO {} ({}) SELECT {} FROM {} c LEFT JOIN links l ON l.link_id = c.link_id "
    "LEFT JOIN hosts h ON h.referrer = c.referrer LEFT JOIN first_clicks f ON f.click_id = c.click_id"
)
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'clicks' AND table_schema = current_schema()"
)
_INDEXES = (
    "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = {} "
    "AND indexdef NOT LIKE 'CREATE UNIQUE%'"
)
_of_table = re.compile(r"(CREATE INDEX) .* ON \S+ (USING .*)", re.DOTALL).fullmatch


def fill_month(session: Session, before: Month) -> int:
    """Fills the first month before `before` that has many clicks to fill. Returns their number; 0 if there is none."""
    lock_fill(session)
    for month in sorted(list_months(session)):
        if month < before and _count(session, month, LEAST) == LEAST:
            return _rebuild(session, month)
    return 0


def _rebuild(session: Session, month: Month) -> int:
    old, new = named(name_of(month)), named(f"{name_of(month)}_filled")
    session.rows(sql("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", old))
    [[filled]] = session.rows(sql("SELECT count(*) FROM {} WHERE is_first IS NULL", old))
    for text in _TABLES:
        session.rows(sql(text, old) if "{}" in text else sql(text))
    _find_hosts(session)
    session.rows(sql(_MARK))
    session.rows(sql("ANALYZE hosts, first_clicks"))
    make_table(session, new)
    columns = list_values(session, sql(_COLUMNS))
    values = join(", ", [Sql(_FILLED.get(column, f"c.{column}")) for column in columns])
    session.rows(sql(_COPY, new, names(columns), values, old))
    session.rows(sql("ALTER TABLE {} ADD PRIMARY KEY (click_id)", new))
    for definition in list_values(session, sql(_INDEXES, name_of(month))):
        session.rows(_index_of(definition, new))
    session.rows(sql("DROP TABLE {}", old))
    session.rows(sql("ALTER TABLE {} RENAME TO {}", new, old))
    attach(session, month)
    session.rows(sql("ANALYZE {}", old))
    return int(filled)


def _count(session: Session, month: Month, most: int) -> int:
    count: int = session.rows(sql(_COUNT, named(name_of(month)), number(most)))[0][0]
    return count


def _find_hosts(session: Session) -> None:
    """Fills `hosts` with the referrers that have a host, a piece at a time."""
    start = 0
    while referrers := list_values(session, sql(_NEXT, number(start), number(start + _REFERRERS))):
        pairs = ((referrer, find_host(referrer)) for referrer in referrers)
        session.insert("hosts", ("referrer", "host"), [pair for pair in pairs if pair[1] is not None])
        start += _REFERRERS


def _index_of(definition: str, table: Sql) -> Sql:
    """The statement that makes an index of another table here, with a name that the server chooses."""
    found = _of_table(definition)
    if found is None:
        raise ValueError(f"{definition} makes no index")
    return sql(f"{found[1]} ON {{}} {found[2]}", table)
