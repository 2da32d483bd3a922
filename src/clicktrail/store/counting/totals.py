"""Keeps the daily totals of clicks (ADR 43): adds up what changed, fills them for old clicks, and checks them.

A table of totals only gets more rows. When a day has more new rows than old ones, all of them are replaced by their
sums. So a row is replaced a few times, however often clicks come.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from clicktrail.model.times import DAY_US
from clicktrail.reports.totals import COUNTS, TABLES
from clicktrail.store.counting.kept import keep_changes, keep_clicks
from clicktrail.store.session.counted import DAY_SQL
from clicktrail.store.session.dropped import find_raw_from, find_totals_from
from clicktrail.store.session.finding import UUID_KEY
from clicktrail.store.session.protocol import Row, Session, list_values
from clicktrail.store.session.sql import Sql, and_, join, named, names, number, sql
from clicktrail.store.session.totals import COUNT_SQL, has_totals
from clicktrail.store.session.transactions import Write, transaction

LEAST, LEAST_OWNED = 20_000, 100_000
"""Changes that are worth adding up; clicks, where one process owns the store. Counting so many takes some 10 ms."""
PIECE = 500_000
"""Clicks added up in one transaction, unless a single day has more."""
_BEFORE_ALL = -(1 << 62)
DAYS = 10
"""Days filled in one transaction, where an index finds their clicks."""
_CLICKS_OF = f"SELECT {DAY_SQL} AS day, {{}}, {', '.join(f'{COUNT_SQL[name]} AS {name}' for name in COUNTS)}"
_SUMS = ", ".join(f"sum({name})::INTEGER AS {name}" for name in COUNTS)
_MINUS = ", ".join(f"-sum({name})::INTEGER AS {name}" for name in COUNTS)
_MARK = f"UPDATE clicks SET is_totalled = TRUE, uuid_number = {UUID_KEY} WHERE {{}}"
_IS_ANY = " OR ".join(f"sum({name}) <> 0" for name in COUNTS)
_PENDING = f"SELECT {DAY_SQL} AS day, count(*) FROM clicks c WHERE c.is_totalled IS NULL GROUP BY 1 ORDER BY 1"
_HAS_MANY = "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {}) f"
_CROWDED = (
    "SELECT day FROM {} WHERE day IN (SELECT unnest({}::BIGINT[])) GROUP BY day "
    "HAVING count(*) FILTER (WHERE NOT is_merged) > count(*) FILTER (WHERE is_merged)"
)


class Difference(NamedTuple):
    """Where totals are not what a recount gives."""

    table: str
    day: int
    """The first microsecond of the day."""
    key: tuple[str | None, ...]
    """The values of the table's columns."""
    counts: dict[str, int]
    """Count -> how many the totals have too few; negative: too many."""


@transaction(Write.UPKEEP)
def add_up(session: Session, least: int | None = None) -> int:
    """Moves changes, and clicks that are not in the totals, to the totals, if there are at least `least`.

    Returns the number of clicks and changes in this piece. Nodes may run it at the same time: each takes other rows.
    """
    if not has_totals(session.dialect):
        return 0
    if session.dialect.is_owned:
        return _add_up_owned(session, LEAST_OWNED if least is None else least)
    least = LEAST if least is None else least
    if _count(session, "daily_changes", least) < least:
        return 0
    days = list_values(session, sql("SELECT DISTINCT day FROM daily_changes"))
    last = list(TABLES)[-1]
    steps = [sql("{} AS ({})", named(f"of_{table}"), _insert_sums(table, "taken")) for table in TABLES if table != last]
    taken = sql("taken AS (DELETE FROM daily_changes RETURNING *)")
    session.rows(sql("WITH {} {}", join(", ", [taken, *steps]), _insert_sums(last, "taken")))
    for table in TABLES:
        _merge(session, table, days)
    return least


