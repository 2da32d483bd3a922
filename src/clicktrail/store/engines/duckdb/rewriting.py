"""Writes the embedded store's tables again in pieces, so that no block of the file holds deleted values.

DuckDB puts the ends of several columns into one block. While one of them is in use, the block is not free, and the old
values of the others stay in it. So all tables are written again, in pieces that hold up others for a moment only.

- Rows of a large table of clicks are moved: copied behind the last row, and deleted, in one transaction. DuckDB writes
  copies of whole row groups before the commit, and others may insert meanwhile. The next checkpoint only drops the
  empty row groups.
- One row of each row group of the other tables gets other values in all columns, and its own again. The next checkpoint
  writes the row group again, and everyone waits for that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Protocol

from clicktrail.errors import Unavailable
from clicktrail.model.clock import Clock
from clicktrail.store.session.history import ERASED, Kind
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import join, named, number, sql

GROUP_ROWS = 122_880
"""Rows that DuckDB stores together."""
_MOVED_ROWS = 2 * GROUP_ROWS
"""Clicks that are moved together. DuckDB writes a copy before the commit only if it is longer than a row group."""
_LAST = "SELECT coalesce(max(rowid), -1), count(*) FROM clicks"
_TRIES, _APART_S = 30, 1.0
"""Attempts to let old rows go and to clear the file, some seconds apart: long transactions may run."""
_COUNT = "SELECT count(*) FROM clicks WHERE rowid > {} AND rowid <= {}"
_NEXT = (
    "SELECT count(*), min(place), max(place), min(click_id), max(click_id) "
    "FROM (SELECT rowid AS place, click_id FROM clicks WHERE rowid > {} AND rowid <= {} LIMIT {})"
)
_STRAYS = (
    "SELECT rowid FROM clicks WHERE rowid > {} AND rowid <= {} AND click_id BETWEEN {} AND {} "
    "AND click_id IN (SELECT object_id FROM changes WHERE kind = {} AND field = {})"
)
"""Stripped clicks, which an erasure put behind the last row, and whose place was here."""
_MOST_STRAYS = 20_000
_THESE = "rowid BETWEEN {} AND {}"
_NUMBERED = "rowid IN (SELECT unnest({}::BIGINT[]))"
_COPY = "INSERT INTO clicks SELECT * FROM clicks WHERE {} UNION ALL SELECT * FROM clicks WHERE {}"
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary ORDER BY table_name"
_GROUPS = (
    "SELECT row_group_id, sum(count)::BIGINT FROM pragma_storage_info({}) "
    "WHERE column_id = 0 AND segment_type <> 'VALIDITY' GROUP BY 1 ORDER BY 1"
)
_COLUMNS = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = {} AND schema_name = 'main'"
_TAKE = "CREATE TEMP TABLE touched AS SELECT t.rowid AS touched_row, t.* FROM {} t WHERE t.rowid >= {} AND t.rowid < {}"
_ONE = " LIMIT 1"
_SPAN = "SELECT coalesce(min(rowid), 0), coalesce(max(rowid), -1) FROM {}"
_SET = "UPDATE {} SET {} FROM touched k WHERE {}.rowid = k.touched_row"
_CHANGED = "FROM touched EXCEPT ALL SELECT t.rowid, t.* FROM {} t WHERE t.rowid IN (SELECT touched_row FROM touched)"
_OTHERS = {"VARCHAR": "coalesce(k.{}, '') || 'x'", "BOOLEAN": "k.{} IS NOT TRUE"}
_OTHER_NUMBER = "CASE WHEN k.{} = 0 THEN 1 ELSE 0 END"
"""Type of a column -> another value than the stored one. DuckDB leaves out a change to the same value."""


class Group(NamedTuple):
    """Some rows of a table: the first row number, and the number behind the last. `is_exact`: DuckDB stores them
    together, so that touching one of them is enough."""

    table: str
    low: int
    high: int
    is_exact: bool


class Runs(Protocol):
    def __call__(self, work: Callable[[Session], Any]) -> Any:
        """Runs `work` in one transaction in this thread. Raises Unavailable."""


class Range(NamedTuple):
    """Clicks by row number, and by id."""

    rows: int
    low: int
    high: int
    least_id: str
    most_id: str


async def scrub(
    in_writer: Callable[..., Awaitable[Any]],
    pieces: Iterator[float],
    clear: Callable[[], bool],
    clock: Clock,
    rest: float,
) -> bool:
    """Makes all `pieces`, then tries to `clear` the freed blocks; returns the success. After each piece others have
    `rest` times as long as it took, and at least the seconds that it says. A `rest` of 0: there are no others."""
    began = clock.passed_s()
    while (least := await in_writer(next, pieces, None)) is not None:
        await asyncio.sleep(max(rest * (clock.passed_s() - began), least) if rest else 0)
        began = clock.passed_s()
    for _ in range(_TRIES if rest else 1):
        if await in_writer(clear):
            return True
        await asyncio.sleep(rest)
    return False


def rewrite(run: Runs, run_alone: Runs, checkpoint: Callable[[], None], clean: Callable[[], None]) -> Iterator[float]:
    """Writes all tables again; yields after each piece the least seconds to wait. No one changes clicks meanwhile.
    `run_alone` keeps new clicks away too. Raises Unavailable.

    `clean` is a checkpoint that leaves no old values in free metadata: what is written next need not fill its part.
    """
    [(_, count)] = run(lambda session: session.rows(sql(_LAST)))
    are_many = count >= _MOVED_ROWS
    if are_many:
        yield from _move_all(run, run_alone, checkpoint)
    clean()
    for piece in run(partial(_list_pieces, are_many=are_many)):
        run_alone(partial(_touch_all, groups=piece))
        clean()
        yield 0.0


def _move_all(run: Runs, run_alone: Runs, checkpoint: Callable[[], None]) -> Iterator[float]:
    """Moves all clicks. A second time if the table's smallest and largest values changed: each checkpoint wrote them
    behind the metadata of row groups that were moved before."""
    before = run(_read_bounds)
    for _ in range(2):
        first, last = run_alone(_begin_moving)
        while first is not None:
            checkpoint()
            yield 0.0
            first = run(partial(_move, first=first, last=last))
        for _ in range(_TRIES):
            if run(_are_old_gone):
                break
            run_alone(_touch_something)
            checkpoint()
            yield _APART_S
        else:
            raise Unavailable("A long transaction still reads old clicks.")
        if not _is_narrower(before, run(_read_bounds)):
            break


def _touch_something(session: Session) -> None:
    """A checkpoint without changes does nothing; it does not drop what a transaction read during the last one."""
    _touch(session, next(_list_groups(session, "migrations")))


def _are_old_gone(session: Session) -> bool:
    return all(group.is_exact for group in _list_groups(session, "clicks"))


def _read_bounds(session: Session) -> list[tuple[Any, Any]]:
    """The smallest and the largest value of each column of the clicks, as DuckDB keeps them."""
    columns = [named(name) for name, _ in session.rows(sql(_COLUMNS, "clicks"))]
    kept = session.rows(sql("SELECT {} FROM clicks LIMIT 1", join(", ", [sql("stats({})", each) for each in columns])))
    return [(each.get("min"), each.get("max")) for row in kept for each in row]


def _is_narrower(before: Sequence[tuple[Any, Any]], after: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a column lost its smallest or its largest value."""
    return any(
        (low is not None and (new_low is None or new_low > low))
        or (high is not None and (new_high is None or new_high < high))
        for (low, high), (new_low, new_high) in zip(before, after, strict=False)
    )


