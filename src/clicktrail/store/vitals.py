"""A store's condition, and the note of its last backup."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from clicktrail.model.clock import Clock
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.store.reads.statements import COLUMNS
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write, transaction

_WAITING = (
    "SELECT min(delivery_id), min(due_time) FROM deliveries WHERE due_time IS NOT NULL "
    "AND postback_id IN (SELECT postback_id FROM postbacks WHERE enabled)"
)
"""The ages of the oldest and of the most overdue waiting delivery, by the index of due deliveries."""


class Vitals(NamedTuple):
    oldest_waiting_s: float
    """Age of the oldest waiting delivery; 0 if none waits."""
    overdue_s: float
    """Time since the most overdue delivery became due; 0 if none is due."""
    store_bytes: float | None
    """Size of the database; None if the store is a file of this process, which can look itself."""


def look(session: Session) -> Vitals:
    """Deliveries of disabled postbacks are left out."""
    [(oldest, due)] = session.rows(sql(_WAITING))
    now = session.clock.now_us()
    size = None
    if not session.dialect.is_owned:
        size = float(session.rows(sql("SELECT pg_database_size(current_database())"))[0][0])
    age = 0.0 if oldest is None else max(now / SECOND - created_s(oldest), 0.0)
    return Vitals(age, 0.0 if due is None else max((now - due) / SECOND, 0.0), size)


@transaction(Write.QUEUE)
def try_writing(session: Session) -> None:
    """Rewrites a row unchanged. Raises an error if the store takes no writes."""
    session.rows(sql("UPDATE visitor_salts SET salt = salt"))


@transaction(Write.CLICKS, is_single=True)
def warm_up(session: Session) -> None:
    """Prepares the catalogue lock, the marks and the appender for the first click, in the thread that adds clicks."""
    session.pin_catalogue()
    session.figures.prepare(session)
    if session.dialect.is_owned:
        session.insert("clicks", (*COLUMNS, "ip_hash", "uuid_hash"), [])


def note_backup(store: Path, clock: Clock) -> None:
    """Notes the time of a backup in a file beside the store's; does nothing if it must not write there."""
    note = _note_of(store)
    draft = note.with_name(note.name + ".new")
    with suppress(OSError):
        draft.write_text(json.dumps({"time": int(clock.unix_s())}) + "\n")
        draft.replace(note)


def last_backup(store: Path) -> float:
    """Time of the last backup in Unix seconds; 0 if there was none."""
    try:
        return float(json.loads(_note_of(store).read_text())["time"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def _note_of(store: Path) -> Path:
    return store.with_name(store.name + ".backup.json")
