"""Gives back the space of what was deleted: the embedded store's file is copied, compared and replaced.

DuckDB uses the space of deleted rows again and never makes its file smaller. At every moment the path is either the old
file, whole, or the new one, whole: the one step between is a rename. While it lasts, the old file is open for reading,
so that no server can open it for writing.
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
from clicktrail.store.engines.duckdb.log import log_of

_SPARE_BYTES = 64 << 20
"""Room beside the copy itself."""
Sums = dict[str, tuple[int, int]]
"""Table -> how many rows it has, and the sum of the hashes of all its values."""


class CompactRefused(Exception):
    """Says why the store was left as it is."""


class Compacted(NamedTuple):
    """Bytes before and after, and the rows of every table, which both files have."""

    before: int
    after: int
    rows: dict[str, int]


def compact(path: Path, memory_mb: int) -> Compacted:
    """Makes the file of a store that nobody has open as small as its content. Raises StoreInUse, CompactRefused."""
    path = path.resolve()
    draft = path.with_name(f".{path.name}.compact")
    _remove(draft)  # of a time before that was ended from outside
    engine = DuckdbEngine(path, memory_mb)
    engine.close()  # what is in the log comes into the file
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
            _replace(path, draft, before)
    except duckdb.Error as error:
        raise CompactRefused(f"{str(error).splitlines()[0]}; the store is as it was.") from None
    finally:
        _remove(draft)
    return Compacted(before.st_size, path.stat().st_size, {name: count for name, (count, _) in sums.items()})


@contextmanager
def _opened(path: Path, draft: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """The store as `old`, for reading alone, and a new file as `new`. Raises StoreInUse where a server was faster."""
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
    """The copy takes at most what the content takes now."""
    sizes = connection.execute(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = 'old'"
    ).fetchall()
    needed, free = int(sizes[0][0]) + _SPARE_BYTES, shutil.disk_usage(path.parent).free
    if free < needed:
        raise CompactRefused(
            f"The copy may need {needed >> 20} MiB in {path.parent}, where {free >> 20} MiB are free; make room first."
        )


def _sum_up(connection: duckdb.DuckDBPyConnection, database: str) -> Sums:
    """What tells two copies of a store apart, in whatever order their rows lie."""
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
    """Puts the copy in the place of the store: with the same rights, and on the disk before its name is."""
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