def _add_up_owned(session: Session, least: int) -> int:
    """Only this process writes, so that statements one after the other see the same rows."""
    pending = session.rows(sql(_PENDING))
    clicks, changes = sum(count for _, count in pending), _count(session, "daily_changes", least)
    if max(clicks, changes) < least:
        return 0
    days = [day for day, _ in pending] or list_values(session, sql("SELECT DISTINCT day FROM daily_changes"))
    if clicks:
        days = _first_days(pending)
        within = and_(_between("c.time", days[0], days[-1] + DAY_US), Sql("c.is_totalled IS NULL"))
        for table in TABLES:
            session.rows(_insert_totals(table, _count_clicks(table, within), is_merged=False))
        keep_clicks(session, within)
        marked = and_(_between("time", days[0], days[-1] + DAY_US), Sql("is_totalled IS NULL"))
        session.rows(sql(_MARK, marked))
    else:
        for table in TABLES:
            session.rows(_insert_sums(table, "daily_changes"))
        keep_changes(session)
        session.rows(sql("DELETE FROM daily_changes"))
    for table in TABLES:
        _merge(session, table, days)
    return clicks or changes


def fill_days(session: Session, least: int = 1) -> int:
    """Adds clicks of an earlier version to the totals, a piece of days in one transaction. Returns the number of clicks
    in the piece; 0 at the end. A stopped fill continues with the next piece."""
    if not has_totals(session.dialect):
        return 0
    if session.dialect.is_owned:
        return _add_up_owned(session, least)
    [[done]] = session.rows(sql("SELECT coalesce(max(end_day), {}) FROM daily_fills", _BEFORE_ALL))
    done = max(done, _whole_from(session))
    first = session.rows(sql("SELECT min(time) FROM clicks WHERE time >= {}", done))[0][0]
    session.rows(sql("DELETE FROM daily_fills"))
    if first is None:
        return 0
    start = first - first % DAY_US
    end = start + DAYS * DAY_US
    _correct(session, start, end)
    _note_fill(session, end)
    count: int = session.rows(sql("SELECT count(*) FROM clicks WHERE time >= {} AND time < {}", start, end))[0][0]
    return count


def needs_fill(session: Session) -> bool:
    """Whether `fill_days` was stopped, or much was left by the last process that owned the store."""
    if session.dialect.is_owned:
        clicks: int = sum(count for _, count in session.rows(sql(_PENDING)))
        return max(clicks, _count(session, "daily_changes", LEAST_OWNED)) >= LEAST_OWNED
    return bool(session.rows(sql("SELECT 1 FROM daily_fills")))


def begin_fill(session: Session) -> None:
    """Has `fill_days` look at all days again."""
    session.rows(sql("DELETE FROM daily_fills"))
    if has_totals(session.dialect) and not session.dialect.is_owned:
        _note_fill(session, _BEFORE_ALL)


def _note_fill(session: Session, end: int) -> None:
    session.rows(sql("INSERT INTO daily_fills (end_day) VALUES ({})", end))


def recount(session: Session) -> None:
    """Makes the totals equal to the stored clicks, for all days of which no click was dropped."""
    for start, end in _pieces(session, _whole_from(session)) if has_totals(session.dialect) else ():
        _correct(session, start, end)


