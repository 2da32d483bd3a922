"""Whose a browser is: the persons that a site's own uuids stand for, and the browsers that it said are theirs."""

from collections.abc import Iterable

from clicktrail.model.access import SYSTEM
from clicktrail.model.times import now_us
from clicktrail.query.fields import IDENTITY
from clicktrail.store.reads.records import get_record
from clicktrail.store.session.protocol import Params, Session

MAX_BROWSERS = 100
"""Browsers of one person that are looked at."""


def add_identity(session: Session, visitor_id: str, uuid: str) -> tuple[dict[str, str], bool]:
    """Says whose a browser is; returns that, and whether it is new. A client who was merged is the one they became."""
    [uuid] = current_uuids(session, [uuid])
    known = session.rows("SELECT identity_id FROM identities WHERE visitor_id = $1 AND uuid = $2", [visitor_id, uuid])
    identity_id = known[0][0] if known else session.memory.ids.new()
    if not known:
        session.rows(
            "INSERT INTO identities (identity_id, visitor_id, uuid, create_time) VALUES ($1, $2, $3, $4)",
            [identity_id, visitor_id, uuid, now_us()],
        )
    return {"identityId": identity_id, "visitorId": visitor_id, "uuid": uuid}, not known


def delete_identity(session: Session, identity_id: str) -> None:
    """Takes back that a browser is somebody's; what was attributed by it stays. Raises NotFound."""
    get_record(session, SYSTEM, IDENTITY, identity_id)
    session.rows("DELETE FROM identities WHERE identity_id = $1", [identity_id])


def move_identities(session: Session, old: str, new: str) -> None:
    """The browsers of one person are another's from now on."""
    session.rows(
        "DELETE FROM identities WHERE uuid = $1 AND visitor_id IN (SELECT visitor_id FROM identities WHERE uuid = $2)",
        [old, new],
    )
    session.rows("UPDATE identities SET uuid = $1 WHERE uuid = $2", [new, old])


def browsers_of(session: Session, uuids: Iterable[str]) -> set[str]:
    """The browsers of these persons, the newest."""
    people = current_uuids(session, sorted(uuids))
    if not people:
        return set()
    params = Params()
    sql = f"SELECT visitor_id FROM identities WHERE uuid IN ({params.add_all(people)})"
    return {row[0] for row in session.rows(f"{sql} ORDER BY create_time DESC LIMIT {MAX_BROWSERS}", params)}


def current_uuids(session: Session, uuids: Iterable[str]) -> list[str]:
    """The site's own uuids of persons as they are now: whoever was merged has that of the client they became."""
    asked = list(uuids)
    if not asked:
        return []
    rows = session.rows(
        "SELECT m.uuid, p.uuid FROM merged_profiles m JOIN profiles p ON p.profile_id = m.profile_id "
        "WHERE m.uuid = ANY($1::TEXT[]) AND m.name_space IS NULL AND p.uuid IS NOT NULL AND p.name_space IS NULL",
        [asked],
    )
    current = {row[0]: row[1] for row in rows}
    return list(dict.fromkeys(current.get(uuid, uuid) for uuid in asked))
