"""The seam between statements and engines: what a session can do, and how work gets to one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from clicktrail.model.click import Click
from clicktrail.model.clock import Clock
from clicktrail.model.metrics import LinkMetrics
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.runs import Run
from clicktrail.store.session.sql import Sql
from clicktrail.store.session.transactions import Write

Row = tuple[Any, ...]
Migration = tuple[str, tuple[str, ...]]
"""A name, and the statements."""
T = TypeVar("T")


@dataclass(frozen=True)
class Dialect:
    """What the text of a statement depends on. All else is said in the SQL that the engines share.

    Every engine has the functions `fold(text)`, lower case by code point, and `text_hash(text)` (`hashes`).
    """

    name: str
    is_owned: bool
    """Whether one process owns the store, so that what it remembers of it is the truth."""
    row_id: str | None
    """The engine's name for where a row lies, good within one statement; None where joins need no such help."""
    find_any: Callable[[str, Sql, Sequence[str]], Sql]
    """The predicate over a column that finds any of several parts of its text (`store.session.search`)."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """Sort expression -> what an index holds of it, `{}` being the expression: as a whole, or in part, in its order."""
    prefix: int = 0
    """Characters of a text that an index holds, where it holds a part."""
    first: tuple[Migration, ...] = ()
    last: tuple[Migration, ...] = ()
    """The engine's own migrations, before and after those of all engines."""
    translate: Callable[[str], str] = str
    """A statement of a migration as the engine wants it."""
    is_spread: bool = False
    """Whether the rows of one table lie on several machines, as Citus has it: some statements do not work there."""
    skip_locked: str = ""
    """What a SELECT ends with whose rows nobody else takes at the same time; nothing where nobody else could."""


@dataclass(frozen=True)
class Extract:
    """Rows of the store, and the file that is made of them."""

    rows: Sql
    """A query in the SQL that the engines share."""
    columns: Mapping[str, str]
    """The query's columns, each with its type in the rendering engine."""
    render: str
    """A query over `{rows}` in the rendering engine's SQL."""
    kind: str
    """`csv`, `ndjson` or `parquet`."""


class Rows(NamedTuple):
    """Rows to add to a table."""

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Session(Protocol):
    """One transaction on an engine, used by one thread. `memory` is what the process keeps in memory of the store."""

    memory: Memory
    clock: Clock
    figures: "Figures"
    dialect: Dialect

    def rows(self, statement: Sql) -> list[Row]:
        """Runs a statement and returns all its rows."""

    def copy(self, extract: Extract, target: str) -> None:
        """Writes an extract to a file or pipe, in bounded memory, however slowly that is read. Raises Unavailable."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Has `action` run in this thread once the transaction is on disk, before any later write begins."""

    def pin_catalogue(self) -> bool:
        """Keeps the catalogue as it is until the transaction ends; False where memory holds an older one."""

    def catalogue_version(self) -> int:
        """Grows with every change to the catalogue or the revocations."""

    def publish(self) -> None:
        """Tells every process on this store that the transaction changes the catalogue or the revocations."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds many rows at once, by the engine's fastest way."""

    def insert_together(self, *tables: Rows) -> None:
        """Adds rows to several tables, all or none; as one `insert` in a function that declares a single statement."""

    def free_uuids(self, uuids: Sequence[tuple[str, str | None]]) -> None:
        """Clicks with these uuids and name spaces were removed: others may have them."""


class Figures(Protocol):
    """The figures of links, exact as of the last commit; they cost the same however many clicks a link has."""

    def find(self, session: Session, link_ids: Sequence[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures. Raises Unavailable."""

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Clicks are about to be added by this transaction: counts them, and returns them with repeats marked."""

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """A link gets one registration more (1) or that many fewer (negative) by this transaction."""

    def uncount(self, session: Session, clicks: Sequence[Click]) -> None:
        """Clicks were just removed by this transaction."""


class Engine(Protocol):
    """A place where clicks are kept. Work is a function of a session; it runs in a thread of the engine's."""

    memory: Memory
    is_owned: bool
    """As its dialect says."""

    readers: int
    """Questions that run at once."""

    async def ask(self, work: Callable[[Session], T], run: Run, is_single: bool = False) -> T:
        """Answers a question by `work`, on one snapshot, until `run` is stopped; then raises the reason.

        `is_single`: it is one statement. More questions than there are `readers` wait for each other.
        """

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, a quick look of the program's own, on one snapshot. It waits for no question."""

    async def probe(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which finds out whether the store answers. It waits for no other work of this process."""

    async def write(self, work: Callable[[Session], T], kind: Write, is_single: bool = False) -> T:
        """Runs `work` in one transaction: all of it is on disk when this returns, or none after an exception.

        `work` may be run again where another process's came between. Raises Unavailable when the engine cannot take it
        now. `is_single` is as in `Transaction`.
        """

    def migrate(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which changes the schema, in one transaction that no other process is beside."""

    async def export(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which may take minutes, once, on one snapshot, without holding up reads.

        Cancelled, it interrupts the work and ends when that has ended.
        """

    async def backup(self, target: Path) -> None:
        """Writes a consistent copy of the store to a new file, while it is read and written."""

    def run(self, work: Callable[[Session], T]) -> T:
        """Runs `work` in one transaction, in this thread."""

    def fill(self, work: Callable[[Session], T], seconds: Collection[int] = ()) -> T:
        """Runs `work`, which fills an empty store and may take minutes, in one transaction, while nobody adds clicks.

        What is derived from the rows is made in the same transaction. The clicks are of the months of these seconds.
        """

    def settle(self) -> None:
        """Makes what is derived from the rows, after they were filled in otherwise than by adding clicks."""

    def begin(self, refresh: Callable[[Session], None], tell: Callable[[str, BaseException], None]) -> None:
        """Begins what a server does beside answering. `refresh` reads what other processes published anew; `tell` is
        told what went wrong."""

    def submit(self, work: Callable[[], None]) -> None:
        """Has the thread that adds clicks call `work`, in turn with what it was given before."""

    def record(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which adds clicks, in one durable transaction; in the thread that `submit` gives work to."""

    def close(self) -> None:
        """Waits for the work at hand and closes the store."""
