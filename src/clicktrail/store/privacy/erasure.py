"""Erases one person in one transaction, and remembers it. What is counted stays the same, unless clicks are deleted."""

from collections.abc import Collection, Mapping

import msgspec

from clicktrail.errors import Conflict, Mistake, NotFound
from clicktrail.model.access import Cause, Reason, Viewer
from clicktrail.model.erasure import Clicks, Counts, Key, Named, Receipt, Strangers
from clicktrail.query.fields.person import NAMING
from clicktrail.store.clicks import change
from clicktrail.store.privacy.persons import Person, find_person, is_any
from clicktrail.store.privacy.remembered import Value, remember, values_of_click
from clicktrail.store.registrations.ranks import is_partner
from clicktrail.store.session.history import rename_client
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import insert_into, named, names, sql, update
from clicktrail.store.session.transactions import Write, transaction

_BLANKS: Mapping[str, Mapping[str, str | None]] = {
    "contacts": {"value": "", "uuid": None},
    "profile_tags": {"tag": ""},
    "merged_profiles": {"uuid": None},
    "identities": {"visitor_id": "", "uuid": ""},
    "profiles": {**dict.fromkeys(("first_name", "last_name", "middle_name", "name"), ""), "uuid": None},
}
"""Table of a person's rows -> its texts without content. The embedded engine's file keeps the values of deleted rows,
and writes changed rows again."""
_KEYS = {field.attribute: f"/{name}" for name, field in NAMING.items()}
"""What names a person -> its place in the body."""
_COUNTED = Counts.__struct_fields__


@transaction(Write.BESIDE)
def erase_person(session: Session, viewer: Viewer, asked: Named) -> Receipt:
    """Erases a person and strips the clicks. An unknown person gets a receipt with zeros.

    Raises Conflict for a partner, or for too many clicks.
    """
    return _erase_and_note(session, viewer, asked, Clicks.STRIP)


@transaction(Write.ALONE)
def erase_with_clicks(session: Session, viewer: Viewer, asked: Named) -> Receipt:
    """The same, but the clicks are deleted. Figures then count less."""
    return _erase_and_note(session, viewer, asked, Clicks.DELETE)


ERASE = {Clicks.STRIP: erase_person, Clicks.DELETE: erase_with_clicks}


def _erase_and_note(session: Session, viewer: Viewer, asked: Named, mode: Clicks) -> Receipt:
    person = find_person(session, asked)
    if any(is_partner(session, profile_id) for profile_id in sorted(person.profile_ids)):
        raise Conflict(
            "The person is a partner. Give its links, postbacks and credentials to someone else first.",
            (Mistake("leads to a profile that owns links, postbacks or credentials", pointer=_KEYS[asked.key]),),
        )
    receipt = Receipt(
        erasure_id=session.memory.ids.new(),
        time=session.clock.now_us(),
        mode=mode,
        counts=erase(session, viewer.cause(Reason.ERASED), person, mode),
    )
    keep_receipt(session, receipt, _values_of(person, asked))
    return receipt


def keep_receipt(session: Session, receipt: Receipt, values: Collection[Value]) -> None:
    """Keeps a receipt, and the hashes of the values that led to the person."""
    row = {"erasure_id": receipt.erasure_id, "time": receipt.time, "mode": receipt.mode.value, "gone_time": None}
    session.rows(insert_into("erasures", {**row, **msgspec.structs.asdict(receipt.counts)}))
    remember(session, receipt.erasure_id, values)
    session.after_commit(session.memory.erased.set)


