"""The interface between statements and engines: what a session can do, and how work reaches one."""

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
"""Name and statements."""
T = TypeVar("T")


@dataclass(frozen=True)
class Dialect:
    """The parts of SQL in which engines differ. Everything else is SQL that both share.

    Every engine has these functions: `fold(text)`, lower case by code point; `text_hash(text)` (`hashes`);
    `divide(number, number)`, whole and rounded down for numbers of 0 or more; `uri_parameter(text, pattern, key)`, the
    decoded value that follows the match of a pattern (`store.reads.report_sql`) and ends before `&` or `#`, NULL where
    it is empty or missing. `key` may speed up the search: `&name=` if the name needs no pattern, else NULL. A text
    whose decoded bytes are not UTF-8 stays encoded.
    """

    name: str
    is_owned: bool
    """Whether one process owns the store, so that its memory is always current."""
    row_id: str | None
    """The engine's row number, valid within one statement; None if joins do not need it."""
    find_any: Callable[[str, Sql, Sequence[str]], Sql]
    """Makes a condition that finds any of several parts in a column's text (`store.session.search`)."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """Sort expression -> its indexed form, whole or a prefix, in the same order. `{}` means the expression."""
    prefix: int = 0
    """Characters of a text that an index holds, if it holds a prefix."""
    first: tuple[Migration, ...] = ()
    last: tuple[Migration, ...] = ()
    """The engine's own migrations, before and after the shared ones."""
    translate: Callable[[str], str] = str
    """Adapts a statement of a shared migration to the engine."""
    is_spread: bool = False
    """Whether the rows of a table are distributed over several machines (Citus): some statements do not work there."""
    skip_locked: str = ""
    """Ending of a SELECT that locks its rows and skips rows that others locked; empty if no one else can."""


@dataclass(frozen=True)
class Extract:
    """Rows of the store, and the file made from them."""

    rows: Sql
    """A query in the shared SQL."""
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
    """One transaction on an engine, used by one thread. `memory` is the process's memory of the store."""

    memory: Memory
    clock: Clock
    figures: "Figures"
    dialect: Dialect

    def rows(self, statement: Sql) -> list[Row]:
        """Runs a statement and returns all its rows."""

    def copy(self, extract: Extract, target: str) -> None:
        """Writes an extract to a file or pipe in bounded memory, however slow the reader is. Raises Unavailable."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Calls `action` in this thread after the transaction is on disk, before any later write begins."""

    def pin_catalogue(self) -> bool:
        """Keeps the catalogue unchanged until the transaction ends. Returns False if memory has an older version."""

    def catalogue_version(self) -> int:
        """Grows with every change to the catalogue or the revocations."""

    def publish(self) -> None:
        """Notifies every process on this store that the transaction changes the catalogue or the revocations."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds many rows in the engine's fastest way."""

    def insert_together(self, *tables: Rows) -> None:
        """Adds rows to several tables, all or none. Counts as one `insert` in a function that declares a single
        statement."""

    def suspects(self, uuids: Collection[str]) -> Collection[str]:
        """The uuids that the store may have."""

    def free_uuids(self, uuids: Sequence[tuple[str, str | None]]) -> None:
        """Frees the uuids (with name spaces) of removed clicks for other clicks."""


def list_values(session: Session, statement: Sql) -> list[Any]:
    """The values of a statement with one column."""
    return [value for [value] in session.rows(statement)]


