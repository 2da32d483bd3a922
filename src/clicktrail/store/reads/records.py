"""Reading and writing objects of any resource as records (`Resource.record`).

Contact values are masked here for viewers who may not see them: every record that leaves the store passes `_read`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from clicktrail.errors import Conflict, Forbidden, InvalidBody, Mistake, NotFound
from clicktrail.model.access import SYSTEM, Viewer
from clicktrail.query.fields import CONTACT, PROFILE, Record, Resource
from clicktrail.query.questions import Condition, Cursor, ListQuery
from clicktrail.store.reads.as_of import check_as_of, source_at
from clicktrail.store.reads.statements import count_statement, list_statement
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.protocol import Row, Session, list_values
from clicktrail.store.session.relations import BY_TABLE
from clicktrail.store.session.sql import Sql, and_, in_, insert_into, join, named, sql, update
from clicktrail.store.session.transactions import question


@dataclass(frozen=True)
class Page:
    """One page of a list; `next` is the cursor of the following page, `total` the exact count if it was asked for."""

    items: Sequence[Any]
    next: Cursor | None
    total: int | None = None


def mask_contact(value: str) -> str:
    """What a partner sees of a contact: enough to tell two apart, too little to write to or call."""
    name, at, _ = value.partition("@")
    return f"{name[:1]}***@***" if at else f"***{value[-2:]}"


MASKED_SQL = (
    "CASE WHEN strpos(k.value, '@') > 0 THEN left(split_part(k.value, '@', 1), 1) || '***@***' "
    "ELSE '***' || right(k.value, 2) END"
)
"""`mask_contact` as an expression of the contacts `k`."""


@cache
def _columns(resource: Resource) -> Sql:
    table = TABLES[resource.name]
    return join(", ", [table.expression(field) for field in resource.columns.values()])


def _read(session: Session, viewer: Viewer, resource: Resource, rows: Iterable[Row]) -> list[Record]:
    make, width = resource.record, len(resource.columns)
    records = [make(*row[:width]) for row in rows]
    masked = [(name, mask_contact) for name, field in resource.columns.items() if field.secret]
    for name, change in (*resource.renewed, *(() if viewer.sees_contacts else masked)):
        for record in records:
            value = getattr(record, name)
            if value is not None:
                setattr(record, name, change(value))
    if resource is PROFILE:
        _attach(session, viewer, records)
    return records


def _attach(session: Session, viewer: Viewer, profiles: Sequence[Record]) -> None:
    """Adds contacts and tags to profiles: two statements, however many profiles there are."""
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


def contacts_by_profile(session: Session, viewer: Viewer, profile_ids: Iterable[str]) -> dict[str, list[Record]]:
    """Profile id -> its visible contacts, in their order."""
    found: dict[str, list[Record]] = {}
    for profile_id, record in select_records(session, viewer, CONTACT, "profile_id", profile_ids, "k.position"):
        found.setdefault(profile_id, []).append(record)
    return found


def refuse_secrets(query: ListQuery, viewer: Viewer) -> None:
    """A viewer who sees contacts or visitors masked may not guess them by filters or order either. Raises
    Forbidden."""
    asked = [condition.field for condition in query.conditions] + [query.sort]
    if not viewer.sees_contacts and any(field.secret for field in asked):
        raise Forbidden("Contact values are masked for this token; they cannot be filtered or sorted by.")
    if not viewer.sees_visitors and any(field.of_visitor for field in asked):
        raise Forbidden(
            "Visitors are masked for this token; addresses and user agents cannot be filtered or sorted by."
        )


def make_page(rows: Sequence[Row], items: Sequence[Any], limit: int, total: int | None) -> Page:
    """Cuts the extra row that showed whether there is a next page; rows end with sort value and id."""
    has_more = len(rows) > limit > 0
    return Page(items[:limit], Cursor(rows[limit - 1][-2], rows[limit - 1][-1]) if has_more else None, total)


def count(session: Session, viewer: Viewer, query: ListQuery) -> int | None:
    """The exact count, where the question wants it."""
    if not query.wants_count:
        return None
    return int(session.rows(count_statement(query, viewer, session.dialect, _earlier(query, viewer)))[0][0])


def _earlier(query: ListQuery, viewer: Viewer) -> Sql | None:
    """What replaces the table if an earlier moment is asked for."""
    if query.as_of is None:
        return None
    return sql("{} {}", source_at(query.resource, query.as_of, viewer), named(TABLES[query.resource.name].alias))


@question(lambda _, query: query.resource is not PROFILE and not query.wants_count and query.as_of is None)
def list_records(session: Session, viewer: Viewer, query: ListQuery) -> Page:
    """One page of any resource but clicks."""
    refuse_secrets(query, viewer)
    check_as_of(session, query.as_of)
    earlier = _earlier(query, viewer)
    statement = list_statement(query, viewer, _columns(query.resource), session.dialect, source=earlier)
    rows = session.rows(statement)
    items = _read(session, viewer, query.resource, rows)
    return make_page(rows, items, query.limit, count(session, viewer, query))


def select_records(
    session: Session,
    viewer: Viewer,
    resource: Resource,
    column: str,
    values: Iterable[str],
    order: str = "",
    own: bool = False,
) -> list[tuple[Any, Record]]:
    """All visible objects whose `column` is one of `values`, each with that column's value.

    `own`: without those whose uuid is a partner's word.
    """
    table, wanted = TABLES[resource.name], tuple(values)
    if not wanted:
        return []
    key = table.column(column)
    where = and_(in_(key, wanted), visible(table, viewer), *([sql(table.own)] if own else []))
    found = sql("SELECT {}, {} FROM {} WHERE {}", _columns(resource), key, table.source, where)
    rows = session.rows(sql("{} ORDER BY {}", found, named(order)) if order else found)
    return [(row[-1], record) for row, record in zip(rows, _read(session, viewer, resource, rows), strict=True)]


def find_record(session: Session, viewer: Viewer, resource: Resource, column: str, value: str) -> Record | None:
    """The one visible object whose `column` is `value`."""
    found = select_records(session, viewer, resource, column, [value])
    return found[0][1] if found else None


@question(lambda _, resource, __: resource is not PROFILE)
def get_record(session: Session, viewer: Viewer, resource: Resource, object_id: str) -> Record:
    """Raises NotFound, also for another partner's object."""
    record = find_record(session, viewer, resource, resource.id_field.column, object_id)
    if record is None:
        raise NotFound(f"There is no {resource.name} {object_id}.")
    return record


