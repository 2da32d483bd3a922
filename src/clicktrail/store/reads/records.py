"""Reading and writing objects of any resource as records: field name -> stored value.

Contact values are masked here for viewers who may not see them: every record that leaves the store passes `_record`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clicktrail.errors import Conflict, Forbidden, InvalidBody, Mistake, NotFound
from clicktrail.model.access import SYSTEM, Viewer
from clicktrail.query.fields import Resource, Source
from clicktrail.query.questions import Cursor, ListQuery
from clicktrail.store.reads.statements import count_statement, list_statement
from clicktrail.store.reads.tables import TABLES, visible
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import Sql, and_, in_, insert_into, join, named, sql, update

Record = dict[str, Any]
REFERENCES: Mapping[str, str] = {
    "profileId": "profiles",
    "bannerId": "banners",
    "languageId": "languages",
    "themeId": "themes",
    "sizeId": "sizes",
    "partnerId": "profiles",
}
"""Field of a body -> the table that must hold the object it names."""


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


def _columns(resource: Resource) -> Sql:
    table = TABLES[resource.name]
    return join(", ", [table.expression(field) for field in resource.kept])


def _record(resource: Resource, viewer: Viewer, row: Row) -> Record:
    record = {field.name: value for field, value in zip(resource.kept, row, strict=False)}
    for name, renew in resource.renewed:
        if record[name] is not None:
            record[name] = renew(record[name])
    if not viewer.sees_contacts:
        for field in resource.kept:
            if field.secret:
                record[field.name] = mask_contact(record[field.name])
    return record


def refuse_secrets(query: ListQuery, viewer: Viewer) -> None:
    """A viewer who sees contacts masked may not guess them by filters or order either. Raises Forbidden."""
    asked = [condition.field for condition in query.conditions] + [query.sort]
    if not viewer.sees_contacts and any(field.secret for field in asked):
        raise Forbidden("Contact values are masked for this token; they cannot be filtered or sorted by.")


def make_page(rows: Sequence[Row], items: Sequence[Any], limit: int, total: int | None) -> Page:
    """Cuts the extra row that showed whether there is a next page; rows end with sort value and id."""
    has_more = len(rows) > limit > 0
    return Page(items[:limit], Cursor(rows[limit - 1][-2], rows[limit - 1][-1]) if has_more else None, total)


def count(session: Session, viewer: Viewer, query: ListQuery) -> int | None:
    """The exact count, where the question wants it."""
    if not query.wants_count:
        return None
    return int(session.rows(count_statement(query, viewer, session.dialect))[0][0])


def list_records(session: Session, viewer: Viewer, query: ListQuery) -> Page:
    """One page of any resource but clicks."""
    refuse_secrets(query, viewer)
    statement = list_statement(query, viewer, _columns(query.resource), session.dialect)
    rows = session.rows(statement)
    items = [_record(query.resource, viewer, row) for row in rows]
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
    return [(row[-1], _record(resource, viewer, row)) for row in rows]


def find_record(session: Session, viewer: Viewer, resource: Resource, column: str, value: str) -> Record | None:
    """The one visible object whose `column` is `value`."""
    found = select_records(session, viewer, resource, column, [value])
    return found[0][1] if found else None


def get_record(session: Session, viewer: Viewer, resource: Resource, object_id: str) -> Record:
    """Raises NotFound, also for another partner's object."""
    record = find_record(session, viewer, resource, resource.id_field.column, object_id)
    if record is None:
        raise NotFound(f"There is no {resource.name} {object_id}.")
    return record


def check_references(session: Session, values: Mapping[str, Any]) -> None:
    """Raises InvalidBody naming every reference to an object that does not exist."""
    mistakes = []
    for field, table in REFERENCES.items():
        object_id = values.get(field)
        if object_id is None:
            continue
        column = {"profiles": "profile_id"}.get(table, f"{table[:-1]}_id")
        if not session.rows(sql("SELECT 1 FROM {} WHERE {} = {}", named(table), named(column), object_id)):
            mistakes.append(Mistake(f"there is no {table[:-1]} {object_id}", pointer=f"/{field}"))
    if mistakes:
        raise InvalidBody("The body names objects that do not exist.", tuple(mistakes))


def check_unused(session: Session, resource: Resource, field: str, value: str | None, own_id: str | None) -> None:
    """Raises Conflict where another of the site's own objects already has `value` in `field`."""
    if value is None:
        return
    column = next(row.column for row in resource.fields if row.name == field)
    key, table = resource.id_field.column, TABLES[resource.name]
    sought = and_(sql("{} = {}", named(column), value), sql(table.own))
    taken = session.rows(sql("SELECT {} FROM {} WHERE {}", named(key), named(table.name), sought))
    if any(row[0] != own_id for row in taken):
        raise Conflict(
            f"Another {resource.name} has this {field}.", (Mistake(f"is taken by {taken[0][0]}", pointer=f"/{field}"),)
        )


def find_repeat(session: Session, resource: Resource, values: Mapping[str, Any]) -> Record | None:
    """The object that an earlier POST with this uuid made. Raises Conflict where that one says something else."""
    if values.get("uuid") is None:
        return None
    own = select_records(session, SYSTEM, resource, "uuid", [values["uuid"]], own=True)
    if not own:
        return None
    record = own[0][1]
    differing = [name for name, value in values.items() if name in record and record[name] != value]
    refuse_differing(resource, record[resource.id_field.name], differing)
    return record


def refuse_differing(resource: Resource, object_id: str, differing: Sequence[str]) -> None:
    """Raises Conflict if a repeated POST differs from what its uuid stands for."""
    if differing:
        mistakes = tuple(Mistake("differs from the stored object", pointer=f"/{name}") for name in differing)
        raise Conflict(f"The uuid already stands for the {resource.name} {object_id}, which differs.", mistakes)


def insert_row(session: Session, resource: Resource, values: Mapping[str, Any]) -> None:
    """Adds one row; `values` are by column, the update time is now."""
    session.rows(insert_into(TABLES[resource.name].name, {"update_time": session.clock.now_s(), **values}))


def update_row(session: Session, resource: Resource, object_id: str, changes: Mapping[str, Any]) -> None:
    """Changes columns of one row; the update time is now. Without changes nothing is written."""
    if not changes:
        return
    where = sql("{} = {}", named(resource.id_field.column), object_id)
    session.rows(update(TABLES[resource.name].name, {**changes, "update_time": session.clock.now_s()}, where))


def columns_of(resource: Resource, values: Mapping[str, Any]) -> dict[str, Any]:
    """Field name -> value becomes column -> value, for the fields that lie in the resource's own row."""
    fields = {field.name: field for field in resource.fields if field.source is Source.OWN}
    return {fields[name].column: value for name, value in values.items() if name in fields}
