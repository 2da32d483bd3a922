"""Writes PostgreSQL's tables again, so that no page of them has the bytes of deleted and changed rows.

VACUUM alone only marks the space of such rows as free: most of their bytes stay in the pages. The planner's statistics
keep some values of each column until ANALYZE finds rows with others.
"""

from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from clicktrail.store.session.relations import RELATIONS

_ALSO = ("deliveries", "attribution_clicks", "changes", "deleted_clicks", "deleted_registrations")
_PASSING = ("objections", "click_uuids")
TABLES = tuple(each.table for each in RELATIONS if each.is_personal or each.table in (*_ALSO, *_PASSING))
"""What may hold data of persons, or has held them. Clicks include all their partitions."""
_KNOWN = """SELECT DISTINCT s.tablename, substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \\(''([0-9a-f]*)''\\)')
FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace = s.schemaname::REGNAMESPACE
WHERE c.relkind IN ('r', 'p') AND s.schemaname = current_schema()
AND (s.tablename = ANY(%s) OR s.tablename LIKE 'clicks\\_%%')"""
"""Tables with statistics, and of a partition the first key that it may have."""
_NEEDED = """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::REGCLASS AND attnum > 0 AND attnotnull AND NOT attisdropped AND attgenerated = ''"""
_STAND_INS = {"text": "", "boolean": "false", "uuid": "00000000-0000-0000-0000-000000000000"}


def rewrite_tables(url: str) -> None:
    """Locks one table after the other, the partitions of clicks one by one. Raises psycopg.Error."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(SQL("VACUUM (FULL, ANALYZE) {}").format(Identifier(table)))
        for table, key in connection.execute(_KNOWN, [list(TABLES)]).fetchall():
            _forget_statistics(connection, table, key)
        connection.execute("VACUUM (FULL) pg_catalog.pg_statistic")
        connection.execute("CHECKPOINT")


def _forget_statistics(connection: psycopg.Connection[Any], table: str, key: str | None) -> None:
    """ANALYZE leaves the statistics of an empty table as they are. So it gets a row that no one else ever sees."""
    name = Identifier(table)
    with connection.transaction():
        if connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(name)).fetchone() is not None:
            return
        needed = connection.execute(_NEEDED, [table]).fetchall()
        values = [key if key and column == "click_id" else _STAND_INS.get(kind, "0") for column, kind in needed]
        place = connection.execute(_insert(name, [column for column, _ in needed], values)).fetchone()
        connection.execute(SQL("ANALYZE {}").format(name))
        connection.execute(SQL("DELETE FROM {} WHERE (tableoid, ctid) = (%s, %s)").format(name), place)


def _insert(name: Identifier, columns: list[str], values: list[str]) -> Composed:
    names, literals = SQL(", ").join(map(Identifier, columns)), SQL(", ").join(map(Literal, values))
    return SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING tableoid, ctid").format(name, names, literals)