def _begin_moving(session: Session) -> tuple[int, int]:
    """Moves the first clicks while none is added: so no new one is in the row group of the last of the others, and all
    old row groups become empty. Returns the last moved row, and the last row."""
    [(last, count)] = session.rows(sql(_LAST))
    moved = _move(session, -1, last)
    if moved is None or count < _MOVED_ROWS:
        raise Unavailable("There are too few clicks to move.")  # the copies could be in an old row group
    return moved, last


def _move(session: Session, first: int, last: int) -> int | None:
    """Moves the next clicks from behind row `first` to the end. Returns the last of their rows; None if there are none
    up to `last`."""
    [[left]] = session.rows(sql(_COUNT, number(first), number(last)))
    if not left:
        return None
    most = left if left < 2 * _MOVED_ROWS else _MOVED_ROWS
    found, strays = _find_next(session, first, last, most)
    if strays and most == _MOVED_ROWS:  # so that the copies are whole row groups
        found, _ = _find_next(session, first, last, most - len(strays))
    these, others = sql(_THESE, number(found.low), number(found.high)), sql(_NUMBERED, strays)
    [[copied]] = session.rows(sql(_COPY, these, others))
    deleted = sum(session.rows(sql("DELETE FROM clicks WHERE {}", its))[0][0] for its in (these, others))
    if not copied == deleted == found.rows + len(strays):
        raise RuntimeError("Clicks were not moved as a whole.")
    return found.high


