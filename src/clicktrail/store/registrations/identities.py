"""Whose a browser is: the persons that a site's own uuids stand for, and the browsers that it said are theirs."""

from collections.abc import Iterable

from clicktrail.model.access import SYSTEM
from clicktrail.query.fields import IDENTITY
from clicktrail.store.reads.records import get_record
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import in_, insert_into, number, sql
from clicktrail.store.session.transactions import Write, transaction

MAX_BROWSERS = 100
"""Browsers of one person that are looked at."""
_BECAME = (
    "SELECT m.uuid, p.uuid FROM merged_profiles m JOIN profiles p ON p.profile_id = m.profile_id "
    "WHERE m.uuid = ANY({}::TEXT[]) AND m.name_space IS NULL AND p.uuid IS NOT NULL AND p.name_space IS NULL"
)
"""The site's own uuids of merged profiles, by their index, each with the uuid of what they are a part of."""


@transaction(Write.CHANGE)
def add_identity(session: Session, visitor_id: str, uuid: str) -> tuple[dict[str, str], bool]:
    """Says whose a browser is; returns that, and whether it is new. A client who was merged is the one they became."""
    [uuid] = current_uuids(session, [uuid])
    same = sql("visitor_id = {} AND uuid = {}", visitor_id, uuid)
    known = session.rows(sql("SELECT identity_id FROM identities WHERE {}", same))
    identity_id = known[0][0] if known else session.memory.ids.new()
    if not known:
        row = {
            "identity_id": identity_id,
            "visitor_id": visitor_id,
            "uuid": uuid,
            "create_time": session.clock.now_us(),
        }
        session.rows(insert_into("identities", row))
    return {"identityId": identity_id, "visitorId": visitor_id, "uuid": uuid}, not known


@transaction(Write.CHANGE)
def delete_identity(session: Session, identity_id: str) -> None:
    """Takes back that a browser is somebody's; what was attributed by it stays. Raises NotFound."""
    get_record(session, SYSTEM, IDENTITY, identity_id)
    session.rows(sql("DELETE FROM identities WHERE identity_id = {}", identity_id))


def move_identities(session: Session, old: str, new: str) -> None:
    """The browsers of one person are another's from now on."""
    double = sql("uuid = {} AND visitor_id IN (SELECT visitor_id FROM identities WHERE uuid = {})", old, new)
    session.rows(sql("DELETE FROM identities WHERE {}", double))
    session.rows(sql("UPDATE identities SET uuid = {} WHERE uuid = {}", new, old))


def browsers_of(session: Session, uuids: Iterable[str]) -> set[str]:
    """The browsers of these persons, the newest."""
    people = current_uuids(session, sorted(uuids))
    if not people:
        return set()
    newest = sql("{} ORDER BY create_time DESC LIMIT {}", in_(sql("uuid"), people), number(MAX_BROWSERS))
    return {row[0] for row in session.rows(sql("SELECT visitor_id FROM identities WHERE {}", newest))}


def current_uuids(session: Session, uuids: Iterable[str]) -> list[str]:
    """The site's own uuids of persons as they are now: whoever was merged has that of the client they became."""
    asked = list(uuids)
    if not asked:
        return []
    current: dict[str, str] = dict(session.rows(sql(_BECAME, asked)))
    return list(dict.fromkeys(current.get(uuid, uuid) for uuid in asked))
