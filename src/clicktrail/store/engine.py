"""The seam between statements and engines: what a session can do, and how work gets to one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clicktrail.store.memory import Memory

Row = tuple[Any, ...]
T = TypeVar("T")


class Params(list[Any]):
    """The values of a statement; `add` returns the placeholder to write in its place."""

    def add(self, value: object) -> str:
        """`$1`, `$2`, …"""
        self.append(value)
        return f"${len(self)}"

    def add_all(self, values: Iterable[object]) -> str:
        """Placeholders joined by commas, for `IN (…)`."""
        return ", ".join(self.add(value) for value in values)


class Session(Protocol):
    """One transaction on an engine, used by one thread. `memory` is what the process keeps in memory of the store."""

    memory: Memory
    row_id: str
    """The engine's name for where a row lies: good within one statement."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Runs a statement and returns all its rows."""

    def copy(self, sql: str, params: Sequence[Any], target: str, kind: str) -> None:
        """Writes a query's rows to a file or pipe as `csv`, `ndjson` or `parquet`, in bounded memory."""

    def arrays(self, sql: str) -> Mapping[str, Any]:
        """Runs a statement and returns its columns as numpy arrays: for millions of rows."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Has `action` run in this thread once the transaction is on disk, before any later write begins."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds many rows at once, by the engine's fastest way."""


class Engine(Protocol):
    """A place where clicks are kept. Work is a function of a session; it runs in a thread of the engine's."""

    memory: Memory

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot."""

    async def write(self, work: Callable[[Session], T]) -> T:
        """Runs `work` in one transaction: all of it is on disk when this returns, or none after an exception.

        Raises Unavailable when the engine cannot take it now.
        """

    async def export(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which may take minutes, on one snapshot, without holding up reads."""

    async def backup(self, target: Path) -> None:
        """Writes a consistent copy of the store to a new file, while it is read and written."""

    def watch(self, work: Callable[[Session], None]) -> None:
        """Runs `work` in a thread of its own, on a snapshot that no write comes before or after by half."""

    def submit(self, job: Callable[[Callable[[Callable[[Session], T]], T]], None]) -> None:
        """Has the writer's thread call `job(run)`, where `run(work)` runs `work`, which writes once, durably."""

    def close(self) -> None:
        """Waits for the work at hand and closes the store."""
