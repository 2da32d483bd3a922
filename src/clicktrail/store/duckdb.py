"""The embedded engine: one DuckDB file, owned by one process.

DuckDB's calls block and release the GIL, so they run in threads: readers with a cursor each, and one writer, through
which everything goes that changes the store.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import msgspec

from clicktrail.errors import StoreInUse, Unavailable
from clicktrail.store.engine import Row, Session

T = TypeVar("T")
READERS = 4
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": True,
}
_owner = re.compile(r"\(PID (\d+)\)").search


class DuckdbSession:
    """A DuckDB cursor as a Session."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, types: Callable[[str], dict[str, str]]) -> None:
        self._cursor = cursor
        self._types = types

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Runs a statement and returns all its rows."""
        return self._cursor.execute(sql, params).fetchall()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Hands the rows over as one JSON value: one parse and one plan, however many rows there are."""
        types = self._types(table)
        values = ", ".join(f"r[{place}]::{types[column]}" for place, column in enumerate(columns, 1))
        self._cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {values} FROM (SELECT unnest(from_json($1::JSON, '[[\"VARCHAR\"]]')) AS r)",
            [msgspec.json.encode(rows).decode()],
        )


class DuckdbEngine:
    """Opens `path`, or makes it. Raises StoreInUse, in one sentence, when another process has it open."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._connection = duckdb.connect(str(path), config=_CONFIG)
        except duckdb.IOException as error:
            raise _explain(path, error) from None
        self._local = threading.local()
        self._columns: dict[str, dict[str, str]] = {}
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._writer = ThreadPoolExecutor(1, "writer")

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot, in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.run, work)

    async def write(self, work: Callable[[Session], T], after: Callable[[T], None] | None = None) -> T:
        """Runs `work` in one transaction, and then `after`, in the writer's thread."""

        def run() -> T:
            result = self.run(work)
            if after is not None:
                after(result)
            return result

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    def run(self, work: Callable[[Session], T]) -> T:
        """Runs `work` in one transaction, in this thread."""
        cursor = self._cursor()
        try:
            cursor.execute("BEGIN TRANSACTION")
            result = work(DuckdbSession(cursor, self._types))
            cursor.execute("COMMIT")
        except BaseException as error:
            self._roll_back(cursor)
            if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
                raise Unavailable("The store cannot take this now.", headers={"Retry-After": "5"}) from error
            raise
        return result

    def close(self) -> None:
        """Waits for the work at hand and closes the file."""
        self._readers.shutdown()
        self._writer.shutdown()
        self._connection.close()

    def _roll_back(self, cursor: duckdb.DuckDBPyConnection) -> None:
        try:
            cursor.execute("ROLLBACK")
        except duckdb.Error:
            # Nothing to roll back, or the engine did it itself; the next transaction takes a fresh cursor.
            del self._local.cursor

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return cursor

    def _types(self, table: str) -> dict[str, str]:
        if table not in self._columns:
            found = self._cursor().execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1", [table]
            )
            self._columns[table] = dict(found.fetchall())
        return self._columns[table]


def _explain(path: Path, error: duckdb.Error) -> StoreInUse:
    owner = _owner(str(error))
    if "lock" not in str(error).lower():
        return StoreInUse(f"{path} cannot be opened: {str(error).splitlines()[0]}")
    who = f"process {owner[1]}" if owner else "another process"
    return StoreInUse(f"{path} is in use by {who}; stop it first, or name another --data directory.")
