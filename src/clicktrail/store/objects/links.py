"""Links that are handed over to another partner."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clicktrail.model.access import OwnRules, Reason, Viewer
from clicktrail.model.ids import IdGenerator
from clicktrail.query.fields import LINK, Record
from clicktrail.store.objects import own
from clicktrail.store.objects.catalogue import create_item, update_item
from clicktrail.store.reads.records import get_record
from clicktrail.store.session.history import Kind, note_change
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql, update
from clicktrail.store.session.transactions import Write, transaction

_STAYING = "SELECT count(*) FROM clicks WHERE link_id = {} AND partner_id IS NOT DISTINCT FROM {}"
"""By the index of links."""


_TOLD = ("uri", "code", "enabled", "profile_id")
"""What the audit log says before and after a change."""
_MOST_TOLD = 1_000
"""Characters of one value there."""


class Staying(NamedTuple):
    """The clicks that a link's earlier owner keeps when the link is handed over. No partner_id: it had no owner."""

    partner_id: str | None
    clicks: int


class Changed(NamedTuple):
    """A link after a change, the clicks that stay with an earlier owner, and its text for the audit log."""

    link: Record
    staying: Staying | None
    detail: Mapping[str, Any]


@transaction(Write.CATALOGUE)
def create_link(
    session: Session, ids: IdGenerator, viewer: Viewer, values: Mapping[str, Any], rules: OwnRules
) -> tuple[Record, bool]:
    """Adds a link. Returns it, and whether it is new. Raises Conflict, InvalidBody."""
    own.check_added(session, viewer, LINK, values, rules)
    return create_item(session, ids, LINK, values)


@transaction(Write.CATALOGUE)
def update_link(session: Session, viewer: Viewer, link_id: str, values: Mapping[str, Any], rules: OwnRules) -> Changed:
    """Changes a link that the viewer sees. Raises NotFound, Conflict, InvalidBody."""
    before = get_record(session, viewer, LINK, link_id)
    own.check_changed(session, viewer, before, values, rules)
    partner_id = before.profile_id
    record = update_item(session, LINK, link_id, values)
    if record.profile_id == partner_id:
        return Changed(record, None, _describe(before, record))
    note_change(session, Kind.LINK, before, record, viewer.cause(Reason.HANDED_OVER))
    session.rows(update("links", {"hand_over_time": session.clock.now_us()}, sql("link_id = {}", link_id)))
    staying = Staying(partner_id, session.rows(sql(_STAYING, link_id, partner_id))[0][0])
    return Changed(record, staying, _describe(before, record))


def _describe(before: Record, after: Record) -> dict[str, list[Any]]:
    """Of each value that is told and has changed: before, after."""
    told = {LINK.keys[name]: [_cut(getattr(each, name)) for each in (before, after)] for name in _TOLD}
    return {name: values for name, values in told.items() if values[0] != values[1]}


def _cut(value: Any) -> Any:
    is_long = isinstance(value, str) and len(value) > _MOST_TOLD
    return value[:_MOST_TOLD] + "…" if is_long else value
