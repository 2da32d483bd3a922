"""Imported profiles, links and banners: stored with their own ids, many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import astuple

from clicktrail.errors import Mistake
from clicktrail.model.access import SYSTEM
from clicktrail.model.erasure import Key
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.query.fields import CONTACT, PROFILE, SIZE, Record, Resource
from clicktrail.query.imports import ORDER, POINTERS, Imported, ImportedObject
from clicktrail.store.exchange.pointers import Found, find_objects, miss
from clicktrail.store.objects.catalogue import generate
from clicktrail.store.objects.profiles import full_name
from clicktrail.store.privacy.remembered import WAS_ERASED, Value, find_rows
from clicktrail.store.reads.records import select_records
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.transactions import Write, transaction

_PIECE = 500
"""Maximum number of placeholders in a statement."""
_UNIQUE = ("uuid", "code")


@transaction(Write.CATALOGUE)
def import_objects(session: Session, rows: Sequence[ImportedObject], keeps_missing: bool = False) -> list[Imported]:
    """Stores new objects, in an order in which none points to a later one. Returns the result of each row.

    A stored object stays unchanged; a row that differs from it is refused, as are profiles of erased persons.
    """
    persons = {place: row for place, row in enumerate(rows) if row.resource is PROFILE}
    known = [(created_s(row.object_id) * SECOND, _values_of(row)) for row in persons.values()]
    erased = {[*persons][place] for place in find_rows(session, known)}
    outcomes = {place: Imported(422, None, [WAS_ERASED]) for place in erased}
    _import_facets(session, rows)
    for resource in ORDER:
        places = [place for place, row in enumerate(rows) if row.resource is resource and place not in erased]
        if places:
            done = _import_kind(session, resource, [rows[place] for place in places], keeps_missing)
            outcomes |= dict(zip(places, done, strict=True))
    return [outcomes[place] for place in range(len(rows))]


def _values_of(row: ImportedObject) -> list[Value]:
    """What leads to the person of a profile."""
    uuid, contacts = row.values.get("uuid"), row.values.get("contacts", ())
    named = [(Key.UUID, uuid)] if uuid is not None else []
    return [(Key.PROFILE_ID, row.object_id), *named, *((Key.CONTACT, contact.value) for contact in contacts)]


def _import_facets(session: Session, banners: Sequence[ImportedObject]) -> None:
    """Makes the missing languages, themes and sizes that banners name."""
    wanted: dict[tuple[str, str], ImportedObject] = {}
    for row in banners:
        for key, name in row.names.items():
            old = row.pointers.get(key)
            if old is not None:
                wanted.setdefault((key, old), _facet_of(row, POINTERS[key], old, name))
    for facet in {row.resource for row in wanted.values()}:
        here = find_objects(session, facet, (old for (key, old) in wanted if POINTERS[key] is facet))
        new = [row for (key, old), row in wanted.items() if POINTERS[key] is facet and old not in here]
        if new:
            _import_kind(session, facet, new, keeps_missing=False)


def _facet_of(banner: ImportedObject, facet: Resource, old: str, name: str) -> ImportedObject:
    values: dict[str, Any] = {f"{facet.name}_name": name}
    if facet is SIZE:
        values |= {pixels: banner.values.get(pixels) or 0 for pixels in ("width", "height")}
    return ImportedObject(
        resource=facet, object_id=banner.facet_ids[old], values=values, pointers={}, update_time=banner.update_time
    )


@dataclass
class _Known:
    """What is stored of one resource; updated as rows are accepted."""

    records: dict[str, Record]
    taken: dict[str, dict[Any, str]]
    """Unique field -> its values -> the object's id."""
    contact_uuids: set[str] = field(default_factory=set)
    contact_ids: set[str] = field(default_factory=set)


def _import_kind(
    session: Session, resource: Resource, rows: Sequence[ImportedObject], keeps_missing: bool
) -> list[Imported]:
    found = {
        name: find_objects(session, target, (row.pointers[name] for row in rows if name in row.pointers))
        for name, target in POINTERS.items()
    }
    known = _look_up(session, resource, rows)
    outcomes, fresh = [], []
    for row in rows:
        values, missing = _point(row, found)
        mistakes = [miss(POINTERS[name]) for name in missing] if not keeps_missing else []
        if mistakes:
            outcomes.append(Imported(422, None, mistakes, row.notes))
            continue
        outcome = _judge(row, values, known)
        if outcome.status == 201:
            fresh.append((row, values))
            _remember(row, values, known)
        outcomes.append(outcome)
    if fresh:
        _insert(session, resource, fresh)
    return outcomes


def _point(row: ImportedObject, found: Mapping[str, Found]) -> tuple[dict[str, Any], list[str]]:
    """The values with their pointers, and the names of pointers to missing objects."""
    there = {name: found[name].get(old) for name, old in row.pointers.items()}
    return {**row.values, **{name: each for name, each in there.items() if each is not None}}, [
        name for name, each in there.items() if each is None
    ]


