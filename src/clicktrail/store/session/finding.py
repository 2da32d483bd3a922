"""How the embedded store finds clicks by id and uuid without an index (ADR 52).

Imported history brings ids of any time. A few of them widen the range of ids of a whole row group, and DuckDB then
compares all its ids, as texts. So `clicks.created_s` has the second of each id as a number. `clicks.uuid_number` has
the key by which memory knows a uuid (`memory.uuids`), for clicks that are in the daily totals.
"""

from collections.abc import Collection, Sequence
from typing import Any

from clicktrail.model.ids import created_s, is_id
from clicktrail.store.session.protocol import Dialect, Migration
from clicktrail.store.session.sql import Sql, number, sql

SECONDS: Migration = (
    "0020-duckdb-seconds-of-ids",
    ("ALTER TABLE clicks ADD COLUMN created_s UINTEGER", "ALTER TABLE clicks ADD COLUMN uuid_number UBIGINT"),
)
SECOND = "created_s"
UUID_KEY = "md5_number_lower(uuid)"
UUID_KEYS = (
    f"SELECT uuid_number AS key FROM clicks WHERE uuid_number IS NOT NULL UNION ALL SELECT {UUID_KEY} FROM clicks "
    "WHERE is_totalled IS NULL AND uuid IS NOT NULL"
)
"""The keys of all uuids, some twice."""
SECOND_OF_ID = "CAST('0x' || left(click_id, 8) AS UINTEGER)"
_BY_SECOND = "rowid IN (SELECT s.rowid FROM clicks s WHERE s.created_s = {}) AND click_id = {}"
"""Rows first: a scan of all columns takes longer to pass over rows."""


def with_id(dialect: Dialect, click_id: str) -> Sql:
    """The condition that a row of `clicks` has this id. The columns have no alias."""
    if not (dialect.is_owned and is_id(click_id)):
        return sql("click_id = {}", click_id)
    return sql(_BY_SECOND, number(created_s(click_id)), click_id)


def with_seconds(columns: Sequence[str], rows: Collection[Sequence[Any]]) -> tuple[Sequence[str], list[Sequence[Any]]]:
    """New rows of clicks with the seconds of their ids."""
    place = columns.index("click_id")
    return (*columns, SECOND), [(*row, int(row[place][:8], 16)) for row in rows]
