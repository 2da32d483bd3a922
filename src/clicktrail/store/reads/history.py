"""The history of one object: what changed and when, who changed it, and why."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from clicktrail.errors import NotFound
from clicktrail.model.access import PARTNERS, ActorKind, Reason, Viewer
from clicktrail.query.fields import CLICK, LINK
from clicktrail.store.reads.records import check_there
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.finding import with_id
from clicktrail.store.session.history import DELETED, ERASED, Kind
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import and_, number, sql

MOST = 1_000
"""Changes of an object that are shown: the newest."""
_CHANGES = (
    "SELECT time, actor_kind, actor, reason, field, old_value, new_value FROM changes "
    "WHERE kind = {} AND object_id = {} ORDER BY time DESC, field LIMIT {}"
)
"""By the index of objects."""


class Change(NamedTuple):
    """A column and its values before and after."""

    field: str
    before: str | None
    after: str | None


class Event(NamedTuple):
    """The changes of one cause at one moment. A deletion has no changes."""

    time: int
    actor_kind: ActorKind
    actor: str | None
    """None for partners, who see only what kind of actor it was."""
    reason: Reason
    is_deleted: bool
    changes: Sequence[Change]


def list_click_events(session: Session, viewer: Viewer, click_id: str) -> list[Event]:
    """The newest first. A deleted click has a history too. Raises NotFound, also for another partner's click."""
    visible_ = visible(TABLES[CLICK.name], viewer)
    for table, its in (
        ("clicks", with_id(session.dialect, click_id)),
        ("deleted_clicks", sql("c.click_id = {}", click_id)),
    ):
        if session.rows(sql(f"SELECT 1 FROM {table} c WHERE {{}} LIMIT 1", and_(its, visible_))):
            return _list_events(session, viewer, Kind.CLICK, click_id)
    raise NotFound(f"There is no click {click_id}, and none was deleted.")


def list_link_events(session: Session, viewer: Viewer, link_id: str) -> list[Event]:
    """To which partners a link was handed over; the newest first. Raises NotFound, also for another partner's link."""
    check_there(session, viewer, LINK, link_id)
    return _list_events(session, viewer, Kind.LINK, link_id)


def _list_events(session: Session, viewer: Viewer, kind: Kind, object_id: str) -> list[Event]:
    rows = session.rows(sql(_CHANGES, kind.value, object_id, number(MOST)))
    is_partner = viewer.scope in PARTNERS
    events = []
    for (time, actor_kind, actor, reason), group in groupby(rows, key=lambda row: row[:4]):
        fields = [Change(*row[4:]) for row in group]
        events.append(
            Event(
                time=time,
                actor_kind=ActorKind(actor_kind),
                actor=None if is_partner else actor,
                reason=Reason[reason.upper()],
                is_deleted=any(each.field == DELETED for each in fields),
                changes=[each for each in fields if each.field not in (DELETED, ERASED)],
            )
        )
    return events