def get_earlier(session: Session, viewer: Viewer, resource: Resource, object_id: str, as_of: int) -> Record:
    """The object as it was known at a moment. Raises NotFound, MalformedRequest."""
    its = Condition(resource.id_field, "eq", (object_id,))
    query = ListQuery(resource, resource.id_field, (its,), limit=1, as_of=as_of)
    for record in list_records(session, viewer, query).items:
        return cast(Record, record)
    raise NotFound(f"There is no {resource.name} {object_id} that was known then and is kept.")


def check_there(session: Session, viewer: Viewer, resource: Resource, object_id: str) -> None:
    """Raises NotFound, also for another partner's object."""
    table = TABLES[resource.name]
    where = and_(sql("{} = {}", table.column(resource.id_field.column), object_id), visible(table, viewer))
    if not session.rows(sql("SELECT 1 FROM {} WHERE {}", table.source, where)):
        raise NotFound(f"There is no {resource.name} {object_id}.")


def check_references(session: Session, resource: Resource, values: Mapping[str, Any]) -> None:
    """Raises InvalidBody naming every reference to an object that does not exist."""
    mistakes = []
    for reference in BY_TABLE[TABLES[resource.name].name].references:
        object_id, key = values.get(reference.column), named(BY_TABLE[reference.table].key[0])
        if object_id is None:
            continue
        if not session.rows(sql("SELECT 1 FROM {} WHERE {} = {}", named(reference.table), key, object_id)):
            what = f"there is no {reference.table[:-1]} {object_id}"
            mistakes.append(Mistake(what, pointer=f"/{resource.keys[reference.column]}"))
    if mistakes:
        raise InvalidBody("The body names objects that do not exist.", tuple(mistakes))


def check_unused(session: Session, resource: Resource, column: str, value: str | None, own_id: str | None) -> None:
    """Raises Conflict where another of the site's own objects already has `value` in `column`."""
    if value is None:
        return
    field = resource.keys[column]
    key, table = resource.id_field.column, TABLES[resource.name]
    sought = and_(sql("{} = {}", named(column), value), sql(table.own))
    taken = list_values(session, sql("SELECT {} FROM {} WHERE {}", named(key), named(table.name), sought))
    if any(object_id != own_id for object_id in taken):
        mistake = Mistake(f"is taken by {taken[0]}", pointer=f"/{field}")
        raise Conflict(f"Another {resource.name} has this {field}.", (mistake,))


def find_repeat(session: Session, resource: Resource, values: Mapping[str, Any]) -> Record | None:
    """The object that an earlier POST with this uuid made. Raises Conflict where that one says something else."""
    if values.get("uuid") is None:
        return None
    own = select_records(session, SYSTEM, resource, "uuid", [values["uuid"]], own=True)
    if not own:
        return None
    record = own[0][1]
    differing = [name for name in values if name in resource.columns and getattr(record, name) != values[name]]
    refuse_differing(resource, record.object_id, differing)
    return record


def refuse_differing(resource: Resource, object_id: str, differing: Sequence[str]) -> None:
    """Raises Conflict if a repeated POST differs, in these attributes, from the object of its uuid."""
    if differing:
        keys = [resource.keys[name] for name in differing]
        mistakes = tuple(Mistake("differs from the stored object", pointer=f"/{key}") for key in keys)
        raise Conflict(f"The uuid already belongs to the {resource.name} {object_id}, which differs.", mistakes)


def insert_row(session: Session, resource: Resource, values: Mapping[str, Any]) -> None:
    """Adds one row; `values` are by column, the update time is now."""
    session.rows(insert_into(TABLES[resource.name].name, {"update_time": session.clock.now_s(), **values}))


def update_row(session: Session, resource: Resource, object_id: str, changes: Mapping[str, Any]) -> None:
    """Changes columns of one row; the update time is now. Without changes nothing is written."""
    if not changes:
        return
    where = sql("{} = {}", named(resource.id_field.column), object_id)
    session.rows(update(TABLES[resource.name].name, {**changes, "update_time": session.clock.now_s()}, where))
