"""A DuckDB cursor as a Session."""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import duckdb

from clicktrail.store.counting.figures import LinkFigures
from clicktrail.store.counting.kept import KEPT
from clicktrail.store.engines.duckdb.failures import unavailable
from clicktrail.store.engines.duckdb.journal.positions import MIGRATION
from clicktrail.store.engines.rendering import copy_statement, renderer
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.finding import SECOND, SECONDS, with_seconds
from clicktrail.store.session.protocol import Dialect, Extract, Figures, Migration, Row, Rows
from clicktrail.store.session.search import find_by_pattern
from clicktrail.store.session.sql import Sql, bind, named, names, sql

T = TypeVar("T")
_STREAM_BYTES = 1024 * 1024
_STREAM_ROWS = 512
"""Bounds of an export's memory: bytes waiting to be taken, and rows taken at a time."""
_APPENDED_ROWS = 128
"""Rows that the driver converts at a time, in 0.7 ms: it holds the interpreter meanwhile, and requests wait."""
_MACROS = (
    # The second half of an MD5 as a signed number of 64 bits.
    "visitor_hash(x) AS CAST((('0x' || substr(md5(x), 17, 16))::UBIGINT::HUGEINT + 9223372036854775808) "
    "% 18446744073709551616 - 9223372036854775808 AS BIGINT)",
    "visitor_key(x, y) AS visitor_hash(x || y)",
    "fold(x) AS lower(x)",
    "text_hash(x) AS CAST('0x' || substr(md5(x), 1, 8) AS BIGINT)",
    "divide(x, y) AS x // y",
    "uri_decode(x) AS CASE WHEN strpos(x, '%') + strpos(x, '+') = 0 THEN x "
    "ELSE replace(coalesce(try(url_decode(replace(x, '+', ' '))), x), chr(0), '') END",
    # A lambda computes its argument once; a macro repeats the text of its argument wherever it uses it. Without groups
    # the search takes a quarter of the time.
    "uri_parameter(x, y, z) AS nullif(list_transform(list_transform([regexp_extract(x, y)], lambda head: CASE WHEN "
    "head <> '' THEN regexp_extract(substr(x, length(head) + 1), '^[^&#]*') END), lambda v: uri_decode(v))[1], '')",
)
"""The functions that statements expect of every engine."""

_TOTALLED: Migration = ("0015-duckdb-totalled-clicks", ("ALTER TABLE clicks ADD COLUMN is_totalled BOOLEAN",))
"""NULL: the click is not yet in the daily totals (`session.totals`). So a new click costs no more than before."""