def find_differences(session: Session, since: int | None) -> Iterator[Difference]:
    """Compares the totals with a recount of the clicks of all whole days since a time (None: all days)."""
    if not has_totals(session.dialect):
        return
    first = None if since is None else -(-since // DAY_US) * DAY_US
    for start, end in _pieces(session):
        for table, columns in TABLES.items():
            low = start if first is None else max(start, first)
            for row in session.rows(_differences(session, table, low, end)) if low < end else ():
                width = 1 + len(columns)
                counts = {name: count for name, count in zip(COUNTS, row[width:], strict=True) if count}
                yield Difference(table, row[0], tuple(row[1:width]), counts)


def _whole_from(session: Session) -> int:
    """The first day from which on the totals equal the stored clicks. Earlier ones keep dropped clicks."""
    raw_from = find_raw_from(session)
    if raw_from is None or find_totals_from(session) is None:
        return _BEFORE_ALL
    return -(-raw_from // DAY_US) * DAY_US


def _pieces(session: Session, since: int = _BEFORE_ALL) -> Iterator[tuple[int, int]]:
    """All days that have clicks or totals, some at a time. Spans without any are passed over."""
    start = _first_day(session, since)
    while start is not None:
        end = start + DAYS * DAY_US
        yield start, end
        start = _first_day(session, end)


def _first_day(session: Session, since: int) -> int | None:
    """The first day from `since` on that has clicks or totals."""
    found = session.rows(sql("SELECT min(time) FROM clicks WHERE time >= {}", since))
    for table in (*TABLES, "daily_changes"):
        found += session.rows(sql("SELECT min(day) FROM {} WHERE day >= {}", named(table), since))
    known = [first for [first] in found if first is not None]
    return min(known) // DAY_US * DAY_US if known else None


def _correct(session: Session, start: int, end: int) -> None:
    """Adds what the totals of these days have too few or too many. Each statement sees one snapshot, in which a click
    and its changes are both there or both not: so clicks may be added meanwhile."""
    for table in TABLES:
        session.rows(_insert_totals(table, _differences(session, table, start, end), is_merged=True))


def _differences(session: Session, table: str, start: int, end: int) -> Sql:
    """Day, columns and counts of what the totals lack."""
    columns = names(TABLES[table])
    its = Sql("c.is_totalled") if session.dialect.is_owned else Sql("TRUE")
    within = _between("day", start, end)
    there = join(
        " UNION ALL ",
        [
            sql(f"SELECT day, {{}}, {_MINUS} FROM {{}} WHERE {{}} GROUP BY day, {{}}", columns, each, within, columns)
            for each in (named(table), named("daily_changes"))
        ],
    )
    clicks = _count_clicks(table, and_(_between("c.time", start, end), its))
    summed = f"SELECT day, {{}}, {_SUMS} FROM ({{}} UNION ALL {{}}) d GROUP BY day, {{}} HAVING {_IS_ANY}"
    return sql(summed, columns, clicks, there, columns)


def _count_clicks(table: str, where: Sql) -> Sql:
    columns = names(TABLES[table], of="c")
    places = ", ".join(str(place + 2) for place in range(len(TABLES[table])))
    return sql("{} FROM clicks c WHERE {} GROUP BY 1, {}", sql(_CLICKS_OF, columns), where, Sql(places))


def _insert_sums(table: str, source: str, is_merged: bool = False) -> Sql:
    columns = names(TABLES[table])
    sums = f"SELECT day, {{}}, {_SUMS} FROM {{}} GROUP BY day, {{}} HAVING {_IS_ANY}"
    return _insert_totals(table, sql(sums, columns, named(source), columns), is_merged)


def _insert_totals(table: str, rows: Sql, is_merged: bool) -> Sql:
    inserted = names(("day", *TABLES[table], *COUNTS, "is_merged"))
    return sql("INSERT INTO {} ({}) SELECT *, {} FROM ({}) n", named(table), inserted, Sql(str(is_merged)), rows)


def _merge(session: Session, table: str, days: Sequence[int]) -> None:
    """Replaces the rows of days that have many new ones by their sums."""
    crowded = list_values(session, sql(_CROWDED, named(table), list(days)))
    if not crowded:
        return
    its = sql("day IN (SELECT unnest({}::BIGINT[]))", crowded)
    if not session.dialect.is_owned:
        taken = sql("WITH taken AS (DELETE FROM {} WHERE {} RETURNING *)", named(table), its)
        session.rows(sql("{} {}", taken, _insert_sums(table, "taken", is_merged=True)))
        return
    session.rows(sql("CREATE OR REPLACE TEMP TABLE taken AS SELECT * FROM {} WHERE {}", named(table), its))
    session.rows(sql("DELETE FROM {} WHERE {}", named(table), its))
    session.rows(_insert_sums(table, "taken", is_merged=True))
    session.rows(sql("DROP TABLE taken"))


def _count(session: Session, table: str, most: int) -> int:
    count: int = session.rows(sql(_HAS_MANY, named(table), number(most)))[0][0]
    return count


def _first_days(pending: Sequence[Row]) -> list[int]:
    """The first of the days (with numbers of clicks) that have at most `PIECE` clicks together; at least one day."""
    days: list[int] = []
    total = 0
    for day, count in pending:
        total += count
        if days and total > PIECE:
            break
        days.append(day)
    return days


def _between(column: str, start: int, end: int) -> Sql:
    return sql("{} >= {} AND {} < {}", named(column), number(start), named(column), number(end))