def _look_up(session: Session, resource: Resource, rows: Sequence[ImportedObject]) -> _Known:
    ids = [row.object_id for row in rows]
    records = [record for _, record in _select(session, resource, resource.id_field.column, ids)]
    known = _Known({record.object_id: record for record in records}, {})
    for name in _UNIQUE:
        if name in resource.writable:
            wanted = [row.values[name] for row in rows if row.values.get(name) is not None]
            known.taken[name] = {
                value: record.object_id for value, record in _select(session, resource, name, wanted, own=True)
            }
    contacts = [contact for row in rows for contact in row.values.get("contacts", ())]
    if contacts:
        uuids = [contact.uuid for contact in contacts if contact.uuid is not None]
        known.contact_uuids = {uuid for uuid, _ in _select(session, CONTACT, "uuid", uuids)}
        ids = [contact.contact_id for contact in contacts]
        known.contact_ids = {each for each, _ in _select(session, CONTACT, "contact_id", ids)}
    return known


def _select(
    session: Session, resource: Resource, column: str, values: Sequence[str], own: bool = False
) -> list[tuple[Any, Record]]:
    wanted = list(dict.fromkeys(values))
    return [
        each
        for start in range(0, len(wanted), _PIECE)
        for each in select_records(session, SYSTEM, resource, column, wanted[start : start + _PIECE], own=own)
    ]


def _judge(row: ImportedObject, values: Mapping[str, Any], known: _Known) -> Imported:
    record = known.records.get(row.object_id)
    if record is not None:
        differing = [name for name, value in values.items() if not _is_same(name, value, getattr(record, name))]
        what = f"differs from the stored {row.resource.name}"
        mistakes = [Mistake(what, pointer=f"/{row.resource.keys[name]}") for name in differing]
        return Imported(409 if mistakes else 200, row.object_id, mistakes, row.notes)
    clashes = [
        Mistake(f"belongs to another {row.resource.name}", pointer=f"/{name}")
        for name, taken in known.taken.items()
        if values.get(name) is not None and values[name] in taken
    ]
    for place, contact in enumerate(values.get("contacts", ())):
        if contact.uuid in known.contact_uuids:
            clashes.append(Mistake("belongs to another contact", pointer=f"/contacts/{place}/uuid"))
        if contact.contact_id in known.contact_ids:
            clashes.append(Mistake("belongs to another contact", pointer=f"/contacts/{place}/contactId"))
    return Imported(409 if clashes else 201, row.object_id, clashes, row.notes)


def _is_same(name: str, value: Any, stored: Any) -> bool:
    if name == "contacts":
        return [(each.key, each.value) for each in value] == [(each.key, each.value) for each in stored]
    if name == "tags":
        return list(value) == list(stored)
    return value is None or bool(value == stored)


def _remember(row: ImportedObject, values: Mapping[str, Any], known: _Known) -> None:
    """Makes this row known to later rows of the same import."""
    resource = row.resource
    own = {resource.id_field.column: row.object_id, "update_time": row.update_time}
    blank = dict.fromkeys(resource.columns) | resource.defaults
    known.records[row.object_id] = resource.record(**{**blank, **values, **own})
    for name, taken in known.taken.items():
        if values.get(name) is not None:
            taken[values[name]] = row.object_id
    for contact in values.get("contacts", ()):
        known.contact_ids.add(contact.contact_id)
        if contact.uuid is not None:
            known.contact_uuids.add(contact.uuid)


def _insert(session: Session, resource: Resource, fresh: Sequence[tuple[ImportedObject, Mapping[str, Any]]]) -> None:
    rows = [_row_of(resource, row, values) for row, values in fresh]
    columns = list(rows[0])
    session.insert(TABLES[resource.name].name, columns, [tuple(row[column] for column in columns) for row in rows])
    if resource is not PROFILE:
        return
    tags = [
        (row.object_id, position, tag) for row, values in fresh for position, tag in enumerate(values.get("tags", ()))
    ]
    contacts = [
        (row.object_id, position, *astuple(each))
        for row, values in fresh
        for position, each in enumerate(values.get("contacts", ()))
    ]
    if tags:
        session.insert("profile_tags", ("profile_id", "position", "tag"), tags)
    if contacts:
        session.insert("contacts", ("profile_id", "position", *CONTACT.columns), contacts)


def _row_of(resource: Resource, row: ImportedObject, values: Mapping[str, Any]) -> dict[str, Any]:
    """Column -> value, with the same columns for every row of a resource."""
    whole = resource.defaults | dict(values)
    generate(resource, whole)
    columns = {resource.id_field.column: row.object_id, "update_time": row.update_time}
    if resource is PROFILE:
        columns |= {"name": full_name(whole), "first_tag": whole["tags"][0] if whole["tags"] else None}
    return columns | {name: value for name, value in whole.items() if name in resource.columns}
