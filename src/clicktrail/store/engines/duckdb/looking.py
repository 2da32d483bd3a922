"""Reads the embedded store on disk without changing any of its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from clicktrail.errors import StoreInUse
from clicktrail.store.counting.figures import LinkFigures
from clicktrail.store.engines.duckdb.failures import explain
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.memory.memory import Memory
from clicktrail.store.migrations.shared import list_missing, list_newer
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql


class Look(NamedTuple):
    """Missing migrations, migrations of a newer version, number of clicks, and the newest click's id."""

    missing: list[str]
    newer: list[str]
    clicks: int = 0
    newest: str | None = None


@contextmanager
def reading(path: Path) -> Iterator[Session]:
    """A read-only session. Raises StoreInUse, also if the file is not a store."""
    config: dict[str, str | bool | int | float | list[str]] = {"autoload_known_extensions": False}
    try:
        connection = duckdb.connect(str(path), read_only=True, config=config)
    except duckdb.Error as error:
        raise explain(path, error) from None
    try:
        yield DuckdbSession(connection, Memory(), LinkFigures())
    except duckdb.Error as error:
        raise StoreInUse(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    finally:
        connection.close()


def look(session: Session) -> Look:
    """Summarises a store. If migrations are missing, the clicks are not counted."""
    missing, newer = list_missing(session), list_newer(session)
    if missing:
        return Look(missing, newer)
    [counted] = session.rows(sql("SELECT count(*), max(click_id) FROM clicks"))
    return Look(missing, newer, *counted)


def clock_of(session: Session) -> float:
    """The engine's clock, in seconds."""
    return float(session.rows(sql("SELECT extract(epoch FROM clock_timestamp())"))[0][0])
