"""What changed: clicks, registrations, and who owns a link, since this version (ADR 49).

Each changed column is a row with its old and its new value. A bulk change is one statement that adds all its rows.
Deleted clicks and registrations leave bare facts: ids and flags, no personal data.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from clicktrail.model.access import Cause
from clicktrail.model.click import Click
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, join, named, names, number, sql, update

MIGRATION = "0021-history"
"""History begins when this migration is applied."""
DELETED = "deleted"
"""The column of the row that says that the object was deleted."""
ERASED = "erased"
"""The same for a click whose person was erased. Nothing is kept of its lost values."""
_COLUMNS = (
    *("kind", "object_id", "time", "actor_kind", "actor", "reason", "field", "old_value", "new_value"),
    "old_update_time",
)
_BEGIN = "SELECT apply_time FROM migrations WHERE name = {}"
_HIDDEN = frozenset({"visitor_id"})
"""Columns of whose values nothing is kept."""
_LATE_US = 2 * SECOND


class Kind(StrEnum):
    """The kind of an object that has a history."""

    CLICK = "click"
    REGISTRATION = "registration"
    LINK = "link"


TABLES: Mapping[Kind, tuple[str, str]] = {
    Kind.CLICK: ("clicks", "click_id"),
    Kind.REGISTRATION: ("attributions", "attribution_id"),
    Kind.LINK: ("links", "link_id"),
}
"""Kind -> its table and key."""
TRACKED: Mapping[Kind, Mapping[str, str]] = {
    Kind.CLICK: {
        **dict.fromkeys(("profile_id", "partner_id", "banner_id", "visitor_id", "duplicate_of"), "TEXT"),
        "is_first": "BOOLEAN",
    },
    Kind.REGISTRATION: dict.fromkeys(("profile_id", "click_id", "link_id", "partner_id", "rule"), "TEXT"),
    Kind.LINK: {"profile_id": "TEXT"},
}
"""Kind -> the columns whose changes are kept, with their types."""
BARE_CLICK = (
    *("click_id", "time", "link_id", "partner_id", "profile_id", "banner_id", "site_id", "is_first", "bot"),
    *("is_data_centre", "is_prefetch", "duplicate_of", "known_time"),
)
"""What is kept of a deleted click. `bot` says only whether it was a robot."""
BARE_REGISTRATION = (
    *("attribution_id", "profile_id", "click_id", "link_id", "partner_id", "time", "rule", "known_time"),
)
_BARE: Mapping[Kind, tuple[str, tuple[str, ...]]] = {
    Kind.CLICK: ("deleted_clicks", BARE_CLICK),
    Kind.REGISTRATION: ("deleted_registrations", BARE_REGISTRATION),
}
_NAMES_OF_CLIENTS = (
    *(("changes", "object_id", column) for column in ("old_value", "new_value")),
    *((table, columns[0], "profile_id") for table, columns in _BARE.values()),
)
"""Table, its object, and the column that may hold a client's id."""


def find_begin(session: Session) -> int:
    """The first moment of history, in microseconds."""
    begin: int = list_values(session, sql(_BEGIN, MIGRATION))[0]
    return begin


def note_change(session: Session, kind: Kind, old: Any, new: Any, cause: Cause) -> None:
    """Keeps the tracked columns in which one object differs, before and after the change."""
    key, now = TABLES[kind][1], session.clock.now_us()
    rows = [
        [
            *(kind.value, getattr(old, key), now, cause.actor_kind.value, cause.actor, cause.reason.name.lower()),
            *(column, _text(column, getattr(old, column)), _text(column, getattr(new, column))),
            getattr(old, "update_time", None),
        ]
        for column in TRACKED[kind]
        if getattr(old, column) != getattr(new, column)
    ]
    if rows:
        session.insert("changes", _COLUMNS, rows)


def note_changes(session: Session, kind: Kind, where: Sql, cause: Cause, **changes: str | None) -> None:
    """Keeps what a bulk change of columns is going to change. Call it before. One statement a column."""
    table, _ = TABLES[kind]
    for column, new in changes.items():
        differs = sql("{} AND {} IS DISTINCT FROM {}::{}", where, named(column), new, Sql(TRACKED[kind][column]))
        _note_rows(session, kind, sql("{} WHERE {}", named(table), differs), cause, column, new)


def note_deletes(session: Session, kind: Kind, where: Sql, cause: Cause) -> None:
    """Keeps bare facts of rows that are going to be deleted. Call it before."""
    table, _ = TABLES[kind]
    bare, columns = _BARE[kind]
    shown = join(
        ", ", [Sql("CASE WHEN bot <> '' THEN 'robot' ELSE '' END") if c == "bot" else named(c) for c in columns]
    )
    source = sql("{} WHERE {}", named(table), where)
    rows = sql("SELECT {}, {}::BIGINT FROM {}", shown, session.clock.now_us(), source)
    session.rows(sql("INSERT INTO {} ({}, delete_time) {}", named(bare), names(columns), rows))
    _note_rows(session, kind, source, cause, DELETED, None)


def note_erasure(session: Session, where: Sql, cause: Cause) -> None:
    """Keeps that clicks lost what leads to their person."""
    _note_rows(session, Kind.CLICK, sql("clicks WHERE {}", where), cause, ERASED, None)


def rename_client(session: Session, old: str, new: str, most: int | None = None) -> bool:
    """Puts a made-up id in the place of an erased client's: everywhere, or for `most` objects. Then it returns whether
    there was one."""
    for table, key, column in _NAMES_OF_CLIENTS:
        its = sql("{} = {}", named(column), old)
        if table == "changes":
            its = sql("field = 'profile_id' AND {} AND kind <> {}", its, Kind.LINK.value)
        if most is None:
            session.rows(update(table, {column: new}, its))
            continue
        some = sql("SELECT DISTINCT {} FROM {} WHERE {} LIMIT {}", named(key), named(table), its, number(most))
        if found := list_values(session, some):
            session.rows(update(table, {column: new}, sql("{} AND {} = ANY({}::TEXT[])", its, named(key), found)))
            return True
    return False


def forget_changes(session: Session, click_ids: Sequence[str]) -> None:
    """Deletes the history of clicks that the retention drops."""
    its = sql("kind = {} AND object_id = ANY({}::TEXT[])", Kind.CLICK.value, list(click_ids))
    session.rows(sql("DELETE FROM changes WHERE {}", its))


def _note_rows(session: Session, kind: Kind, source: Sql, cause: Cause, column: str, new: str | None) -> None:
    _, key = TABLES[kind]
    old = Sql("NULL") if column in (DELETED, ERASED) else sql("{}::TEXT", named(column))
    update_time = Sql("NULL") if kind is Kind.REGISTRATION else Sql("update_time")
    values = sql(
        "SELECT {}::TEXT, {}, {}::BIGINT, {}::TEXT, {}::TEXT, {}::TEXT, {}::TEXT, {}, {}::TEXT, {}::BIGINT FROM {}",
        *(kind.value, named(key), session.clock.now_us(), cause.actor_kind.value, cause.actor),
        *(cause.reason.name.lower(), column, old, new, update_time, source),
    )
    session.rows(sql("INSERT INTO changes ({}) {}", names(_COLUMNS), values))


def _text(column: str, value: Any) -> str | None:
    if value is None or column in _HIDDEN:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def find_known_time(click: Click, now: int) -> int | None:
    """When a click became known, if its id says another time: its id came from elsewhere."""
    return now if abs(created_s(click.click_id) * SECOND - now) > _LATE_US else None
