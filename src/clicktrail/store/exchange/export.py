"""Exports clicks as files, with the keys and texts of the Click object."""

from collections.abc import Mapping

from clicktrail.model.access import Viewer
from clicktrail.model.countries import BY_ALPHA2, country_names
from clicktrail.query.exports import Export
from clicktrail.query.fields import CLICK, CONTACT, LINK, PROFILE, Resource
from clicktrail.query.questions import ListQuery
from clicktrail.store.exchange.export_columns import ROWS, cell_sql, needed_rows, objects_sql, quote
from clicktrail.store.reads.records import MASKED_SQL
from clicktrail.store.reads.statements import order_clause, sort_join, where_clause
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.protocol import Extract, Session
from clicktrail.store.session.sql import Sql, join, number, sql

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}

_MASKED = {
    "ip": "CASE WHEN c.ip LIKE '4%' THEN substr(c.ip, 1, 7) WHEN c.ip LIKE '6%' THEN substr(c.ip, 1, 13) ELSE c.ip END",
    "user_agent": "NULL::TEXT",
}
"""Columns as `model.privacy.masked` shows them."""


def export_clicks(session: Session, viewer: Viewer, export: Export, target: str) -> None:
    """Writes the clicks that match the filters and that the viewer sees to `target`. Unordered, unless requested.

    Raises Unavailable if the file is incomplete.
    """
    session.copy(_extract(session, viewer, export), target)


def _extract(session: Session, viewer: Viewer, export: Export) -> Extract:
    if export.kind == "ndjson":
        columns = objects_sql(export.columns)
    else:
        is_neutral = export.kind == "csv" and not export.is_raw
        columns = {key: cell_sql(key, is_neutral) for key in export.columns}
    names = needed_rows(columns.values()) or [CLICK.id_field.column]
    shown = ", ".join(f'{expression} AS "{key}"' for key, expression in columns.items())
    return Extract(
        _rows_sql(session, viewer, export, names),
        {name: ROWS[name].type for name in names},
        f"SELECT {shown} FROM {{rows}} c",
        export.kind,
    )


def _rows_sql(session: Session, viewer: Viewer, export: Export, names: list[str]) -> Sql:
    """The clicks and their joined tables. With a limit, the clicks are selected before the joins."""
    query, table = export.query, TABLES[CLICK.name]
    hidden = {} if viewer.sees_visitors else _MASKED
    columns = join(", ", [sql(f"{hidden.get(name, ROWS[name].sql)} AS {name}") for name in names])
    where = where_clause(query, table, viewer, session.dialect)
    order = sql(" ORDER BY {}", order_clause(query)) if export.is_sorted else sql("")
    source = sql("clicks c{}", sort_join(query))
    joins = dict.fromkeys(each for name in names for each in ROWS[name].joins)
    joined = join("", [_join_sql(each, viewer, query) for each in joins])
    if export.limit is None:
        return sql("SELECT {} FROM {}{} WHERE {}{}", columns, source, joined, where, order)
    found = sql("SELECT c.* FROM {} WHERE {}{} LIMIT {}", source, where, order, number(export.limit))
    return sql("SELECT {} FROM ({}) c{}{}{}", columns, found, sort_join(query), joined, order)


def _join_sql(name: str, viewer: Viewer, query: ListQuery) -> Sql:
    """A join by its name. Partners see the rows that `visible` allows in the other table."""
    if name == "banner":
        return sql(" LEFT JOIN banners b ON b.banner_id = c.banner_id")
    if name == "country":
        return sql(" LEFT JOIN ({}) n ON n.code = c.country_code", _countries_sql(query.view.language))
    if name == "profile country":
        return sql(" LEFT JOIN ({}) m ON m.code = p.country_code", _countries_sql(query.view.language))
    if name == "link":
        return sql(" LEFT JOIN ({}) l ON l.link_id = c.link_id", _visible_sql("l.*", LINK, viewer))
    if name == "profile":
        return sql(" LEFT JOIN ({}) p ON p.profile_id = c.profile_id", _visible_sql("p.*", PROFILE, viewer))
    if name == "contacts":
        return sql(" LEFT JOIN ({}) k ON k.profile_id = p.profile_id", _contacts_sql(viewer))
    tags = "SELECT profile_id, '[' || string_agg(to_json(tag)::TEXT, ',' ORDER BY position) || ']' AS tags"
    return sql(f" LEFT JOIN ({tags} FROM profile_tags GROUP BY profile_id) g ON g.profile_id = p.profile_id")


def _visible_sql(columns: str, resource: Resource, viewer: Viewer) -> Sql:
    table = TABLES[resource.name]
    return sql("SELECT {} FROM {} WHERE {}", sql(columns), table.source, visible(table, viewer))


def _contacts_sql(viewer: Viewer) -> Sql:
    """Each profile's contacts as one JSON text, masked for viewers who may not see contacts."""
    value = "k.value" if viewer.sees_contacts else MASKED_SQL
    fields = [field for field in CONTACT.columns.values() if field.shown]
    expressions = {field.column: value if field.secret else f"k.{field.column}" for field in fields}
    members = " || ',' || ".join(
        f"""'"{column}":' || coalesce(to_json({expression})::TEXT, 'null')"""
        for column, expression in expressions.items()
    )
    listed = f"'[' || string_agg('{{' || {members} || '}}', ',' ORDER BY k.position) || ']' AS contacts"
    return sql("{} GROUP BY k.profile_id", _visible_sql(f"k.profile_id, {listed}", CONTACT, viewer))


def _countries_sql(language: str) -> Sql:
    names = country_names(language)
    rows = ", ".join(
        f"({quote(code)}, {quote(country.alpha3)}, {quote(country.numeric)}, {quote(names[code])})"
        for code, country in BY_ALPHA2.items()
    )
    return sql(f"SELECT * FROM (VALUES {rows}) v(code, alpha3, digits, country_name)")
