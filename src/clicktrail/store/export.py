"""Whole lists of clicks as files: rendered by the engine itself, with the keys and texts of the Click object."""

from collections.abc import Mapping

from clicktrail.model.access import Viewer
from clicktrail.model.click import Click
from clicktrail.model.countries import country_names
from clicktrail.query.fields import CLICK
from clicktrail.query.questions import ListQuery
from clicktrail.store.engine import Params, Session
from clicktrail.store.statements import where_clause
from clicktrail.store.tables import TABLES

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
"""Format -> media type."""


def _time_sql(us: str) -> str:
    """`model.times.render_time` as an expression."""
    whole = f"strftime(make_timestamp({us}), '%Y-%m-%dT%H:%M:%S')"
    fraction = f"CASE WHEN {us} % 1000000 = 0 THEN '' ELSE strftime(make_timestamp({us}), '.%f') END"
    return f"{whole} || {fraction} || '+00:00'"


def _degrees_sql(column: str) -> str:
    """`query.kinds.render_degrees` as an expression."""
    return f"rtrim(rtrim(printf('%.6f', {column}), '0'), '.')"


def _byte_sql(place: int) -> str:
    return f"CAST('0x' || substr(c.ip, {place}, 2) AS INTEGER)"


_IPV4_SQL = f"concat_ws('.', {', '.join(_byte_sql(place) for place in (2, 4, 6, 8))})"
EXPRESSIONS: Mapping[str, str] = {
    "time": _time_sql("c.time"),
    "ip": f"CASE WHEN starts_with(c.ip, '4') THEN {_IPV4_SQL} ELSE render_ip(c.ip) END",
    "bannerName": "b.banner_name",
    "bannerCdnFileUrl": "b.cdn_file_url",
    "cdnFileUrl": "b.cdn_file_url",
    "latitude": _degrees_sql("c.latitude"),
    "longitude": _degrees_sql("c.longitude"),
    "countryName": "n.name",
    "createTime": _time_sql("(CAST('0x' || substr(c.click_id, 1, 8) AS BIGINT) * 1000000)"),
    "updateTime": _time_sql("c.update_time"),
}
"""Key of the Click object -> SQL, where it is not simply a column."""


def export_clicks(session: Session, viewer: Viewer, query: ListQuery, target: str, kind: str) -> None:
    """Writes every click that the query's filters and the viewer let through to `target`, in no particular order."""
    table, params = TABLES[CLICK.name], Params()
    where = where_clause(query, table, viewer, params, session.dialect)
    rows = f"SELECT {', '.join(f'c.{column}' for column in Click.__struct_fields__)} FROM clicks c WHERE {where}"
    session.copy(rows, params, _render_sql(query.view.language), target, kind)


def _render_sql(language: str) -> str:
    """The Click object's keys and texts, from `{clicks}`."""
    columns = ", ".join(
        f'{EXPRESSIONS.get(field.name, f"c.{field.column}")} AS "{field.name}"' for field in CLICK.shown
    )
    countries = ", ".join(f"({_quote(code)}, {_quote(name)})" for code, name in country_names(language).items())
    return (
        f"SELECT {columns} FROM {{clicks}} c LEFT JOIN banners b ON b.banner_id = c.banner_id "
        f"LEFT JOIN (VALUES {countries}) n(code, name) ON n.code = c.country_code"
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
