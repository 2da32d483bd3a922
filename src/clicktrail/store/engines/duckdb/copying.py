"""Copies the embedded store to a new file, on one snapshot."""

import contextlib
import secrets
from pathlib import Path

import duckdb

from clicktrail.store.engines.duckdb.failures import unavailable
from clicktrail.store.engines.duckdb.journal.positions import forget_journal
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.session.sql import sql


def copy_store(connection: duckdb.DuckDBPyConnection, session: DuckdbSession, target: Path) -> None:
    """`session` is closed at the end. Raises Unavailable."""
    name = f"copy_{secrets.token_hex(4)}"
    quoted = str(target).replace("'", "''")
    try:
        session.rows(sql(f"ATTACH '{quoted}' AS {name}"))
        source = session.rows(sql("SELECT current_database()"))[0][0]
        session.transact(lambda copying: copying.rows(sql(f'COPY FROM DATABASE "{source}" TO {name}')))
        forget_journal(session, name)
    except duckdb.IOException as error:
        raise unavailable() from error
    finally:  # else the copy stays open, and on disk, when the caller left and its file was deleted
        session.close()
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(f"DETACH DATABASE IF EXISTS {name}")
