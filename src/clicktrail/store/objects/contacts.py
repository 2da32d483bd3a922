from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec.structs import asdict

from clicktrail.errors import Conflict, Mistake, NotFound
from clicktrail.model.access import SYSTEM, Viewer
from clicktrail.model.ids import IdGenerator
from clicktrail.model.reading import Reading
from clicktrail.query.fields import CONTACT, PROFILE, Record
from clicktrail.query.forms import read_contact
from clicktrail.query.questions import Condition, ListQuery
from clicktrail.store.reads.records import (
    Page,
    check_there,
    check_unused,
    find_repeat,
    get_record,
    insert_row,
    list_records,
    update_row,
)
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write, transaction

_OWNER = next(field for field in CONTACT.fields if field.name == "profileId")


def list_contacts(session: Session, viewer: Viewer, query: ListQuery, profile_id: str) -> Page:
    """One page of a profile's contacts. Raises NotFound."""
    check_there(session, viewer, PROFILE, profile_id)
    owned = Condition(_OWNER, "eq", (profile_id,))
    return list_records(session, viewer, replace(query, conditions=(*query.conditions, owned)))


def get_contact(session: Session, viewer: Viewer, profile_id: str, contact_id: str) -> Record:
    """Raises NotFound, also for a contact of another profile."""
    owner = session.rows(sql("SELECT profile_id FROM contacts WHERE contact_id = {}", contact_id))
    if owner != [(profile_id,)]:
        raise NotFound(f"The profile {profile_id} has no contact {contact_id}.")
    return get_record(session, viewer, CONTACT, contact_id)


@transaction(Write.CHANGE)
def create_contact(
    session: Session, ids: IdGenerator, profile_id: str, values: Mapping[str, Any]
) -> tuple[Record, bool]:
    """Appends a contact. Returns it, and whether it is new. Raises NotFound, Conflict."""
    check_there(session, SYSTEM, PROFILE, profile_id)
    repeated = find_repeat(session, CONTACT, values)
    if repeated is not None:
        return get_contact(session, SYSTEM, profile_id, repeated.contact_id), False
    _refuse_double(session, profile_id, values, None)
    contact_id = ids.new()
    last = session.rows(sql("SELECT coalesce(max(position), -1) FROM contacts WHERE profile_id = {}", profile_id))[0][0]
    place = {"contact_id": contact_id, "profile_id": profile_id, "position": last + 1}
    insert_row(session, CONTACT, {**place, **values})
    return get_contact(session, SYSTEM, profile_id, contact_id), True


@transaction(Write.CHANGE)
def update_contact(
    session: Session, profile_id: str, contact_id: str, values: Mapping[str, Any], reading: Reading
) -> Record:
    """Changes the fields in `values`. Raises NotFound, Conflict, InvalidBody."""
    record = get_contact(session, SYSTEM, profile_id, contact_id)
    wanted = read_contact({**asdict(record), **values}, reading)
    check_unused(session, CONTACT, "uuid", values.get("uuid"), contact_id)
    _refuse_double(session, profile_id, wanted, contact_id)
    update_row(session, CONTACT, contact_id, record.changes(wanted))
    return get_contact(session, SYSTEM, profile_id, contact_id)


@transaction(Write.CHANGE)
def delete_contact(session: Session, profile_id: str, contact_id: str) -> None:
    """Raises NotFound."""
    get_contact(session, SYSTEM, profile_id, contact_id)
    session.rows(sql("DELETE FROM contacts WHERE contact_id = {}", contact_id))


def _refuse_double(session: Session, profile_id: str, values: Mapping[str, Any], own_id: str | None) -> None:
    same = sql("profile_id = {} AND key = {} AND value = {}", profile_id, values["key"], values["value"])
    if set(list_values(session, sql("SELECT contact_id FROM contacts WHERE {}", same))) - {own_id}:
        raise Conflict("The profile already has this contact.", (Mistake("is already there", pointer="/value"),))