def erase(session: Session, cause: Cause, person: Person, mode: Clicks) -> Counts:
    """Erases a person's rows. Registrations stay as bare facts: an id that no profile has takes the place of the
    client's."""
    strangers = Strangers()
    made_up = {profile_id: strangers.profile(profile_id) for profile_id in person.profile_ids}
    if person.clicks:
        change.erase(session, person.clicks, strangers, made_up, mode is Clicks.DELETE, cause)
    _strip_registrations(session, person.attribution_ids, made_up)
    for merged_id in sorted(person.merged_ids):
        rename_client(session, merged_id, strangers.profile(merged_id))
    clear_answers(session, person.delivery_ids)
    contacts = delete_rows(session, "contacts", "profile_id", person.profile_ids)
    for table in ("profile_tags", "merged_profiles"):
        delete_rows(session, table, "profile_id", person.profile_ids)
    return Counts(
        profiles=delete_rows(session, "profiles", "profile_id", person.profile_ids),
        contacts=contacts,
        identities=delete_rows(session, "identities", "identity_id", person.identity_ids),
        clicks=len(person.clicks),
        registrations=len(person.attribution_ids),
        deliveries=len(person.delivery_ids),
    )


def get_receipt(session: Session, erasure_id: str) -> Receipt:
    """Raises NotFound."""
    columns = names(("time", "mode", "gone_time", *_COUNTED))
    rows = session.rows(sql("SELECT {} FROM erasures WHERE erasure_id = {}", columns, erasure_id))
    if not rows:
        raise NotFound(f"There is no erasure {erasure_id}.")
    time, mode, gone_time, *counts = rows[0]
    return Receipt(
        erasure_id=erasure_id,
        time=time,
        mode=Clicks(mode),
        counts=Counts(**dict(zip(_COUNTED, counts, strict=True))),
        gone_time=gone_time,
    )


def list_left(session: Session) -> list[str]:
    """The erasures whose bytes may still be in the store's files."""
    return list_values(session, sql("SELECT erasure_id FROM erasures WHERE gone_time IS NULL ORDER BY erasure_id"))


@transaction(Write.CHANGE)
def note_gone(session: Session, erasure_ids: Collection[str]) -> None:
    its = is_any("erasure_id", erasure_ids)
    session.rows(update("erasures", {"gone_time": session.clock.now_us()}, its))


def _strip_registrations(session: Session, attribution_ids: Collection[str], made_up: Mapping[str, str]) -> None:
    """The decision stays: click, link, partner, time and rule."""
    if attribution_ids:
        named_by: dict[str, str | None] = dict.fromkeys(("named_click_id", "named_visitor_id", "named_uuid"))
        session.rows(update("attributions", named_by, is_any("attribution_id", attribution_ids)))
    for old, new in made_up.items():
        session.rows(update("attributions", {"profile_id": new}, sql("profile_id = {}", old)))
        rename_client(session, old, new)


def clear_answers(session: Session, delivery_ids: Collection[str]) -> None:
    """Deletes what a partner's server answered: it may name the person."""
    if delivery_ids:
        session.rows(update("deliveries", {"error": None, "tries": None}, is_any("delivery_id", delivery_ids)))


def delete_rows(session: Session, table: str, column: str, values: Collection[str]) -> int:
    """Deletes rows of a person, and returns their number."""
    if not values:
        return 0
    its = is_any(column, values)
    count: int = session.rows(sql("SELECT count(*) FROM {} WHERE {}", named(table), its))[0][0]
    if count and session.dialect.is_owned:
        session.rows(update(table, _BLANKS[table], its))
    if count:
        session.rows(sql("DELETE FROM {} WHERE {}", named(table), its))
    return count


def _values_of(person: Person, asked: Named) -> set[Value]:
    """All values that lead to the person."""
    found: set[Value] = {(asked.key, value) for value in asked.values}
    for key, values in (
        (Key.PROFILE_ID, person.profile_ids | person.merged_ids),
        (Key.UUID, person.uuids),
        (Key.VISITOR_ID, person.visitor_ids),
        (Key.CONTACT, person.contacts),
    ):
        found |= {(key, value) for value in values}
    for click in person.clicks:
        found |= {(key, value) for key, value in values_of_click(click) if key in (Key.CLICK_ID, Key.UUID)}
    return found