def _find_next(session: Session, first: int, last: int, most: int) -> tuple[Range, list[int]]:
    """The next clicks, and the rows of the strays that belong between them."""
    found = Range(*session.rows(sql(_NEXT, number(first), number(last), number(most)))[0])
    behind = sql(_STRAYS, number(found.high), number(last), found.least_id, found.most_id, Kind.CLICK.value, ERASED)
    return found, list_values(session, behind)[:_MOST_STRAYS]


def _list_pieces(session: Session, are_many: bool) -> list[list[Group]]:
    """The row groups that are touched, some in each piece, also of the clicks if they are not many."""
    tables = [table for table in list_values(session, sql(_TABLES)) if not (are_many and table == "clicks")]
    pieces: list[list[Group]] = [[]]
    rows = 0
    for group in (group for table in tables for group in _list_groups(session, table)):
        rows += group.high - group.low
        if rows > GROUP_ROWS and pieces[-1]:
            pieces.append([])
            rows = group.high - group.low
        pieces[-1].append(group)
    return pieces


def _touch_all(session: Session, groups: Sequence[Group]) -> None:
    for group in groups:
        _touch(session, group)


def _touch(session: Session, group: Group) -> None:
    """Changes one row of a row group, and changes it back. The next checkpoint writes the row group again."""
    table, take = group.table, _TAKE + _ONE * group.is_exact
    session.rows(sql(take, named(table), number(group.low), number(group.high)))
    columns = [(named(name), _OTHERS.get(kind, _OTHER_NUMBER)) for name, kind in session.rows(sql(_COLUMNS, table))]
    others = join(", ", [sql(f"{{}} = {other}", column, column) for column, other in columns])
    same = join(", ", [sql("{} = k.{}", column, column) for column, _ in columns])
    for values in (others, same):
        session.rows(sql(_SET, named(table), values, named(table)))
    if session.rows(sql(_CHANGED, named(table))):
        raise RuntimeError(f"Rows of {table} are not as they were.")
    session.rows(sql("DROP TABLE touched"))


def _list_groups(session: Session, table: str) -> Iterator[Group]:
    counts = [count for _, count in session.rows(sql(_GROUPS, table))]
    [(low, high)] = session.rows(sql(_SPAN, named(table)))
    ends = list(accumulate(counts, initial=high + 1 - sum(counts)))
    is_exact = low == ends[0]
    if not is_exact:  # row groups between others were dropped since the start: it is not known where the others begin
        ends = [*range(low, high + 1, GROUP_ROWS), high + 1]
    yield from (Group(table, low, high, is_exact) for low, high in pairwise(ends))
