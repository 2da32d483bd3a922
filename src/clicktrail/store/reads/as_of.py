"""The store as it was known at an earlier moment: clicks, registrations, and who owned a link (ADR 49).

The current rows get back the values that they had: of each column the old value of its first later change. Rows that
became known later are left out. Rows that were deleted later are there as bare facts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clicktrail.errors import Conflict, MalformedRequest, Mistake
from clicktrail.model.access import Viewer
from clicktrail.model.ids import least_id
from clicktrail.model.times import SECOND, render_time
from clicktrail.query.fields import CLICK, LINK, Resource
from clicktrail.store.reads.statements import COLUMNS
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.history import (
    BARE_CLICK,
    BARE_REGISTRATION,
    TRACKED,
    Kind,
    find_begin,
)
from clicktrail.store.session.history import TABLES as TABLES_OF
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, join, named, names, number, sql

_CLICKS = (*COLUMNS, "ip_hash", "uuid_hash")
_REGISTRATIONS = ("attribution_id", "profile_id", "click_id", "link_id", "time", "rule", "partner_id")
_FIRST = (
    "SELECT object_id, field, old_value, old_update_time, row_number() OVER (PARTITION BY object_id, field "
    "ORDER BY time) AS place FROM changes WHERE kind = {} AND time > {}"
)
"""The changes after a moment. By the index of kind and time."""
_OLD = "max(f.old_value) FILTER (WHERE f.field = '{name}') AS old_{name}, bool_or(f.field = '{name}') AS has_{name}"
_HISTORY = (
    "SELECT f.object_id, {}, min(f.old_update_time) AS old_update_time FROM ({}) f WHERE f.place = 1 "
    "GROUP BY f.object_id"
)
"""Of each object that changed later: the old values of its tracked columns."""
_RESTORED = "CASE WHEN h.has_{name} THEN h.old_{name}::{type} ELSE b.{name} END"
_KNOWN = "((b.known_time IS NULL AND {} < {}) OR b.known_time <= {})"
"""An id has the second in which its row became known, unless the row says otherwise."""
_ROWS = "(SELECT {}, b.is_bare FROM ({}) b LEFT JOIN ({}) h ON h.object_id = {} WHERE {})"


class Sources(NamedTuple):
    """What stands behind FROM for clicks and for registrations."""

    clicks: Sql = Sql("clicks")
    registrations: Sql = Sql("attributions")


NOW = Sources()


def sources_at(at: int | None) -> Sources:
    """Clicks and registrations as they were known at a moment (microseconds); None: as they are now."""
    return NOW if at is None else Sources(clicks_at(at, with_deleted=True), _registrations_at(at))


def clicks_at(at: int, with_deleted: bool) -> Sql:
    """Clicks with their columns, and `is_bare`: the click was deleted later, so that only `BARE_CLICK` is known."""
    found = sql("SELECT {}, known_time, FALSE AS is_bare FROM clicks", names(_CLICKS))
    if with_deleted:
        bare = _bare_sql("deleted_clicks", _CLICKS, BARE_CLICK, at)
        found = sql("{} UNION ALL {}", found, bare)
    update_time = sql("coalesce(h.old_update_time, b.update_time)")
    return _restore(Kind.CLICK, found, _CLICKS, at, {"update_time": update_time})


def _registrations_at(at: int) -> Sql:
    found = sql("SELECT {}, known_time, FALSE AS is_bare FROM attributions", names(_REGISTRATIONS))
    bare = _bare_sql("deleted_registrations", _REGISTRATIONS, BARE_REGISTRATION, at)
    return _restore(Kind.REGISTRATION, sql("{} UNION ALL {}", found, bare), _REGISTRATIONS, at, {})


def links_at(at: int, viewer: Viewer) -> Sql:
    """Links with the partner who owned them. A partner needs to own a link now as well: all else is as it is now."""
    columns = (*LINK.columns, "hand_over_time")
    now = sql("SELECT {}, NULL::BIGINT AS known_time, FALSE AS is_bare FROM links l", names(columns, of="l"))
    return _restore(Kind.LINK, sql("{} WHERE {}", now, visible(TABLES[LINK.name], viewer)), columns, at, {})


def _bare_sql(table: str, columns: Sequence[str], bare: Sequence[str], at: int) -> Sql:
    shown = join(", ", [named(column) if column in bare else Sql("NULL") for column in columns])
    return sql("SELECT {}, known_time, TRUE FROM {} WHERE delete_time > {}", shown, named(table), at)


def _restore(kind: Kind, rows: Sql, columns: Sequence[str], at: int, special: Mapping[str, Sql]) -> Sql:
    """Rows that were known at a moment, with the values that they had."""
    tracked, key = TRACKED[kind], named(f"b.{TABLES_OF[kind][1]}")
    restored = {name: Sql(_RESTORED.format(name=name, type=type_)) for name, type_ in tracked.items()} | {**special}
    listed = [sql("{} AS {}", restored.get(name) or named(f"b.{name}"), named(name)) for name in columns]
    olds = join(", ", [Sql(_OLD.format(name=name)) for name in tracked])
    history = sql(_HISTORY, olds, sql(_FIRST, kind.value, at))
    known = sql(_KNOWN, key, least_id(at // SECOND + 1), number(at))
    return sql(_ROWS, join(", ", listed), rows, history, key, known)


def check_as_of(session: Session, at: int | None) -> None:
    """Raises MalformedRequest for a moment before history began or in the future, and Conflict on a cluster."""
    if at is None:
        return
    if session.dialect.is_spread:
        raise Conflict("A Citus cluster does not answer as_of.")
    begin = find_begin(session)
    if at < begin:
        detail = f"is before {render_time(begin)}, the first moment of which changes are known"
    elif at > session.clock.now_us():
        detail = "is in the future"
    else:
        return
    raise MalformedRequest("This moment is not known.", (Mistake(detail, parameter="as_of"),))


def source_at(resource: Resource, at: int, viewer: Viewer) -> Sql:
    """What stands behind FROM for a list of clicks or links at a moment. Deleted objects are left out."""
    return clicks_at(at, with_deleted=False) if resource is CLICK else links_at(at, viewer)
