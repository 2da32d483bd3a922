"""SQL as a value: its text, and the values that are bound in it. It is composed of parts; no value becomes text."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain
from typing import Any

import msgspec

_HOLE = "{}"
_name = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?").fullmatch


class Sql(msgspec.Struct, frozen=True):
    """A statement, or a part of one. `{}` stands in the text where the next of `params` is bound."""

    text: str
    params: tuple[Any, ...] = ()

    def numbered(self) -> str:
        """The text as engines take it, with `$1`, `$2`, … for the values."""
        first, *rest = self.pieces()
        return first + "".join([f"${place}{piece}" for place, piece in enumerate(rest, 1)])

    def pieces(self) -> list[str]:
        """The text before, between and behind the values. Raises ValueError where it has room for more or fewer."""
        found = self.text.split(_HOLE) if self.params else [self.text]
        if len(found) != len(self.params) + 1:
            raise ValueError(f"{len(self.params)} values for {self.text}")
        return found


def sql(text: str, *values: object) -> Sql:
    """`text` with something in place of each `{}`: another Sql becomes a part of it, any other value is bound."""
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
    """The parts with the separator between them."""
    found = tuple(parts)
    return Sql(separator.join([part.text for part in found]), tuple(chain.from_iterable(part.params for part in found)))


def and_(*conditions: Sql) -> Sql:
    """All conditions hold. None of them may have an `OR` that no parentheses are around."""
    return join(" AND ", conditions)


def or_(conditions: Iterable[Sql]) -> Sql:
    """One of the conditions holds. In parentheses, so that it can be a part of `and_`."""
    return sql("({})", join(" OR ", conditions))


def bind(values: Iterable[object]) -> Sql:
    """The values with commas between them."""
    params = tuple(values)
    return Sql(", ".join([_HOLE] * len(params)), params)


def in_(column: Sql, values: Iterable[object]) -> Sql:
    """The column has one of the values, of which there is at least one."""
    return sql("{} IN ({})", column, bind(values))


@cache
def named(text: str) -> Sql:
    """The name of a table or a column, such as `clicks` or `c.click_id`."""
    if not _name(text):
        raise ValueError(f"{text!r} is no name of a table or a column")
    return Sql(text)


def names(columns: Iterable[str], of: str = "") -> Sql:
    """Names of columns with commas between them; `of` is the alias of their table."""
    return join(", ", [named(f"{of}.{column}" if of else column) for column in columns])


def number(value: int) -> Sql:
    """A number as text: where engines plan by it, and DuckDB plans before it looks at what is bound."""
    return Sql(str(int(value)))


def insert_into(table: str, row: Mapping[str, object]) -> Sql:
    """Adds one row; `row` is by column."""
    return sql("INSERT INTO {} ({}) VALUES ({})", named(table), names(row), bind(row.values()))


def update(table: str, changes: Mapping[str, object], where: Sql) -> Sql:
    """Changes rows; `changes` are by column."""
    sets = join(", ", [sql("{} = {}", named(column), value) for column, value in changes.items()])
    return sql("UPDATE {} SET {} WHERE {}", named(table), sets, where)
