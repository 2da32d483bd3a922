"""Frees the space of deleted rows: copies the embedded store's file, compares the copy, and replaces the file. Nothing
that was deleted or reduced is left in the file or in the journal.

DuckDB reuses the space of deleted rows but never shrinks its file. At any moment the path is either the complete old
file or the complete new one, because the replacement is one rename. Meanwhile the old file is open for reading, so that
no server can open it for writing.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from clicktrail.errors import StoreInUse
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.journal.segments import blank_segments
from clicktrail.store.engines.duckdb.log import log_of

_SPARE_BYTES = 64 << 20
"""Free space required in addition to the size of the copy."""
Sums = dict[str, tuple[int, int]]
"""Table -> its number of rows, and the sum of the hashes of all its values."""


class CompactRefused(Exception):
    """The reason why the store was not changed."""


class Compacted(NamedTuple):
    """Bytes before and after, and the rows of each table (the same in both files)."""

    before: int
    after: int
    rows: dict[str, int]


def compact(path: Path, memory_mb: int) -> Compacted:
    """Shrinks the file of a store that no process has open. Raises StoreInUse, CompactRefused."""
    path = path.resolve()
    draft = path.with_name(f".{path.name}.compact")
    _remove(draft)  # left by an earlier run that was killed
    engine = DuckdbEngine(path, memory_mb)
    engine.close()  # moves the log into the file
    if engine.damage:
        raise CompactRefused(f"{engine.damage} Run this again to compact what there is.")
    if log_of(path).exists():
        raise CompactRefused(f"{log_of(path)} is still there: its content could not be moved into the file.")
    before = path.stat()
    try:
        with _opened(path, draft, memory_mb) as connection:
            _check_room(connection, path)
            connection.execute("COPY FROM DATABASE old TO new")
            sums, copied = _sum_up(connection, "old"), _sum_up(connection, "new")
            differing = sorted(name for name in sums.keys() | copied.keys() if sums.get(name) != copied.get(name))
            if differing:
                raise CompactRefused(f"The copy differs in {', '.join(differing)}; the store is as it was.")
            connection.execute("DETACH new")
            if log_of(draft).exists():
                raise CompactRefused(f"{log_of(draft)} is left; the store is as it was.")
            blank_segments(path)  # the engine took in all that they hold, and no server can have started since
            _replace(path, draft, before)
    except duckdb.Error as error:
        raise CompactRefused(f"{str(error).splitlines()[0]}; the store is as it was.") from None
    finally:
        _remove(draft)
    return Compacted(before.st_size, path.stat().st_size, {name: count for name, (count, _) in sums.items()})


@contextmanager
def _opened(path: Path, draft: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens the store read-only as `old`, and a new file as `new`. Raises StoreInUse if a server opened it first."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{memory_mb}MB",
        "temp_directory": f"{draft}.tmp",
    }
    with duckdb.connect(":memory:", config=config) as connection:
        try:
            connection.execute(f"ATTACH {_quoted(path)} AS old (READ_ONLY)")
        except duckdb.Error:
            raise StoreInUse(f"{path} is in use by another process; stop it first.") from None
        connection.execute(f"ATTACH {_quoted(draft)} AS new")
        yield connection


def _check_room(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The copy is at most as large as the current content."""
    sizes = connection.execute(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = 'old'"
    ).fetchall()
    needed, free = int(sizes[0][0]) + _SPARE_BYTES, shutil.disk_usage(path.parent).free
    if free < needed:
        raise CompactRefused(
            f"The copy may need {needed >> 20} MiB in {path.parent}, where {free >> 20} MiB are free; make room first."
        )


def _sum_up(connection: duckdb.DuckDBPyConnection, database: str) -> Sums:
    """Values by which two copies of a store are compared. The order of rows does not matter."""
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = $1 AND schema_name = 'main' "
        "ORDER BY table_name, column_name",
        [database],
    ).fetchall():
        columns.setdefault(table, []).append(f'"{column}"')
    sums = {}
    for table, names in columns.items():
        sql = f'SELECT count(*), coalesce(sum(hash({", ".join(names)})::HUGEINT), 0) FROM {database}.main."{table}"'
        [(count, total)] = connection.execute(sql).fetchall()
        sums[table] = int(count), int(total)
    return sums


def _replace(path: Path, draft: Path, before: os.stat_result) -> None:
    """Replaces the store by the copy. The copy gets the same rights, and is on disk before the rename."""
    draft.chmod(stat.S_IMODE(before.st_mode))
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(draft, before.st_uid, before.st_gid)
    with draft.open("rb") as content:
        os.fsync(content.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(draft: Path) -> None:
    draft.unlink(missing_ok=True)
    log_of(draft).unlink(missing_ok=True)
    shutil.rmtree(f"{draft}.tmp", ignore_errors=True)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
