"""The row that says how much of the journal the store holds. It changes in the transaction that takes it in."""

from typing import NamedTuple

from clicktrail.store.engines.duckdb.journal.journal import Position
from clicktrail.store.session.protocol import Migration, Session
from clicktrail.store.session.sql import named, number, sql

MIGRATION: Migration = (
    "0014-duckdb-journal",
    (
        "CREATE TABLE journal_position (store_id TEXT NOT NULL, segment BIGINT NOT NULL, place BIGINT NOT NULL)",
        "INSERT INTO journal_position SELECT replace(CAST(uuid() AS VARCHAR), '-', ''), 0, 0",
    ),
)
_TABLES = "SELECT 1 FROM information_schema.tables WHERE table_name = 'journal_position'"


class Held(NamedTuple):
    """The id by which a journal knows its store, 16 bytes, and the place up to which the store has taken it in."""

    store_id: bytes
    position: Position


def has_journal(session: Session) -> bool:
    """False for a store of a version that had none."""
    return bool(session.rows(sql(_TABLES)))


def read_held(session: Session) -> Held:
    [(store_id, segment, place)] = session.rows(sql("SELECT store_id, segment, place FROM journal_position"))
    return Held(bytes.fromhex(store_id), Position(segment, place))


def write_position(session: Session, position: Position) -> None:
    session.rows(sql("UPDATE journal_position SET segment = {}, place = {}", *map(number, position)))


def forget_journal(session: Session, database: str) -> None:
    """Makes an attached copy a separate store: no journal belongs to it."""
    own = "UPDATE {}.journal_position SET store_id = replace(CAST(uuid() AS VARCHAR), '-', ''), segment = 0, place = 0"
    session.rows(sql(own, named(database)))
