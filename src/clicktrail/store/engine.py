"""The seam between statements and engines: what a session can do, and how work gets to one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

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
    """One transaction on an engine, used by one thread."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Runs a statement and returns all its rows."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds many rows at once, by the engine's fastest way."""


class Engine(Protocol):
    """A place where clicks are kept. Work is a function of a session; it runs in a thread of the engine's."""

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on one snapshot."""

    async def write(self, work: Callable[[Session], T], after: Callable[[T], None] | None = None) -> T:
        """Runs `work` in one transaction: all of it is on disk when this returns, or none after an exception.

        `after` is given the result once it is on disk, before any later write begins. Raises Unavailable when the
        engine cannot take it now.
        """

    def submit(self, job: Callable[[Callable[[Callable[[Session], T]], T]], None]) -> None:
        """Has the writer's thread call `job(run)`, where `run(work)` runs `work` in one transaction."""

    def close(self) -> None:
        """Waits for the work at hand and closes the store."""
