"""Writes the embedded store's tables again in pieces, so that no block of the file holds deleted values.

DuckDB puts the ends of several columns into one block. While one of them is in use, the block is not free, and the old
values of the others stay in it. A checkpoint writes a column of a row group again when one of its rows was changed. So
one row of each row group gets other values in all columns, and its own again, in one transaction.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import join, named, sql

_PIECE_ROWS = 400_000
"""Rows of the row groups that one checkpoint writes again. It takes about a second."""
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary ORDER BY table_name"
_GROUPS = (
    "SELECT row_group_id, sum(count)::BIGINT FROM pragma_storage_info({}) "
    "WHERE column_id = 0 AND segment_type <> 'VALIDITY' GROUP BY 1 ORDER BY 1"
)
_COLUMNS = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = {} AND schema_name = 'main'"
_TAKE = (
    "CREATE TEMP TABLE touched AS SELECT t.rowid AS touched_row, t.* FROM {} t WHERE t.rowid IN (SELECT min(r.rowid) "
    "FROM {} r JOIN (SELECT unnest({}::BIGINT[]) AS low, unnest({}::BIGINT[]) AS high) g "
    "ON r.rowid >= g.low AND r.rowid < g.high GROUP BY g.low)"
)
_CHANGED = "FROM touched EXCEPT ALL SELECT t.rowid, t.* FROM {} t WHERE t.rowid IN (SELECT touched_row FROM touched)"
_OTHERS = {"VARCHAR": "coalesce(k.{}, '') || 'x'", "BOOLEAN": "k.{} IS NOT TRUE"}
_OTHER_NUMBER = "CASE WHEN k.{} = 0 THEN 1 ELSE 0 END"
"""Type of a column -> another value than the stored one. DuckDB leaves out a change to the same value."""


class Group(NamedTuple):
    """Some rows of a table that DuckDB stores together: the first row number, and the number behind the last."""

    table: str
    low: int
    high: int


def list_pieces(session: Session) -> list[list[Group]]:
    """All row groups of the store, some in each piece."""
    pieces: list[list[Group]] = [[]]
    rows = 0
    for group in _list_groups(session):
        rows += group.high - group.low
        if rows > _PIECE_ROWS and pieces[-1]:
            pieces.append([])
            rows = group.high - group.low
        pieces[-1].append(group)
    return pieces


def touch(session: Session, groups: Sequence[Group]) -> None:
    """Changes one row of each row group, and changes it back. The next checkpoint writes these row groups again."""
    for table in sorted({group.table for group in groups}):
        its = [group for group in groups if group.table == table]
        lows, highs = [group.low for group in its], [group.high for group in its]
        session.rows(sql(_TAKE, named(table), named(table), lows, highs))
        columns = [(named(name), _OTHERS.get(kind, _OTHER_NUMBER)) for name, kind in session.rows(sql(_COLUMNS, table))]
        others = join(", ", [sql(f"{{}} = {other}", column, column) for column, other in columns])
        session.rows(
            sql("UPDATE {} SET {} FROM touched k WHERE {}.rowid = k.touched_row", named(table), others, named(table))
        )
        same = join(", ", [sql("{} = k.{}", column, column) for column, _ in columns])
        session.rows(
            sql("UPDATE {} SET {} FROM touched k WHERE {}.rowid = k.touched_row", named(table), same, named(table))
        )
        if session.rows(sql(_CHANGED, named(table))):
            raise RuntimeError(f"Rows of {table} are not as they were.")
        session.rows(sql("DROP TABLE touched"))


def _list_groups(session: Session) -> Iterator[Group]:
    for table in list_values(session, sql(_TABLES)):
        counts = [count for _, count in session.rows(sql(_GROUPS, table))]
        ends = list(accumulate(counts, initial=0))
        yield from (Group(table, low, high) for low, high in pairwise(ends))
