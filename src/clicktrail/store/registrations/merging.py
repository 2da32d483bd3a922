"""Merges two profiles of one client (ADR 29), in the caller's transaction."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clicktrail.errors import Conflict, InvalidBody, Mistake
from clicktrail.model.access import SYSTEM, Reason, Viewer
from clicktrail.model.contacts import is_same
from clicktrail.query.fields import CONTACT, PROFILE, Record
from clicktrail.store.clicks.change import hand_over
from clicktrail.store.objects.profiles import NAMES, replace_tags
from clicktrail.store.reads.records import get_record, update_row
from clicktrail.store.registrations.identities import move_identities
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import OnDelete, pointing_to
from clicktrail.store.session.sql import insert_into, named, sql, update
from clicktrail.store.session.transactions import Write, transaction

_KNOWN = "SELECT profile_id, uuid, name_space FROM profiles WHERE profile_id = ANY({}::TEXT[])"
_CALLED = {"clients": "OAuth clients"}
_ENABLED = {"clients": " AND enabled", "users": " AND enabled"}
"""A revoked OAuth client or a disabled user does not make its profile a partner."""
_IS_CLIENT = (
    "SELECT 1 FROM clicks WHERE profile_id = {} UNION ALL SELECT 1 FROM attributions WHERE profile_id = {} LIMIT 1"
)


class _Known(NamedTuple):
    """A profile's uuid and its name space."""

    uuid: str | None
    name_space: str | None


@transaction(Write.ALONE)
def merge_profiles(session: Session, viewer: Viewer, kept_id: str, gone_id: str) -> Record:
    """Merges `gone_id` into `kept_id`: clicks, registrations, contacts, tags and browsers. Returns the profile that
    stays.

    A repeated merge changes nothing. Raises NotFound and InvalidBody, and Conflict if one of the two is a partner: a
    merge must not change who owns a link or earns money.
    """
    if kept_id == gone_id:
        detail = Mistake("is the profile itself; name another one", pointer="/profileId")
        raise InvalidBody("A profile cannot be merged with itself.", (detail,))
    kept = get_record(session, SYSTEM, PROFILE, kept_id)
    if session.rows(sql("SELECT 1 FROM merged_profiles WHERE merged_id = {} AND profile_id = {}", gone_id, kept_id)):
        return kept
    gone = get_record(session, SYSTEM, PROFILE, gone_id)
    _refuse_partners(session, kept_id, gone_id)
    found = session.rows(sql(_KNOWN, [kept_id, gone_id]))
    known = {profile_id: _Known(uuid, name_space) for profile_id, uuid, name_space in found}
    _move_contacts(session, kept, gone)
    tags = list(dict.fromkeys((*kept.tags, *gone.tags)))
    replace_tags(session, kept_id, tags)
    hand_over(session, gone_id, kept_id, viewer.cause(Reason.MERGED))
    for relation, reference in pointing_to("profiles"):
        its = sql("{} = {}", named(reference.column), gone_id)
        if reference.is_merged and relation.table != "clicks":
            session.rows(update(relation.table, {reference.column: kept_id}, its))
        elif reference.on_delete is OnDelete.PART:
            session.rows(sql("DELETE FROM {} WHERE {}", named(relation.table), its))
    session.rows(sql("DELETE FROM profiles WHERE profile_id = {}", gone_id))
    changes = {"first_tag": tags[0] if tags else None, **_fill(kept, gone)}
    update_row(session, PROFILE, kept_id, changes | _join_uuids(session, kept_id, gone_id, known))
    return get_record(session, SYSTEM, PROFILE, kept_id)


def _refuse_partners(session: Session, kept_id: str, gone_id: str) -> None:
    for profile_id, pointer in ((gone_id, "/profileId"), (kept_id, "")):
        owned = _count_owned(session, profile_id)
        if any(owned.values()) and (profile_id == gone_id or session.rows(sql(_IS_CLIENT, gone_id, gone_id))):
            what = ", ".join(f"{count} {name}" for name, count in owned.items() if count)
            raise Conflict(
                f"The profile {profile_id} is a partner's, and what a partner earns does not change its owner.",
                (Mistake(f"owns {what}; transfer or delete them first", pointer=pointer),),
            )


def _count_owned(session: Session, profile_id: str) -> dict[str, int]:
    """Counts what makes a profile a partner, by kind."""
    counted = {
        _CALLED.get(
            each.table, each.table
        ): f"{each.table} WHERE {reference.column} = {{}}{_ENABLED.get(each.table, '')}"
        for each, reference in pointing_to("profiles")
        if reference.is_ownership
    }
    counted["clients registered by postbacks"] = "profiles WHERE name_space = {}"
    return {
        name: session.rows(sql(f"SELECT count(*) FROM {source}", profile_id))[0][0] for name, source in counted.items()
    }


def _fill(kept: Record, gone: Record) -> dict[str, Any]:
    """Values that the kept profile lacks."""
    wanted = () if kept.name else (*NAMES, "name")
    lacking = (*wanted, *(("country_code",) if kept.country_code is None else ()))
    return {column: getattr(gone, column) for column in lacking}


def _move_contacts(session: Session, kept: Record, gone: Record) -> None:
    """Appends the merged profile's contacts. A contact that both have stays as it is, and gets a uuid if it has
    none."""
    last = sql("SELECT coalesce(max(position), -1) FROM contacts WHERE profile_id = {}", kept.profile_id)
    position = session.rows(last)[0][0]
    for contact in gone.contacts:
        same = [
            each
            for each in kept.contacts
            if each.key == contact.key and is_same(contact.key, each.value, contact.value)
        ]
        if not same:
            position += 1
            update_row(session, CONTACT, contact.contact_id, {"profile_id": kept.profile_id, "position": position})
            continue
        session.rows(sql("DELETE FROM contacts WHERE contact_id = {}", contact.contact_id))
        if same[0].uuid is None and contact.uuid is not None:
            update_row(session, CONTACT, same[0].contact_id, {"uuid": contact.uuid})


def _join_uuids(session: Session, kept_id: str, gone_id: str, known: Mapping[str, _Known]) -> dict[str, str | None]:
    """Keeps every uuid of both profiles: one stays on the profile, the others lead to it. Returns the profile's uuid
    and name space.

    If the name spaces differ, the profile becomes the site's own, because only the site knows that both are one client.
    """
    spaces = {each.name_space for each in known.values()}
    space = spaces.pop() if len(spaces) == 1 else None
    pairs = [known[kept_id], known[gone_id]]
    own = next((each for each in pairs if each.uuid is not None and each.name_space == space), _Known(None, space))
    others = [each for each in pairs if each.uuid is not None and each != own]
    led = {profile_id: each if each in others else _Known(None, None) for profile_id, each in known.items()}
    for merged_id, (uuid, name_space) in led.items():
        if merged_id == kept_id and uuid is None:
            continue
        leading = {"profile_id": kept_id, "uuid": uuid, "name_space": name_space}
        session.rows(
            insert_into("merged_profiles", {"merged_id": merged_id, **leading, "time": session.clock.now_us()})
        )
        if uuid is not None and own.uuid is not None and {name_space, own.name_space} == {None}:
            move_identities(session, uuid, own.uuid)
    return {"uuid": own.uuid, "name_space": own.name_space}
