"""Looking for parts of texts: the predicates of `contains` and `starts`.

One part is looked for as it is. Several are looked for at once, in one go through a text that is folded once: an engine
that meets `fold(column)` in each of many alternatives computes it, and keeps a copy of every text, for each.
"""

import re
from collections.abc import Sequence

from clicktrail.store.session.protocol import Params

_ONE = {
    "contains": "strpos(fold({column}), fold({value})) > 0",
    "starts": "starts_with(fold({column}), fold({value}))",
}
OPERATORS = frozenset(_ONE)
_wild = re.compile(r"([\\%_])")


def find_one(operator: str, part: str, params: Params) -> str:
    """One part, on every engine."""
    return _ONE[operator].replace("{value}", params.add(part))


def find_by_pattern(operator: str, parts: Sequence[str], params: Params) -> str:
    """Several parts, where regular expressions are automata that read a text once (RE2). Folding alters no escape."""
    pattern = "|".join(map(re.escape, parts))
    value = params.add(f"^(?:{pattern})" if operator == "starts" else pattern)
    return f"regexp_matches(fold({{column}}), fold({value}))"


def find_by_like(operator: str, parts: Sequence[str], params: Params) -> str:
    """Several parts, where LIKE takes an array.

    A planner expects the comparison with 0 to hold for a third of the rows, as it does with that of `strpos`. LIKE
    alone makes it expect few rows, and sort them all.
    """
    before = "" if operator == "starts" else "%"
    patterns = [before + _wild.sub(r"\\\1", part) + "%" for part in parts]
    folded = ", ".join(f"fold({params.add(pattern)})" for pattern in patterns)
    return f"CASE WHEN fold({{column}}) LIKE ANY (ARRAY[{folded}]) THEN 1 ELSE 0 END > 0"