class Figures(Protocol):
    """The figures of links, exact after the last commit. The cost does not depend on a link's number of clicks."""

    def find(self, session: Session, link_ids: Sequence[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures. Raises Unavailable."""

    def arrive(self, session: Session, clicks: Sequence[Click]) -> Sequence[Click]:
        """Called before this transaction adds clicks. Counts them, and returns them with repeats and first clicks
        marked."""

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """Adds `change` (1, or a negative number) to the registrations of a link."""

    def uncount(self, session: Session, clicks: Sequence[Click], gone: Sequence[Click]) -> None:
        """Called after this transaction removed clicks. `gone`: the first clicks among them whose visits are over."""

    def rename_visitors(self, session: Session, where: Sql, day: int) -> None:
        """Called before the visitors of old clicks (`where`, over `c`) of a UTC day get other keys. `day` is its first
        microsecond."""

    def forget_visits(self, session: Session, clicks: Sequence[Click]) -> None:
        """Called after this transaction stripped clicks: later clicks are not recognised as the same visits."""

    def forget_clicks(self, session: Session, its: Sql) -> None:
        """Called before this transaction drops the clicks `c` that `its` finds. Their figures are kept."""

    def prepare(self, session: Session) -> None:
        """Reads what the first click would otherwise wait for."""

    def keep_dropped(self, session: Session, are_marked: bool) -> None:
        """Keeps the figures of clicks that an earlier version dropped: what the figures have in addition to the clicks
        that are left. `are_marked`: whether unique clicks were counted by the marks of first clicks. No one adds clicks
        meanwhile."""

    def recount(self, session: Session) -> None:
        """Computes the figures again, from the clicks and their marks, and from what is kept of dropped clicks. No one
        adds clicks meanwhile."""

    def settle(self, session: Session) -> None:
        """Called after rows were copied in: computes all that is derived from them."""

    def compare(self, session: Session) -> Mapping[str, tuple[LinkMetrics, LinkMetrics]]:
        """Link id -> the stored figures, and the figures that a recount of the clicks gives, where both differ."""


class Engine(Protocol):
    """Stores clicks. Work is a function of a session, and runs in a thread of the engine."""

    memory: Memory
    is_owned: bool
    """As in its dialect."""

    readers: int
    """Maximum number of queries that run at once."""

    async def settle(self) -> None:
        """Returns when queries see all that was recorded before. While the disk is full, they lack what was recorded
        last. Raises Unavailable."""

    async def ask(self, work: Callable[[Session], T], run: Run, is_single: bool = False) -> T:
        """Answers a query by `work` on one snapshot. If `run` is stopped, raises its reason. Call `settle` first.

        `is_single`: the query is one statement. More queries than `readers` wait for each other.
        """

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, a quick internal read, on one snapshot. It does not wait for queries."""

    async def probe(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which checks that the store answers. It waits for no other work of this process."""

    async def write(self, work: Callable[[Session], T], kind: Write, is_single: bool = False) -> T:
        """Runs `work` in one transaction: when this returns, all of it is on disk; after an exception, nothing is
        stored.

        `work` may run again after a conflict with another process. Raises Unavailable if the engine cannot write now.
        `is_single` is as in `Transaction`.
        """

    def migrate(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which changes the schema, in one transaction, while no other process runs one."""

    async def export(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which may take minutes, once, on one snapshot, without blocking reads.

        On cancellation it interrupts the work and waits until it has ended.
        """

    async def backup(self, target: Path) -> None:
        """Writes a consistent copy of the store to a new file, while the store is in use."""

    async def scrub(self, rewrites: bool = True, rest: float = 0.0) -> bool:
        """Removes what deleted and changed rows left in the files. Returns whether nothing is left. If not, call it
        again later, or the engine cannot know (PostgreSQL). Without `rewrites` only free space is cleared, and given
        back to the disk. After each piece of work it rests `rest` times as long as the piece took."""

    def run(self, work: Callable[[Session], T]) -> T:
        """Runs `work` in one transaction, in this thread."""

    def fill(self, work: Callable[[Session], T], seconds: Collection[int] = ()) -> T:
        """Runs `work`, which fills a store and may take minutes, in one transaction. No one adds clicks
        meanwhile.

        `seconds` are in the months of the clicks.
        """

    def fill_piece(self) -> int:
        """Fills new columns of some clicks that an earlier version stored, in one transaction. Returns their number; 0
        at the end. Other processes may add clicks meanwhile."""

    def begin(self, refresh: Callable[[Session], None], notify: Callable[[str, BaseException], None]) -> None:
        """Starts background work. `refresh` reloads what other processes published; `notify` gets failures."""

    def gauges(self) -> Mapping[str, float]:
        """The engine's own state, by the names of metrics."""

    def submit(self, work: Callable[[], None]) -> None:
        """Queues `work` in the thread that adds clicks."""

    def record(self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which adds clicks, in one durable transaction. Call it in the thread of `submit`."""

    def close(self) -> None:
        """Waits for running work and closes the store."""
