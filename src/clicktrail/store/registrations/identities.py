"""Identities: which browsers (visitorId) belong to which person (the site's own uuid)."""

from collections.abc import Iterable

from msgspec.structs import asdict

from clicktrail.model.access import SYSTEM
from clicktrail.query.fields import IDENTITY, Record
from clicktrail.store.reads.records import check_there
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import in_, insert_into, number, sql
from clicktrail.store.session.transactions import Write, transaction

MAX_BROWSERS = 100
"""Maximum browsers per person that are considered."""
_BECAME = (
    "SELECT m.uuid, p.uuid FROM merged_profiles m JOIN profiles p ON p.profile_id = m.profile_id "
    "WHERE m.uuid = ANY({}::TEXT[]) AND m.name_space IS NULL AND p.uuid IS NOT NULL AND p.name_space IS NULL"
)
"""The old uuid of each merged profile, and its current uuid. Uses the index of uuids."""


@transaction(Write.CHANGE)
def add_identity(session: Session, visitor_id: str, uuid: str) -> tuple[Record, bool]:
    """Records that a browser belongs to a person. A merged client's uuid becomes the current one. Returns the identity,
    and whether it is new."""
    [uuid] = current_uuids(session, [uuid])
    same = sql("visitor_id = {} AND uuid = {}", visitor_id, uuid)
    for [identity_id] in session.rows(sql("SELECT identity_id FROM identities WHERE {}", same)):
        return IDENTITY.record(identity_id, visitor_id, uuid), False
    made = IDENTITY.record(session.memory.ids.new(), visitor_id, uuid)
    session.rows(insert_into("identities", {**asdict(made), "create_time": session.clock.now_us()}))
    return made, True


@transaction(Write.CHANGE)
def delete_identity(session: Session, identity_id: str) -> None:
    """Deletes an identity; attributions made with it stay. Raises NotFound."""
    check_there(session, SYSTEM, IDENTITY, identity_id)
    session.rows(sql("DELETE FROM identities WHERE identity_id = {}", identity_id))


def move_identities(session: Session, old: str, new: str) -> None:
    """Moves the browsers of person `old` to person `new`."""
    double = sql("uuid = {} AND visitor_id IN (SELECT visitor_id FROM identities WHERE uuid = {})", old, new)
    session.rows(sql("DELETE FROM identities WHERE {}", double))
    session.rows(sql("UPDATE identities SET uuid = {} WHERE uuid = {}", new, old))


def browsers_of(session: Session, uuids: Iterable[str]) -> set[str]:
    """The newest browsers of these persons, at most `MAX_BROWSERS`."""
    people = current_uuids(session, sorted(uuids))
    if not people:
        return set()
    newest = sql("{} ORDER BY create_time DESC LIMIT {}", in_(sql("uuid"), people), number(MAX_BROWSERS))
    return set(list_values(session, sql("SELECT visitor_id FROM identities WHERE {}", newest)))


def current_uuids(session: Session, uuids: Iterable[str]) -> list[str]:
    """The current uuids of these persons: a merged profile's uuid becomes the uuid of the remaining profile."""
    asked = list(uuids)
    if not asked:
        return []
    current: dict[str, str] = dict(session.rows(sql(_BECAME, asked)))
    return list(dict.fromkeys(current.get(uuid, uuid) for uuid in asked))
