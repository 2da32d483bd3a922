"""Profiles with their tags and contacts. All writes belong to the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.access import SYSTEM
from clicktrail.model.contacts import is_same
from clicktrail.model.ids import IdGenerator
from clicktrail.query.fields import CONTACT, PROFILE, Record
from clicktrail.store.reads.records import (
    check_unused,
    contacts_by_profile,
    find_repeat,
    get_record,
    insert_row,
    refuse_differing,
    update_row,
)
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import insert_into, sql, update
from clicktrail.store.session.transactions import Write, transaction

NAMES = ("first_name", "middle_name", "last_name")
"""The parts of `name`, in the order of joining."""


_BY_UUID = "SELECT profile_id FROM profiles WHERE {} UNION ALL SELECT profile_id FROM merged_profiles WHERE {}"
"""The profile that a uuid means, now or since a merge; both tables have an index by uuid."""


def find_client(session: Session, name_space: str | None, uuid: str) -> Record | None:
    """The profile that a uuid means: one of the site's own, or one that a partner registered.

    The uuid of a merged profile means the profile that it became a part of.
    """
    where = sql("uuid = {} AND coalesce(name_space, '') = {}", uuid, name_space or "")
    found = list_values(session, sql(_BY_UUID, where, where))
    return get_record(session, SYSTEM, PROFILE, found[0]) if found else None


@transaction(Write.CHANGE)
def create_profile(session: Session, ids: IdGenerator, values: Mapping[str, Any]) -> tuple[Record, bool]:
    """Adds a profile. Returns it, and whether it is new. Raises Conflict."""
    repeated = find_repeat(session, PROFILE, values)
    if repeated is not None:
        refuse_differing(PROFILE, repeated.profile_id, _differing_parts(repeated, values))
        return repeated, False
    return get_record(session, SYSTEM, PROFILE, save_profile(session, ids, None, values)), True


@transaction(Write.CHANGE)
def update_profile(session: Session, ids: IdGenerator, profile_id: str, values: Mapping[str, Any]) -> Record:
    """Changes the fields in `values`. Raises NotFound, Conflict."""
    current = get_record(session, SYSTEM, PROFILE, profile_id)
    return get_record(session, SYSTEM, PROFILE, save_profile(session, ids, current, values))


def save_profile(
    session: Session,
    ids: IdGenerator,
    current: Record | None,
    values: Mapping[str, Any],
    name_space: str | None = None,
) -> str:
    """Writes the differences between `current` (None: a new profile) and `values`. Returns the profile's id.

    Repeating it changes nothing, not even the update time. `name_space` is the name space of a new profile's uuid; a
    uuid without a name space, given later, makes the profile the site's own. Raises Conflict.
    """
    profile_id: str = current.profile_id if current else ids.new()
    known = PROFILE.defaults if current is None else asdict(current)
    if name_space is None and values.get("uuid") != known["uuid"]:
        check_unused(session, PROFILE, "uuid", values.get("uuid"), profile_id)
        _take_back(session, values.get("uuid"), profile_id)
    wanted = {**known, **values}
    changes = {name: value for name, value in wanted.items() if current is None or known[name] != value}
    row = {name: value for name, value in changes.items() if name in PROFILE.columns}
    if current and "uuid" in changes:
        row["name_space"] = name_space
    if any(name in changes for name in NAMES):
        row["name"] = full_name(wanted)
    if list(wanted["tags"]) != list(known["tags"]):
        row["first_tag"] = wanted["tags"][0] if wanted["tags"] else None
        replace_tags(session, profile_id, wanted["tags"])
    has_new_contacts = "contacts" in values and save_contacts(session, ids, profile_id, values["contacts"])
    if current is None:
        insert_row(session, PROFILE, {"profile_id": profile_id, "name_space": name_space, **row})
    elif row or has_new_contacts:
        update_row(session, PROFILE, profile_id, row or {"enabled": wanted["enabled"]})
    return profile_id


def full_name(values: Mapping[str, Any]) -> str:
    """Joins the names that are not empty."""
    return " ".join(values[name] for name in NAMES if values[name])


def save_contacts(session: Session, ids: IdGenerator, profile_id: str, wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Makes the profile's contacts equal to `wanted`; contacts that stay keep their ids. Returns whether any changed.

    A wanted contact matches an old one by id, by uuid, or by key and value. Raises Conflict.
    """
    old = contacts_by_profile(session, SYSTEM, [profile_id]).get(profile_id, [])
    places: dict[str, int] = dict(
        session.rows(sql("SELECT contact_id, position FROM contacts WHERE profile_id = {}", profile_id))
    )
    kept: list[str] = []
    is_changed = False
    for position, contact in enumerate(wanted):
        match = _match(contact, [record for record in old if record.contact_id not in kept])
        row = {name: contact[name] for name in CONTACT.writable if contact.get(name) is not None}
        if match is None:
            check_unused(session, CONTACT, "uuid", contact.get("uuid"), None)
            place = {"contact_id": ids.new(), "profile_id": profile_id, "position": position}
            insert_row(session, CONTACT, {**place, **row})
            is_changed = True
            continue
        kept.append(match.contact_id)
        check_unused(session, CONTACT, "uuid", contact.get("uuid"), match.contact_id)
        changes = match.changes(row)
        if places[match.contact_id] != position:
            changes["position"] = position
        update_row(session, CONTACT, match.contact_id, changes)
        is_changed = is_changed or bool(changes)
    for record in old:
        if record.contact_id not in kept:
            session.rows(sql("DELETE FROM contacts WHERE contact_id = {}", record.contact_id))
            is_changed = True
    return is_changed


def _match(contact: Mapping[str, Any], old: Sequence[Record]) -> Record | None:
    same = [record for record in old if record.contact_id == contact.get("contact_id")]
    if same:
        return same[0]
    uuid = contact.get("uuid")
    if uuid is not None:
        same = [record for record in old if record.uuid == uuid]
        if same:
            return same[0]
    key, value = contact["key"], contact["value"]
    same = [record for record in old if record.key == key and is_same(key, record.value, value)]
    same = [record for record in same if uuid in (None, record.uuid)]
    return same[0] if same else None


def _take_back(session: Session, uuid: str | None, profile_id: str) -> None:
    """A merged profile's uuid that leads to this profile may become its own; if it leads elsewhere, it is taken."""
    led = sql("uuid = {} AND name_space IS NULL", uuid)
    leads = sql("SELECT profile_id FROM merged_profiles WHERE {}", led)
    for [taken] in session.rows(leads) if uuid is not None else ():
        if taken != profile_id:
            mistake = Mistake(f"is the uuid of a profile that was merged into {taken}", pointer="/uuid")
            raise Conflict("A merged profile had this uuid.", (mistake,))
        session.rows(update("merged_profiles", {"uuid": None}, led))


def replace_tags(session: Session, profile_id: str, tags: Sequence[str]) -> None:
    session.rows(sql("DELETE FROM profile_tags WHERE profile_id = {}", profile_id))
    for position, tag in enumerate(tags):
        session.rows(insert_into("profile_tags", {"profile_id": profile_id, "position": position, "tag": tag}))


def _differing_parts(record: Record, values: Mapping[str, Any]) -> list[str]:
    """The list-valued fields in which a repeated POST differs from the stored profile."""
    contacts = [(contact.key, contact.value) for contact in record.contacts]
    differing = []
    if "contacts" in values and [(item["key"], item["value"]) for item in values["contacts"]] != contacts:
        differing.append("contacts")
    if "tags" in values and list(values["tags"]) != record.tags:
        differing.append("tags")
    return differing
