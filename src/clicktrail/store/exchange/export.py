"""Whole lists of clicks as files, with the keys and texts of the Click object."""

from collections.abc import Mapping

from clicktrail.model.access import Viewer
from clicktrail.model.countries import BY_ALPHA2, country_names
from clicktrail.query.exports import Export
from clicktrail.query.fields import CLICK, CONTACT, LINK, PROFILE, Resource
from clicktrail.query.questions import ListQuery
from clicktrail.store.exchange.export_columns import ROWS, cell_sql, needed_rows, objects_sql, quote
from clicktrail.store.reads.records import MASKED_SQL
from clicktrail.store.reads.statements import order_clause, sort_join, where_clause
from clicktrail.store.reads.tables import TABLES, visible
from clicktrail.store.session.protocol import Extract, Params, Session

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
"""Format -> media type."""


def export_clicks(session: Session, viewer: Viewer, export: Export, target: str) -> None:
    """Writes the clicks that the filters and the viewer let through to `target`; in no particular order, unless asked.

    Raises Unavailable where the file breaks off.
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
    params = Params()
    return Extract(
        _rows_sql(session, viewer, export, names, params),
        params,
        {name: ROWS[name].type for name in names},
        f"SELECT {shown} FROM {{rows}} c",
        export.kind,
    )


def _rows_sql(session: Session, viewer: Viewer, export: Export, names: list[str], params: Params) -> str:
    """The clicks and what is joined to them. Where only some are wanted, those are found before anything is joined."""
    query, table = export.query, TABLES[CLICK.name]
    columns = ", ".join(f"{ROWS[name].sql} AS {name}" for name in names)
    where = where_clause(query, table, viewer, params, session.dialect)
    order = f" ORDER BY {order_clause(query)}" if export.is_sorted else ""
    source = f"clicks c{sort_join(query)}"
    joins = dict.fromkeys(join for name in names for join in ROWS[name].joins)
    joined = "".join(_join_sql(join, viewer, query, params) for join in joins)
    if export.limit is None:
        return f"SELECT {columns} FROM {source}{joined} WHERE {where}{order}"
    found = f"SELECT c.* FROM {source} WHERE {where}{order} LIMIT {export.limit}"
    return f"SELECT {columns} FROM ({found}) c{sort_join(query)}{joined}{order}"


def _join_sql(name: str, viewer: Viewer, query: ListQuery, params: Params) -> str:
    """A join by its name. What a partner sees of another table is what `visible` says of that table."""
    if name == "banner":
        return " LEFT JOIN banners b ON b.banner_id = c.banner_id"
    if name == "country":
        return f" LEFT JOIN ({_countries_sql(query.view.language)}) n ON n.code = c.country_code"
    if name == "profile country":
        return f" LEFT JOIN ({_countries_sql(query.view.language)}) m ON m.code = p.country_code"
    if name == "link":
        return f" LEFT JOIN ({_visible_sql('l.*', LINK, viewer, params)}) l ON l.link_id = c.link_id"
    if name == "profile":
        return f" LEFT JOIN ({_visible_sql('p.*', PROFILE, viewer, params)}) p ON p.profile_id = c.profile_id"
    if name == "contacts":
        return f" LEFT JOIN ({_contacts_sql(viewer, params)}) k ON k.profile_id = p.profile_id"
    tags = "SELECT profile_id, '[' || string_agg(to_json(tag)::TEXT, ',' ORDER BY position) || ']' AS tags"
    return f" LEFT JOIN ({tags} FROM profile_tags GROUP BY profile_id) g ON g.profile_id = p.profile_id"


def _visible_sql(columns: str, resource: Resource, viewer: Viewer, params: Params) -> str:
    table = TABLES[resource.name]
    return f"SELECT {columns} FROM {table.name} {table.alias} WHERE {visible(table, viewer, params)}"


def _contacts_sql(viewer: Viewer, params: Params) -> str:
    """Each profile's contacts as one JSON text; values are masked for those who see no contacts."""
    value = "k.value" if viewer.sees_contacts else MASKED_SQL.replace("{value}", "k.value")
    fields = [field for field in CONTACT.kept if field.shown]
    expressions = {field.column: value if field.secret else f"k.{field.column}" for field in fields}
    members = " || ',' || ".join(
        f"""'"{column}":' || coalesce(to_json({expression})::TEXT, 'null')"""
        for column, expression in expressions.items()
    )
    listed = f"'[' || string_agg('{{' || {members} || '}}', ',' ORDER BY k.position) || ']' AS contacts"
    return f"{_visible_sql(f'k.profile_id, {listed}', CONTACT, viewer, params)} GROUP BY k.profile_id"


def _countries_sql(language: str) -> str:
    names = country_names(language)
    rows = ", ".join(
        f"({quote(code)}, {quote(country.alpha3)}, {quote(country.numeric)}, {quote(names[code])})"
        for code, country in BY_ALPHA2.items()
    )
    return f"SELECT * FROM (VALUES {rows}) v(code, alpha3, digits, country_name)"
