"""A PostgreSQL connection as a Session."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import psycopg
from psycopg import errors

from clicktrail.model.ids import created_s
from clicktrail.store.engines.postgres.export import copy_rows
from clicktrail.store.engines.postgres.partitions import Month, month_of
from clicktrail.store.engines.postgres.schema import POSTGRES
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.protocol import Dialect, Extract, Figures, Row, Rows
from clicktrail.store.session.sql import Sql, join, sql

_CLAIM = "INSERT INTO click_uuids (uuid_key) VALUES {} ON CONFLICT DO NOTHING RETURNING uuid_key"
"""Returns those that nobody had claimed; its key is what two nodes meet at."""
_CLAIMS = 1_000
"""Uuids that one statement claims, where it has a placeholder for each."""


class MissingPartition(Exception):
    """Clicks of months that have no partition yet; with them the transaction is to be run again."""

    def __init__(self, months: Collection[Month]) -> None:
        super().__init__(f"no partition for {sorted(months)}")
        self.months = months


class PostgresSession:
    """One transaction on a connection. `months` are those that have a partition."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        memory: Memory,
        figures: Figures,
        is_wanted: Callable[[Month], bool] = lambda _: False,
        dialect: Dialect = POSTGRES,
    ) -> None:
        self.dialect = dialect
        self.memory, self.clock = memory, memory.clock
        self.figures = figures
        self.click_id: str | None = None
        """One of the clicks that the transaction adds."""
        self.actions: list[Callable[[], None]] = []
        self._cursor = psycopg.RawCursor(connection)
        self._is_wanted = is_wanted

    def rows(self, statement: Sql) -> list[Row]:
        """Runs a statement and returns all its rows."""
        self._cursor.execute(statement.numbered().encode(), statement.params or None)
        return self._cursor.fetchall() if self._cursor.description else []

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Sends the rows by COPY. Clicks claim their uuids first: a second claim ends in a unique violation.

        Citus does not say why a COPY failed. Most often another node came between, so the transaction is run again.
        """
        if table == "clicks":
            self._prepare_clicks(columns, rows)
        try:
            self._copy_in(table, columns, rows)
        except errors.InternalError_ as error:
            if self.dialect.is_spread:
                raise errors.SerializationFailure(str(error)) from error
            raise

    def insert_together(self, *tables: Rows) -> None:
        """It is one transaction in any case."""
        for each in tables:
            if each.rows:
                self.insert(*each)

    def free_uuids(self, uuids: Sequence[tuple[str, str | None]]) -> None:
        """Gives back the claims of clicks that were removed."""
        if uuids:
            keys = [uuid_key(*each) for each in uuids]
            self.rows(sql("DELETE FROM click_uuids WHERE uuid_key = ANY({}::UUID[])", keys))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Has `action` run in this thread once the transaction is on disk."""
        self.actions.append(action)

    def pin_catalogue(self) -> bool:
        """Whether memory's catalogue is the newest. The lock that every transaction of clicks begins with keeps it."""
        return self.catalogue_version() == self.memory.published.version

    def catalogue_version(self) -> int:
        """Grows with every change to the catalogue or the revocations."""
        version: int = self.rows(sql("SELECT version FROM catalogue_version"))[0][0]
        return version

    def publish(self) -> None:
        """Tells every node that this transaction changes the catalogue or the revocations."""
        self.rows(sql("UPDATE catalogue_version SET version = version + 1"))
        self.rows(sql("NOTIFY clicktrail"))

    def copy(self, extract: Extract, target: str) -> None:
        """Writes an extract to a file or pipe."""
        copy_rows(self._cursor, extract, target)

    def _prepare_clicks(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        click_id, uuid = columns.index("click_id"), columns.index("uuid")
        space = columns.index("name_space") if "name_space" in columns else None
        self.click_id = rows[0][click_id]
        seconds = {row[click_id][:8] for row in rows}
        missing = {month for month in map(month_of, map(created_s, seconds)) if self._is_wanted(month)}
        if missing:
            raise MissingPartition(missing)
        keys = sorted(
            uuid_key(row[uuid], None if space is None else row[space]) for row in rows if row[uuid] is not None
        )
        if keys and self.dialect.is_spread:
            self._claim(keys)
        elif keys:  # in one order in all nodes, so that two of them never wait for each other
            self._copy_in("click_uuids", ["uuid_key"], [(key,) for key in keys])

    def _claim(self, keys: Sequence[str]) -> None:
        """Claims uuids by INSERT: on Citus a COPY would not tell of a second claim. Elsewhere COPY is faster."""
        for start in range(0, len(keys), _CLAIMS):
            some = keys[start : start + _CLAIMS]
            values = join(", ", [sql("({}::UUID)", key) for key in some])
            if len(self.rows(sql(_CLAIM, values))) < len(some):
                raise errors.UniqueViolation("Another click has one of these uuids.")

    def _copy_in(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)


def uuid_key(uuid: str, name_space: str | None) -> str:
    """What claims a click's uuid: 128 bits of its SHA-256, so that nobody can make two that meet.

    No text has a NUL, so none of the site's own claims what lies in a name space.
    """
    text = uuid if name_space is None else f"{uuid}\0{name_space}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
