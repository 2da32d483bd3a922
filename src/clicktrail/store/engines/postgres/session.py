"""A PostgreSQL connection as a Session."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import psycopg
from psycopg import errors

from clicktrail.model.ids import created_s
from clicktrail.store.engines.postgres.export import copy_rows
from clicktrail.store.engines.postgres.months import Month, month_of
from clicktrail.store.engines.postgres.schema import POSTGRES
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.protocol import Dialect, Extract, Figures, Row, Rows
from clicktrail.store.session.sql import Sql, join, sql

_CLAIM = "INSERT INTO click_uuids (uuid_key) VALUES {} ON CONFLICT DO NOTHING RETURNING uuid_key"
"""Returns the keys that were not yet claimed. Two nodes that claim the same uuid conflict on its key."""
_CLAIMS = 1_000
"""Uuids per statement with placeholders."""


class MissingPartition(Exception):
    """Clicks fall in months without a partition. Make the partitions, then run the transaction again."""

    def __init__(self, months: Collection[Month]) -> None:
        super().__init__(f"no partition for {sorted(months)}")
        self.months = months


class PostgresSession:
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
        """The id of one of the clicks that the transaction adds."""
        self.actions: list[Callable[[], None]] = []
        self._cursor = psycopg.RawCursor(connection)
        self._is_wanted = is_wanted

    def rows(self, statement: Sql) -> list[Row]:
        self._cursor.execute(statement.numbered().encode(), statement.params or None)
        return self._cursor.fetchall() if self._cursor.description else []

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Sends the rows by COPY. Clicks claim their uuids first: a second claim raises a unique violation.

        Citus does not report why a COPY failed. The usual reason is a conflict with another node, so the transaction
        runs again.
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
        """Always one transaction."""
        for each in tables:
            if each.rows:
                self.insert(*each)

    def suspects(self, uuids: Collection[str]) -> Collection[str]:
        """All: other processes add clicks too."""
        return uuids

    def free_uuids(self, uuids: Sequence[tuple[str, str | None]]) -> None:
        """Deletes the claims of removed clicks."""
        if uuids:
            keys = [uuid_key(*each) for each in uuids]
            self.rows(sql("DELETE FROM click_uuids WHERE uuid_key = ANY({}::UUID[])", keys))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Calls `action` in this thread after the transaction is on disk."""
        self.actions.append(action)

    def pin_catalogue(self) -> bool:
        """Whether memory has the newest catalogue. Transactions that add clicks hold a lock on it from their start."""
        return self.catalogue_version() == self.memory.published.version

    def catalogue_version(self) -> int:
        """Grows with every change to the catalogue or the revocations."""
        version: int = self.rows(sql("SELECT version FROM catalogue_version"))[0][0]
        return version

    def publish(self) -> None:
        """Notifies every node that this transaction changes the catalogue or the revocations."""
        self.rows(sql("UPDATE catalogue_version SET version = version + 1"))
        self.rows(sql("NOTIFY clicktrail"))

    def copy(self, extract: Extract, target: str) -> None:
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
        elif keys:  # all nodes use the same order, so two of them never deadlock
            self._copy_in("click_uuids", ["uuid_key"], [(key,) for key in keys])

    def _claim(self, keys: Sequence[str]) -> None:
        """Claims uuids by INSERT, because on Citus a COPY would not report a second claim. Elsewhere COPY is faster."""
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
    """The key that claims a click's uuid: 128 bits of a SHA-256, so no one can construct a collision.

    Texts contain no NUL, so keys with and without a name space never collide.
    """
    text = uuid if name_space is None else f"{uuid}\0{name_space}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
