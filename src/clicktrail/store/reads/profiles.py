"""Profiles with their contacts and tags, as they are read."""

from collections.abc import Iterable, Sequence

from clicktrail.model.access import SYSTEM, Viewer
from clicktrail.query.fields import CONTACT, PROFILE, Record
from clicktrail.query.questions import ListQuery
from clicktrail.store.reads.records import Page, get_record, list_records, select_records
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import in_, sql

_BY_UUID = "SELECT profile_id FROM profiles WHERE {} UNION ALL SELECT profile_id FROM merged_profiles WHERE {}"
"""Whom a uuid stands for, now or since a merge; both tables have an index by uuid."""


def list_profiles(session: Session, viewer: Viewer, query: ListQuery) -> Page:
    """One page of profiles, each with its contacts and tags."""
    page = list_records(session, viewer, query)
    attach(session, viewer, page.items)
    return page


def get_profile(session: Session, viewer: Viewer, profile_id: str) -> Record:
    """Raises NotFound."""
    record = get_record(session, viewer, PROFILE, profile_id)
    attach(session, viewer, [record])
    return record


def find_profiles(session: Session, viewer: Viewer, column: str, values: Iterable[str]) -> list[Record]:
    """Visible profiles by id or uuid, with contacts and tags."""
    records = [record for _, record in select_records(session, viewer, PROFILE, column, values)]
    attach(session, viewer, records)
    return records


def find_client(session: Session, name_space: str | None, uuid: str) -> Record | None:
    """The profile that a uuid stands for: among the site's own, or among those that one partner registered.

    The uuid of one that was merged stands for the profile that it became a part of.
    """
    where = sql("uuid = {} AND coalesce(name_space, '') = {}", uuid, name_space or "")
    found = list_values(session, sql(_BY_UUID, where, where))
    return get_profile(session, SYSTEM, found[0]) if found else None


def contacts_by_profile(session: Session, viewer: Viewer, profile_ids: Iterable[str]) -> dict[str, list[Record]]:
    """profile id -> its visible contacts, in their order."""
    found: dict[str, list[Record]] = {}
    for profile_id, record in select_records(session, viewer, CONTACT, "profile_id", profile_ids, "k.position"):
        found.setdefault(profile_id, []).append(record)
    return found


def attach(session: Session, viewer: Viewer, profiles: Sequence[Record]) -> None:
    """Adds `contacts` and `tags` to profile records: two statements, however many profiles there are."""
    profile_ids = [profile.profile_id for profile in profiles]
    contacts = contacts_by_profile(session, viewer, profile_ids)
    tags: dict[str, list[str]] = {}
    if profile_ids:
        owned = in_(sql("profile_id"), profile_ids)
        listed = sql("SELECT profile_id, tag FROM profile_tags WHERE {} ORDER BY position", owned)
        for profile_id, tag in session.rows(listed):
            tags.setdefault(profile_id, []).append(tag)
    for profile in profiles:
        profile.contacts = contacts.get(profile.profile_id, [])
        profile.tags = tags.get(profile.profile_id, [])
