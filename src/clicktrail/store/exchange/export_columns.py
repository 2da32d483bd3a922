"""The keys of exported files: how each is rendered, and which columns of which tables it needs.

Keys of an expansion start with its name: `visitor.device`. Rows are selected in the shared SQL, and rendered in the
rendering engine's SQL, where `c` has the columns of `ROWS`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args, get_type_hints

from clicktrail.model.cells import FORMULA, NUMBER
from clicktrail.model.click import Click
from clicktrail.query import kinds
from clicktrail.query.fields import CLICK, CONTACT, LINK, PROFILE, REPORTED, VISITOR, Field

_column = re.compile(r"\bc\.(\w+)").findall
_TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}


@dataclass(frozen=True)
class RowColumn:
    """A column of the rows: its expression, its type in the rendering engine, and its joins."""

    sql: str
    type: str = "VARCHAR"
    joins: tuple[str, ...] = ()


def _click_type(hint: object) -> str:
    return next(name for kind, name in _TYPES.items() if kind is hint or kind in get_args(hint))


def _joined(prefix: str, alias: str, join: str, fields: tuple[Field, ...]) -> dict[str, RowColumn]:
    kept = (field for field in fields if field.name != "createTime")
    return {
        f"{prefix}_{field.column}": RowColumn(f"{alias}.{field.column}", _TYPES[field.kind.stored], (join,))
        for field in kept
    }


ROWS: Mapping[str, RowColumn] = {
    **{name: RowColumn(f"c.{name}", _click_type(hint)) for name, hint in get_type_hints(Click).items()},
    "banner_name": RowColumn("b.banner_name", joins=("banner",)),
    "cdn_file_url": RowColumn("b.cdn_file_url", joins=("banner",)),
    "country_name": RowColumn("n.country_name", joins=("country",)),
    **_joined("link", "l", "link", LINK.shown),
    **_joined("profile", "p", "profile", tuple(field for field in PROFILE.columns.values() if field.shown)),
    **{
        f"profile_{name}": RowColumn(f"m.{name}", joins=("profile", "profile country"))
        for name in ("alpha3", "digits", "country_name")
    },
    "profile_contacts": RowColumn("k.contacts", joins=("profile", "contacts")),
    "profile_tags": RowColumn("g.tags", joins=("profile", "tags")),
}
"""Column of the rows -> its source."""


def _time_sql(us: str) -> str:
    """`model.times.render_time` as an expression."""
    whole = f"strftime(make_timestamp({us}), '%Y-%m-%dT%H:%M:%S')"
    fraction = f"CASE WHEN {us} % 1000000 = 0 THEN '' ELSE strftime(make_timestamp({us}), '.%f') END"
    return f"{whole} || {fraction} || '+00:00'"


def _create_time_sql(object_id: str) -> str:
    return _time_sql(f"(CAST('0x' || substr({object_id}, 1, 8) AS BIGINT) * 1000000)")


def _degrees_sql(column: str) -> str:
    """`query.kinds.render_degrees` as an expression."""
    return f"rtrim(rtrim(printf('%.6f', {column}), '0'), '.')"


def _byte_sql(place: int) -> str:
    return f"CAST('0x' || substr(c.ip, {place}, 2) AS INTEGER)"


_IPV4_SQL = f"concat_ws('.', {', '.join(_byte_sql(place) for place in (2, 4, 6, 8))})"
_CONTACT_TYPE = ", ".join(
    f'"{field.column}": "{_TYPES[field.kind.stored]}"' for field in CONTACT.columns.values() if field.shown
)
_CONTACT_SQL = ", ".join(
    f"'{field.name}': "
    + {"createTime": _create_time_sql("k.contact_id"), "updateTime": _time_sql("k.update_time")}.get(
        field.name, f"k.{field.column}"
    )
    for field in CONTACT.shown
)
_COUNTRY_SQL = (
    "CASE WHEN c.profile_country_code IS NOT NULL THEN {'alpha2': c.profile_country_code, 'alpha3': c.profile_alpha3, "
    "'numeric': c.profile_digits, 'name': c.profile_country_name} END"
)
_CONTACTS_SQL = f"[{{{_CONTACT_SQL}}} FOR k IN from_json(coalesce(c.profile_contacts, '[]'), '[{{{_CONTACT_TYPE}}}]')]"
_SPECIAL: Mapping[str, str] = {
    "time": _time_sql("c.time"),
    "ip": f"CASE WHEN starts_with(c.ip, '4') AND length(c.ip) = 9 THEN {_IPV4_SQL} "
    "ELSE render_ip(nullif(c.ip, '')) END",
    "bannerCdnFileUrl": "c.cdn_file_url",
    "latitude": _degrees_sql("c.latitude"),
    "longitude": _degrees_sql("c.longitude"),
    "countryName": "c.country_name",
    "createTime": _create_time_sql("c.click_id"),
    "visitor.isBot": "(c.bot <> '')",
    "visitor.botRule": "nullif(c.bot, '')",
    "link.createTime": _create_time_sql("c.link_link_id"),
    "profile.createTime": _create_time_sql("c.profile_profile_id"),
    "profile.contacts": _CONTACTS_SQL,
    "profile.countryNumericCode": "c.profile_digits",
    "profile.country": _COUNTRY_SQL,
    "profile.tags": """from_json(coalesce(c.profile_tags, '[]'), '["VARCHAR"]')""",
}
"""Key -> SQL, if it is not simply a column."""
_FIELDS: Mapping[str, tuple[str, tuple[Field, ...]]] = {
    "": ("", CLICK.shown),
    "visitor.": ("", VISITOR),
    "origin.": ("", REPORTED),
    "link.": ("link_", LINK.shown),
    "profile.": ("profile_", PROFILE.shown),
}
"""Prefix of keys -> prefix of their columns, and their fields."""


EXPRESSIONS: Mapping[str, str] = {
    f"{prefix}{field.name}": (_time_sql if field.kind is kinds.TIME else str)(f"c.{columns}{field.column}")
    for prefix, (columns, fields) in _FIELDS.items()
    for field in fields
} | dict(_SPECIAL)
"""Key -> the SQL that renders it from the rows."""
GROUPS: Mapping[str, str] = {
    "visitor": "TRUE",
    "origin": "TRUE",
    "link": "c.link_link_id IS NOT NULL",
    "profile": "c.profile_profile_id IS NOT NULL",
}
"""Expansion -> whether a row has it."""
_TEXTS = {
    f"{prefix}{field.name}"
    for prefix, (_, fields) in _FIELDS.items()
    for field in fields
    if field.kind in (kinds.TEXT, kinds.URL)
}
_NESTED = {"profile.contacts", "profile.country", "profile.tags"}


def cell_sql(key: str, is_neutral: bool) -> str:
    """A key as a table cell: lists and objects as JSON. Neutralises texts that a spreadsheet would run as formulas."""
    expression = EXPRESSIONS[key]
    if key in _NESTED:
        is_there = GROUPS[key.partition(".")[0]]
        return f"CASE WHEN {is_there} THEN CAST(to_json({expression}) AS VARCHAR) END"
    if not is_neutral or key not in _TEXTS:
        return expression
    # Few texts start with something other than a letter; only those need the pattern.
    is_odd = f"({expression} < 'A' OR {expression} >= chr(127))"
    is_formula = f"{is_odd} AND regexp_matches({expression}, {quote('^' + FORMULA)})"
    is_number = f"regexp_full_match({expression}, {quote(NUMBER)})"
    return f"CASE WHEN {is_formula} AND NOT {is_number} THEN '''' || {expression} ELSE {expression} END"


def objects_sql(keys: Sequence[str]) -> dict[str, str]:
    """Key of a JSON object -> SQL. The keys of an expansion form an object, which is null if the row lacks it."""
    columns: dict[str, str] = {}
    parts: dict[str, list[str]] = {}
    for key in keys:
        group, dot, name = key.partition(".")
        if not dot:
            columns[key] = EXPRESSIONS[key]
            continue
        parts.setdefault(group, []).append(f"{quote(name)}: {EXPRESSIONS[key]}")
        columns[group] = f"CASE WHEN {GROUPS[group]} THEN {{{', '.join(parts[group])}}} END"
    return columns


def needed_rows(expressions: Iterable[str]) -> list[str]:
    """The columns of the rows that the expressions read."""
    used = set(_column(" ".join(expressions)))
    return [name for name in ROWS if name in used]


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