class Inserting:
    """Inserts rows through a cursor: one by a statement, several by an appender. Both are kept, because making one
    takes a millisecond."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._appenders: dict[tuple[str, int], duckdb.Appender] = {}
        self._statements: dict[tuple[str, int], duckdb.Statement] = {}
        """By table and number of columns: some rows of a table have one more."""

    def skip_optimizer(self) -> None:
        """An insert has nothing to optimise, and the search for it takes a tenth of the time of a short one."""
        self._cursor.execute("PRAGMA disable_optimizer")

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if len(rows) == 1:
            self._insert_one(table, columns, rows[0])
            return
        appender = self._appenders.get((table, len(columns)))
        if appender is None:
            appender = self._appenders[table, len(columns)] = self._cursor.appender(table, columns=list(columns))
        for start in range(0, len(rows), _APPENDED_ROWS):
            appender.append_rows(rows[start : start + _APPENDED_ROWS])
            time.sleep(0)  # whoever waits for the interpreter gets it now
        appender.flush()

    def _insert_one(self, table: str, columns: Sequence[str], row: Sequence[Any]) -> None:
        """A SELECT of values is the plan that takes least: unlike VALUES, it is not cut into pieces for threads."""
        statement = self._statements.get((table, len(columns)))
        if statement is None:
            text = sql("INSERT INTO {} ({}) SELECT {}", named(table), names(columns), bind(row)).numbered()
            [statement] = self._cursor.extract_statements(text)
            self._statements[table, len(columns)] = statement
        self._cursor.execute(statement, row)

    def close(self) -> None:
        self._cursor.close()


class DuckdbSession:
    """A DuckDB cursor as a Session. One thread uses it, for one transaction at a time."""

    dialect = Dialect(
        "duckdb",
        is_owned=True,
        row_id="rowid",
        find_any=find_by_pattern,
        last=(MIGRATION, _TOTALLED, SECONDS, KEPT),
    )

    def __init__(self, cursor: duckdb.DuckDBPyConnection, memory: Memory, figures: LinkFigures) -> None:
        self.memory, self.clock = memory, memory.clock
        self.figures: Figures = figures
        self._cursor = cursor
        for macro in _MACROS:
            cursor.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
        self._inserting = Inserting(cursor)
        self._alone: Inserting | None = None
        self._actions: list[Callable[[], None]] = []
        self._has_begun = self._has_inserted = False

    def rows(self, statement: Sql) -> list[Row]:
        return self._cursor.execute(statement.numbered(), statement.params).fetchall()

    def copy(self, extract: Extract, target: str) -> None:
        """Streams the rows to a rendering engine, at the pace at which the engine takes them."""
        self.rows(sql(f"SET streaming_buffer_size = '{_STREAM_BYTES}B'"))
        rows = self._cursor.sql(extract.rows.numbered(), params=list(extract.rows.params) or None)
        with renderer() as engine:
            engine.register("found", open_stream(rows))
            engine.execute(copy_statement(extract.render.replace("{rows}", "found"), target, extract.kind))

    def arrays(self, statement: Sql) -> Mapping[str, Any]:
        """Runs a statement and returns its columns as numpy arrays."""
        columns: Mapping[str, Any] = self._cursor.execute(statement.numbered(), statement.params).fetchnumpy()
        return columns

    def after_commit(self, action: Callable[[], None]) -> None:
        """Calls `action` in this thread after the transaction is on disk."""
        self._actions.append(action)

    def pin_catalogue(self) -> bool:
        """Always true: no other process changes the catalogue."""
        return True

    def catalogue_version(self) -> int:
        """Read from memory: no other process changes it."""
        return self.memory.published.version

    def publish(self) -> None:
        """Nothing to do: there is no other process."""

    def transact(
        self,
        work: Callable[["DuckdbSession"], T],
        is_single: bool = False,
        is_question: bool = False,
        keeps_actions: bool = False,
    ) -> T:
        """Runs `work` in one transaction, then its `after_commit` actions; with `keeps_actions`, `act` does it.

        BEGIN and COMMIT each wait several times for the GIL. A single read needs neither. A single write of the only
        writer needs neither, because no other write can come between. A query cannot write: only the writer's thread
        may.
        """
        self._has_inserted = False
        try:
            if not is_single:
                self._begin(" READ ONLY" if is_question else "")
            result = work(self)
            if self._has_begun:
                self.rows(sql("COMMIT"))
                self._has_begun = False
        except duckdb.TransactionException as error:  # the disk is full: nothing was stored
            raise unavailable() from error
        if not keeps_actions:
            self.act()
        return result

    def act(self) -> None:
        """Runs what `after_commit` was given."""
        actions, self._actions = self._actions, []
        for action in actions:
            action()

    def _begin(self, mode: str = "") -> None:
        if not self._has_begun:
            self.rows(sql(f"BEGIN TRANSACTION{mode}"))
            self._has_begun = True

    def interrupt(self) -> None:
        """Interrupts the statement that another thread runs here, if any."""
        self._cursor.interrupt()

    def close(self) -> None:
        """Ends the session and rolls back an open transaction."""
        with contextlib.suppress(duckdb.Error):
            self._cursor.close()
            if self._alone is not None:
                self._alone.close()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Outside a transaction, inserts through a separate cursor that does not optimise statements."""
        if table == "clicks" and SECOND not in columns:
            columns, rows = with_seconds(columns, rows)
        if self._has_begun:
            self._inserting.insert(table, columns, rows)
            return
        if self._has_inserted:
            raise RuntimeError("A function that declares a single insert made a second one.")
        self._has_inserted = True
        if self._alone is None:
            self._alone = Inserting(self._cursor.cursor())
            self._alone.skip_optimizer()
        self._alone.insert(table, columns, rows)

    def insert_together(self, *tables: Rows) -> None:
        """Inserts into several tables in one transaction. No other thread writes, so earlier reads still hold."""
        filled = [each for each in tables if each.rows]
        if len(filled) > 1:
            self._begin()
        for each in filled:
            self.insert(*each)

    def suspects(self, uuids: Collection[str]) -> Collection[str]:
        return self.memory.uuids.find(uuids)

    def free_uuids(self, uuids: Sequence[tuple[str, str | None]]) -> None:
        """Nothing to do: a uuid is in use only while its click is stored."""


def open_stream(rows: duckdb.DuckDBPyRelation) -> Any:
    """A relation's rows as an Arrow stream. The public protocol would hold a million rows at once."""
    try:
        return rows._submit("stream", _STREAM_ROWS).arrow_capsule()
    except (AttributeError, TypeError):  # another version of the driver
        return rows.__arrow_c_stream__()
