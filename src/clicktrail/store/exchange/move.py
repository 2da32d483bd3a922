"""Moves a whole store to another engine, in pieces in the order of keys. A stopped move can continue.

The target's rows show where to continue. At the end every row is read back and compared.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from clicktrail.errors import ClicktrailError
from clicktrail.store.session.protocol import Engine, Row, Session, list_values
from clicktrail.store.session.relations import DERIVED, RELATIONS
from clicktrail.store.session.sql import bind, join, named, names, number, sql

TABLES = {each.table: each.key for each in RELATIONS if each.is_moved}
"""Table -> its key."""
PIECE = 10_000
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = {} AND table_schema = current_schema()"
)
_PIECE = "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {}"
Progress = Callable[[str, int], None]


class MoveRefused(ClicktrailError):
    """Why nothing can be moved, or what differs."""


def columns_of(session: Session, table: str) -> list[str]:
    """The table's columns in alphabetical order, because their order may differ between engines."""
    return sorted(set(list_values(session, sql(_COLUMNS, table))) - DERIVED)


def count_rows(engine: Engine) -> dict[str, int]:
    count = "SELECT count(*) FROM {}"
    return engine.run(lambda session: {table: session.rows(sql(count, named(table)))[0][0] for table in TABLES})


def move(source: Engine, target: Engine, notify: Progress) -> None:
    """Copies the rows that the target lacks; calls `notify(table, rows)` for each piece. Raises MoveRefused."""
    for table, key in TABLES.items():
        columns = source.run(partial(columns_of, table=table))
        if set(columns) != set(target.run(partial(columns_of, table=table))):
            raise MoveRefused(f"{table} has other columns in the target; migrate both stores first.")
        after = target.run(partial(last_key, table=table, key=key))
        _check_beginning(source, target, table, key, after)
        for rows in pieces(source, table, key, columns, after):
            target.run(partial(_insert, table=table, columns=columns, rows=rows))
            notify(table, len(rows))


def compare(source: Engine, target: Engine, notify: Progress) -> dict[str, str]:
    """Reads both stores completely. Returns table -> common checksum. Raises MoveRefused naming the difference."""
    checksums = {}
    for table, key in TABLES.items():
        columns = source.run(partial(columns_of, table=table))
        digest = hashlib.sha256()
        theirs = pieces(target, table, key, columns, None)
        for rows in pieces(source, table, key, columns, None):
            if next(theirs, None) != rows:
                raise MoveRefused(f"{table} differs in the rows from {rows[0][0]} to {rows[-1][0]}.")
            digest.update(msgspec.msgpack.encode(rows))
            notify(table, len(rows))
        if next(theirs, None) is not None:
            raise MoveRefused(f"{table} has more rows in the target than in the source.")
        checksums[table] = digest.hexdigest()
    return checksums


def pieces(
    engine: Engine, table: str, key: tuple[str, ...], columns: list[str], after: Row | None
) -> Iterator[list[Row]]:
    """The rows of a table in the order of its key, after `after`."""
    places = [columns.index(column) for column in key]
    while rows := engine.run(partial(_read_piece, table=table, key=key, columns=columns, after=after)):
        yield rows
        after = tuple(rows[-1][place] for place in places)


def last_key(session: Session, table: str, key: tuple[str, ...]) -> Row | None:
    order = join(", ", [sql("{} DESC", named(column)) for column in key])
    rows = session.rows(sql("SELECT {} FROM {} ORDER BY {} LIMIT 1", names(key), named(table), order))
    return rows[0] if rows else None


def _insert(session: Session, table: str, columns: list[str], rows: list[Row]) -> None:
    session.insert(table, columns, rows)


def _read_piece(session: Session, table: str, key: tuple[str, ...], columns: list[str], after: Row | None) -> list[Row]:
    """Uses the primary key if there is one. DuckDB skips the earlier parts of a table."""
    order = names(key)
    where = sql("({}) > ({})", order, bind(after)) if after is not None else sql("TRUE")
    return session.rows(sql(_PIECE, names(columns), named(table), where, order, number(PIECE)))


def _check_beginning(source: Engine, target: Engine, table: str, key: tuple[str, ...], after: Row | None) -> None:
    """The target's rows must be the first rows of the source: a move that was stopped."""
    if after is None:
        return

    def count(session: Session) -> Any:
        return session.rows(sql("SELECT count(*) FROM {} WHERE ({}) <= ({})", named(table), names(key), bind(after)))

    if source.run(count) != target.run(count):
        raise MoveRefused(f"{table} of the target holds rows that are not from this source; move into an empty store.")
