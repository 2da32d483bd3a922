"""The audit log: entries that are only added, each chained to the one before it (ADR 48).

Every process adds its entries under one lock, so all of them make one chain. PostgreSQL refuses to change or to delete
a line, except those before the place that a `DROP` entry names.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from clicktrail.model.access import SYSTEM, ActorKind
from clicktrail.model.audit import DROP, AuditEntry, AuditLine, Place, chain, place_detail
from clicktrail.model.times import parse_time, render_time
from clicktrail.query.fields import AUDIT
from clicktrail.query.questions import ListQuery
from clicktrail.store.reads.statements import where_clause
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import and_, names, number, sql
from clicktrail.store.session.transactions import Write, question, transaction

_COLUMNS = AuditLine.__struct_fields__
_SHOWN = names(_COLUMNS, of="e")
_END = "SELECT position, hash FROM audit WHERE position = (SELECT max(position) FROM audit)"
"""The last line, by the key."""
_LAST_BEFORE = (
    "SELECT e.position, e.hash FROM audit e WHERE e.position = "
    "(SELECT coalesce((SELECT min(position) FROM audit WHERE time >= {}), (SELECT max(position) + 1 FROM audit)) - 1)"
)
"""The last line of which no line from a time on comes before: lines are dropped as one piece from the start."""
_LATEST = "SELECT detail FROM audit WHERE action = {} AND position > {} ORDER BY position DESC LIMIT 1"
_SETTINGS = "settings"
"""The action of the entry with the settings in force."""


def take_turn(session: Session) -> None:
    """Excludes other processes that add entries until the transaction ends.

    If it is the first statement of the transaction, adding an entry never conflicts with another process.
    """
    if not session.dialect.is_owned:
        session.rows(sql("LOCK TABLE audit_turn IN EXCLUSIVE MODE"))


def record(session: Session, entry: AuditEntry) -> None:
    """Adds an entry in the session's transaction: it is stored exactly if the transaction is."""
    record_all(session, [entry])


@transaction(Write.QUEUE)
def record_all(session: Session, entries: Sequence[AuditEntry]) -> None:
    """Adds entries in their order."""
    if not entries:
        return
    take_turn(session)
    rows = session.rows(sql(_END))
    end, lines = Place(*rows[0]) if rows else Place(), []
    for entry in entries:
        line = chain(entry, session.clock.now_us(), end)
        end = Place(line.position, str(line.hash))
        lines.append(_row_of(line))
    session.insert("audit", _COLUMNS, lines)


@transaction(Write.QUEUE)
def record_settings(session: Session, settings: Mapping[str, str]) -> bool:
    """Adds an entry if the settings differ from the last entry of settings. Returns whether they do."""
    take_turn(session)
    if find_settings(session) == settings:
        return False
    record(session, by_system(_SETTINGS, settings))
    return True


@question(lambda *_, **__: True)
def find_settings(session: Session, after: int = 0) -> dict[str, str] | None:
    """The settings that the last server recorded, after a position; None if there are none."""
    rows = session.rows(sql(_LATEST, _SETTINGS, after))
    return msgspec.json.decode(rows[0][0], type=dict[str, str]) if rows else None


def by_system(action: str, detail: Mapping[str, Any]) -> AuditEntry:
    """An entry about what the server does by itself."""
    return AuditEntry(actor_kind=ActorKind.SYSTEM, actor=None, action=action, detail=detail)


def drop_before(session: Session, time: int) -> int:
    """Deletes the lines from the start of the chain that are older than `time` (microseconds). Returns their number.

    The chain stays verifiable: an entry names the last line that was dropped. The last settings are recorded again.
    """
    take_turn(session)
    rows = session.rows(sql(_LAST_BEFORE, time))
    if not rows:
        return 0
    last = Place(*rows[0])
    settings = find_settings(session)
    if settings is not None and find_settings(session, last.position) is None:  # commands compare theirs with them
        record(session, by_system(_SETTINGS, settings))
    record(session, by_system(DROP, place_detail(last)))
    its = sql("position <= {}", last.position)
    count: int = session.rows(sql("SELECT count(*) FROM audit WHERE {}", its))[0][0]
    session.rows(sql("DELETE FROM audit WHERE {}", its))
    return count


@question(lambda *_, **__: True)
def read_lines(session: Session, after: int, most: int, query: ListQuery | None = None) -> list[AuditLine]:
    """The lines after a position that pass the filters, in the order of the chain."""
    where = sql("e.position > {}", after)
    if query is not None:
        where = and_(where, where_clause(query, TABLES[AUDIT.name], SYSTEM, session.dialect))
    found = sql("SELECT {} FROM audit e WHERE {} ORDER BY e.position LIMIT {}", _SHOWN, where, number(most))
    return [_line_of(row) for row in session.rows(found)]


def list_lines(session: Session, piece: int = 1_000) -> Iterator[AuditLine]:
    """The whole chain, a piece in memory at a time."""
    after = 0
    while lines := read_lines(session, after, piece):
        yield from lines
        after = lines[-1].position


def _row_of(line: AuditLine) -> Sequence[Any]:
    changed = {"time": parse_time(line.time), "detail": msgspec.json.encode(line.detail).decode()}
    return [changed.get(name, getattr(line, name)) for name in _COLUMNS]


def _line_of(row: Row) -> AuditLine:
    values = dict(zip(_COLUMNS, row, strict=True))
    detail = msgspec.json.decode(values["detail"])
    return AuditLine(**{**values, "time": render_time(values["time"]), "detail": detail})
