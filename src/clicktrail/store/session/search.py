"""Looking for parts of texts: the predicates of `contains` and `starts`.

One part is looked for as it is. Several are looked for at once, in one go through a text that is folded once: an engine
that meets `fold(column)` in each of many alternatives computes it, and keeps a copy of every text, for each.
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
    """One part, on every engine."""
    return sql(_ONE[operator], column, part)


def find_by_pattern(operator: str, column: Sql, parts: Sequence[str]) -> Sql:
    """Several parts, where regular expressions are automata that read a text once (RE2). Folding alters no escape."""
    pattern = "|".join(map(re.escape, parts))
    return sql("regexp_matches(fold({}), fold({}))", column, f"^(?:{pattern})" if operator == "starts" else pattern)


def find_by_like(operator: str, column: Sql, parts: Sequence[str]) -> Sql:
    """Several parts, where LIKE takes an array.

    A planner expects the comparison with 0 to hold for a third of the rows, as it does with that of `strpos`. LIKE
    alone makes it expect few rows, and sort them all.
    """
    before = "" if operator == "starts" else "%"
    folded = join(", ", [sql("fold({})", before + _wild.sub(r"\\\1", part) + "%") for part in parts])
    return sql("CASE WHEN fold({}) LIKE ANY (ARRAY[{}]) THEN 1 ELSE 0 END > 0", column, folded)
