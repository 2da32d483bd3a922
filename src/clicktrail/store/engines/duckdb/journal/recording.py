"""A session that adds clicks through the journal."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.session.protocol import Extract, Row, Rows
from clicktrail.store.session.sql import Sql


class RecordingSession:
    """What `insert_clicks` needs: `tables` are the rows that it adds. Statements see all that was recorded before.

    `catch_up` returns when the journal is in the store.
    """

    dialect = DuckdbSession.dialect

    def __init__(self, session: DuckdbSession, catch_up: Callable[[], None]) -> None:
        self.memory, self.clock, self.figures = session.memory, session.clock, session.figures
        self.tables: list[Rows] = []
        self._session = session
        self._catch_up = catch_up

    def rows(self, statement: Sql) -> list[Row]:
        self._catch_up()
        return self._session.rows(statement)

    def arrays(self, statement: Sql) -> Mapping[str, Any]:
        self._catch_up()
        return self._session.arrays(statement)

    def copy(self, extract: Extract, target: str) -> None:
        self._catch_up()
        self._session.copy(extract, target)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._session.after_commit(action)

    def pin_catalogue(self) -> bool:
        return self._session.pin_catalogue()

    def catalogue_version(self) -> int:
        return self._session.catalogue_version()

    def publish(self) -> None:
        self._session.publish()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.insert_together(Rows(table, columns, rows))

    def insert_together(self, *tables: Rows) -> None:
        self.tables += [each for each in tables if each.rows]

    def suspects(self, uuids: Collection[str]) -> Collection[str]:
        return self._session.suspects(uuids)

    def free_uuids(self, uuids: Sequence[tuple[str, str | None]]) -> None:
        self._session.free_uuids(uuids)
