"""Hints for parameters that an operation does not have: the parameters that the caller may have meant."""

from collections.abc import Mapping
from difflib import get_close_matches

from clicktrail.query.fields import Resource
from clicktrail.query.grammar import Grammar

_ALIKE = 0.8
"""Minimum similarity of two names, from 0 to 1: one letter that is wrong, missing or swapped passes."""


def hint_parameter(name: str, grammar: Grammar) -> str:
    """For a parameter without brackets: `utmSource` means `filter[utmSource]`."""
    meant = {each: f"query[{each}]" for each in grammar.expansions}
    if grammar.resource is not None and grammar.has_filters:
        meant |= {each: f"filter[{each}]" for each in grammar.resource.filters}
    return _hint(name, meant | {each: each for each in grammar.own_by_name})


def hint_filter(name: str, resource: Resource) -> str:
    """For the name in `filter[name]`. A field that has filters of other names is answered with these names."""
    column = next((field.column for field in resource.fields if field.name == name), None)
    filters = {each: f"filter[{each}]" for each in resource.filters}
    same = [filters[each] for each, field in resource.filters.items() if field.column == column]
    return _say(same) or _hint(name, filters)


def _hint(name: str, meant: Mapping[str, str]) -> str:
    """`meant`: a name -> how it is written in a query string."""
    plain = {_plain(each): written for each, written in meant.items()}
    return _say([plain[each] for each in get_close_matches(_plain(name), plain, n=2, cutoff=_ALIKE)])


def _say(written: list[str]) -> str:
    return f" (did you mean {' or '.join(written)}?)" if written else ""


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
