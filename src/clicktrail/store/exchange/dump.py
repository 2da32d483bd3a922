"""Exports and imports a whole store: one Parquet file for each table that `move` copies, in bounded memory.

An export reads one snapshot. An import is one transaction, which commits only if the store then holds exactly the
content of the files.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import msgspec
import psycopg

from clicktrail.store.exchange.checks import Column, check_file
from clicktrail.store.exchange.manifest import Manifest, TableFile, digest_of, file_of
from clicktrail.store.exchange.move import TABLES, MoveRefused, columns_of
from clicktrail.store.exchange.parquet import ask, read_pieces, unreadable
from clicktrail.store.session.protocol import Extract, Session
from clicktrail.store.session.relations import DERIVED
from clicktrail.store.session.sql import named, names, sql

Progress = Callable[[int], None]
"""Gets the number of rows written since the last call."""
_TYPES = {
    "varchar": "VARCHAR",
    "text": "VARCHAR",
    "double": "DOUBLE",
    "double precision": "DOUBLE",
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
}
"""Type of a column, by an engine's name for it -> its type in the files."""
_REMADE = "visitor_salts"
"""Every start of a server fills this table and adds to the audit log, so a store is empty if all other tables are."""
_ONLY_ADDED = "audit"
"""A store that has its own chain keeps it: the chain of the files stays in the files."""
_COLUMNS = (
    "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = {} "
    "AND table_schema = current_schema() ORDER BY column_name"
)
_UNFIT = (duckdb.ConstraintException, duckdb.ConversionException, psycopg.DataError, psycopg.IntegrityError)
"""The errors for a row that does not fit its table. Other errors, such as a full disk, have other causes."""
_SUM = 'SELECT count(*) AS "rows", CAST(coalesce(sum(CAST(hash({names}) AS HUGEINT)), 0) AS VARCHAR) AS "sum" FROM '
"""Compares two tables whatever the order of their rows."""


class Sums(msgspec.Struct, frozen=True):
    """Number of rows of a table, and the sum of their hashes."""

    rows: int
    sum: str


def write_tables(session: Session, folder: Path) -> dict[str, TableFile]:
    """Writes a file for each table into `folder`. When it returns, all are on disk. Raises Unavailable."""
    return {table: _write_table(session, table, file_of(folder, table)) for table in TABLES}


def _write_table(session: Session, table: str, path: Path) -> TableFile:
    is_ordered = session.dialect.is_owned and table == "clicks"  # rows are already in order, and sorting needs space
    order = () if is_ordered else TABLES[table]
    session.copy(_extract(session, table, "SELECT * FROM {rows}", "parquet", order), str(path))
    path.chmod(0o600)
    with path.open("rb") as content:
        os.fsync(content.fileno())
    return TableFile(ask(path, "SELECT count(*) FROM ")[0][0], path.stat().st_size, digest_of(path))


def months_of(folder: Path) -> list[int]:
    """The first second of every month that has clicks, by their ids. Raises MoveRefused."""
    made = "make_timestamp(TRY_CAST('0x' || substr(click_id, 1, 8) AS BIGINT) * 1000000)"
    rows = ask(file_of(folder, "clicks"), f"SELECT DISTINCT CAST(epoch(date_trunc('month', {made})) AS BIGINT) FROM ")
    return [second for [second] in rows if second is not None]


def fill_store(session: Session, folder: Path, manifest: Manifest, notify: Progress) -> None:
    """Checks all files, and inserts their rows into an empty store. After MoveRefused the caller rolls back."""
    kept = [table for table in TABLES if table not in (_REMADE, _ONLY_ADDED)]
    filled = [table for table in kept if session.rows(sql("SELECT 1 FROM {} LIMIT 1", named(table)))]
    if filled:
        raise MoveRefused(f"The store is not empty: it has {', '.join(filled)}. Import into a new one.")
    session.rows(sql("DELETE FROM {}", named(_REMADE)))
    for table in TABLES:
        check_file(file_of(folder, table), table, _columns_of(session, table))
    has_chain = session.rows(sql("SELECT 1 FROM {} LIMIT 1", named(_ONLY_ADDED)))
    for table in (*kept, _REMADE, *([] if has_chain else [_ONLY_ADDED])):
        path, columns = file_of(folder, table), columns_of(session, table)
        for rows in read_pieces(path, columns):
            try:
                session.insert(table, columns, rows)
            except _UNFIT as error:
                raise unreadable(path, error) from None
            notify(len(rows))
        summing = _SUM.replace("{names}", ", ".join(columns))
        said = Sums(*ask(path, summing)[0])
        if said.rows != manifest.tables[table].rows or said != _sum_up(session, table, summing):
            raise MoveRefused(f"{table} differs from {path.name} after the import; nothing was imported.")
    session.figures.settle(session)
    session.publish()


def _sum_up(session: Session, table: str, summing: str) -> Sums:
    """The sums of a table as the transaction sees it."""
    with tempfile.NamedTemporaryFile(prefix="clicktrail-sum-") as answer:
        session.copy(_extract(session, table, summing + "{rows}", "ndjson"), answer.name)
        return msgspec.json.decode(Path(answer.name).read_bytes(), type=Sums)


def _extract(session: Session, table: str, render: str, kind: str, order: Sequence[str] = ()) -> Extract:
    columns = {column.name: column.kind for column in _columns_of(session, table)}
    rows = sql("SELECT {} FROM {}", names(columns), named(table))
    return Extract(sql("{} ORDER BY {}", rows, names(order)) if order else rows, columns, render, kind)


def _columns_of(session: Session, table: str) -> list[Column]:
    return [
        Column(name, _TYPES[kind.lower()], is_nullable == "YES")
        for name, kind, is_nullable in session.rows(sql(_COLUMNS, table))
        if name not in DERIVED
    ]
