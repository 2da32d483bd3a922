"""Conditions for `contains` and `starts`.

A single part is searched directly. Several parts are searched in one pass through a text that is folded once: with
`fold(column)` in each of many alternatives, an engine would fold and copy every text for each.
"""

import re
from collections.abc import Sequence

from clicktrail.store.session.sql import Sql, join, sql

_ONE = {
    "contains": "strpos(fold({}), fold({})) > 0",
    "starts": "starts_with(fold({}), fold({}))",
}
OPERATORS = frozenset(_ONE)
_wild = re.compile(r"([\\%_])")


def find_one(operator: str, column: Sql, part: str) -> Sql:
    """A single part, on every engine."""
    return sql(_ONE[operator], column, part)


def find_by_pattern(operator: str, column: Sql, parts: Sequence[str]) -> Sql:
    """Several parts, on engines whose regular expressions read a text once (RE2). Folding changes no escape."""
    pattern = "|".join(map(re.escape, parts))
    return sql("regexp_matches(fold({}), fold({}))", column, f"^(?:{pattern})" if operator == "starts" else pattern)


def find_by_like(operator: str, column: Sql, parts: Sequence[str]) -> Sql:
    """Several parts, on engines where LIKE takes an array.

    The planner expects a comparison with 0 to match a third of the rows, as with `strpos`. For a plain LIKE it expects
    few rows, and would sort them all.
    """
    before = "" if operator == "starts" else "%"
    folded = join(", ", [sql("fold({})", before + _wild.sub(r"\\\1", part) + "%") for part in parts])
    return sql("CASE WHEN fold({}) LIKE ANY (ARRAY[{}]) THEN 1 ELSE 0 END > 0", column, folded)
