"""SQL as a value: text plus bound values. Statements are composed of parts; values never become text."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain
from typing import Any

import msgspec

_HOLE = "{}"
_name = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?").fullmatch


class Sql(msgspec.Struct, frozen=True):
    """A statement, or a part of one. Each `{}` in the text binds the next of `params`."""

    text: str
    params: tuple[Any, ...] = ()

    def numbered(self) -> str:
        """The text with `$1`, `$2`, … for the values, as engines take it."""
        first, *rest = self.pieces()
        return first + "".join([f"${place}{piece}" for place, piece in enumerate(rest, 1)])

    def pieces(self) -> list[str]:
        """The text before, between and after the values. Raises ValueError if the numbers of `{}` and values differ."""
        found = self.text.split(_HOLE) if self.params else [self.text]
        if len(found) != len(self.params) + 1:
            raise ValueError(f"{len(self.params)} values for {self.text}")
        return found


def sql(text: str, *values: object) -> Sql:
    """Fills each `{}` of `text`: another Sql becomes a part of it, any other value is bound."""
    if not values:
        return Sql(text)
    first, *rest = text.split(_HOLE)
    params: list[object] = []
    for piece, value in zip(rest, values, strict=True):
        if isinstance(value, Sql):
            first += value.text + piece
            params += value.params
        else:
            first += _HOLE + piece
            params.append(value)
    return Sql(first, tuple(params))


def join(separator: str, parts: Iterable[Sql]) -> Sql:
    found = tuple(parts)
    return Sql(separator.join([part.text for part in found]), tuple(chain.from_iterable(part.params for part in found)))


def and_(*conditions: Sql) -> Sql:
    """All conditions hold. A condition with `OR` needs parentheses."""
    return join(" AND ", conditions)


def or_(conditions: Iterable[Sql]) -> Sql:
    """One of the conditions holds. In parentheses, for use in `and_`."""
    return sql("({})", join(" OR ", conditions))


def bind(values: Iterable[object]) -> Sql:
    params = tuple(values)
    return Sql(", ".join([_HOLE] * len(params)), params)


def in_(column: Sql, values: Iterable[object]) -> Sql:
    """The column has one of the values. At least one value is required."""
    return sql("{} IN ({})", column, bind(values))


@cache
def named(text: str) -> Sql:
    """The name of a table or column, such as `clicks` or `c.click_id`."""
    if not _name(text):
        raise ValueError(f"{text!r} is not the name of a table or column")
    return Sql(text)


def names(columns: Iterable[str], of: str = "") -> Sql:
    """Names of columns, separated by commas; `of` is the alias of their table."""
    return join(", ", [named(f"{of}.{column}" if of else column) for column in columns])


def number(value: int) -> Sql:
    """A number as text, for values that engines plan by. DuckDB plans before it sees bound values."""
    return Sql(str(int(value)))


def insert_into(table: str, row: Mapping[str, object]) -> Sql:
    """Adds one row (column -> value)."""
    return sql("INSERT INTO {} ({}) VALUES ({})", named(table), names(row), bind(row.values()))


def update(table: str, changes: Mapping[str, object], where: Sql) -> Sql:
    """Changes rows (column -> value)."""
    sets = join(", ", [sql("{} = {}", named(column), value) for column, value in changes.items()])
    return sql("UPDATE {} SET {} WHERE {}", named(table), sets, where)
