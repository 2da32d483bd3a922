"""Reads query strings by the grammar of their operation. An error names every mistake, and the allowed values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from clicktrail.errors import MalformedRequest, Mistake
from clicktrail.model.countries import country_names
from clicktrail.model.reading import STRICT, Reading
from clicktrail.query import kinds
from clicktrail.query.cursors import parse_cursor
from clicktrail.query.fields import Field, Resource
from clicktrail.query.grammar import DEFAULT_LIMIT, PAGING, Asked, Grammar, listing
from clicktrail.query.hints import hint_filter, hint_parameter
from clicktrail.query.limits import MAX_VALUES, find_excess
from clicktrail.query.questions import Condition, Cursor, ListQuery, Value, View
from clicktrail.query.urlencoded import Parameter, parse_parameters
from clicktrail.query.values import Values, compare_days, read_values

_bracketed = re.compile(r"(\w+)((?:\[[^\[\]]*\])*)\Z", re.ASCII).match
_inside = re.compile(r"\[([^\[\]]*)\]").findall
_WIDEST: Mapping[str, Callable[..., Value]] = {"gt": min, "gte": min, "lt": max, "lte": max}
_NOT_VALID = "The query string is not valid."
_HINTED, _MAX_HINTED = 5, 40
"""How many mistakes get a hint, and the longest name that gets one."""
T = TypeVar("T")

_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda name, text: name == text,
    "ne": lambda name, text: name == text,
    "in": lambda name, text: name == text,
    "contains": lambda name, text: text.lower() in name.lower(),
    "starts": lambda name, text: name.lower().startswith(text.lower()),
    "gt": lambda name, text: name > text,
    "gte": lambda name, text: name >= text,
    "lt": lambda name, text: name < text,
    "lte": lambda name, text: name <= text,
}
"""Operator -> whether a country's name passes. The store gets the codes of the countries that pass."""


class Reader:
    """Sorts parameters by their use, and collects their mistakes."""

    def __init__(self, grammar: Grammar, raw: bytes, language: str, reading: Reading) -> None:
        self.grammar = grammar
        self.language = language
        self.reading = replace(reading, is_strict=True) if grammar.is_exact else reading
        self.mistakes: list[Mistake] = []
        self.single: dict[str, str] = {}
        self.filters: dict[tuple[Field, str], Values] = {}
        self.expansions: set[str] = set()
        self.parameters = parse_parameters(raw)
        for parameter in self.parameters:
            self._place(parameter)

    def wrong(self, name: str, detail: str) -> None:
        """Records a mistake in a parameter; `finish` raises all of them."""
        self.mistakes.append(Mistake(detail, parameter=name))

    def unknown(self, name: str, detail: str) -> None:
        """Records a parameter that the API does not have, unless unknown parameters are ignored."""
        if self.reading.is_strict:
            self.wrong(name, detail)

    def hint(self, find: Callable[[str, T], str], name: str, among: T) -> str:
        """The parameters that the caller may have meant: only for the first mistakes, because it takes time."""
        is_wanted = self.reading.is_strict and len(self.mistakes) < _HINTED and len(name) <= _MAX_HINTED
        return find(name, among) if is_wanted else ""

    def _place(self, parameter: Parameter) -> None:
        grammar, match = self.grammar, _bracketed(parameter.name)
        word, path = (match[1], _inside(match[2])) if match else (parameter.name, [])
        own = 1 if grammar.resource is None or word not in grammar.resource.filter_aliases else 0
        if len(path) > own and (not path[-1] or path[-1].isdecimal()):  # one of several values: PHP repeats keys so
            path = path[:-1]
        if word in grammar.own_by_name and not path:
            known = grammar.own_by_name[word]
            self._add_single(word, parameter.literal if known.keeps_plus else parameter.value, known.is_list)
        elif grammar.resource is not None and grammar.has_filters and word == "filter" and path:
            self._add_filter(parameter, grammar.resource, path[0], path[1:])
        elif grammar.resource is not None and grammar.has_filters and word in grammar.resource.filter_aliases:
            self._add_filter(parameter, grammar.resource, word, path)
        elif grammar.expansions and word == "query" and len(path) == 1:
            self._add_expansion(parameter, path[0])
        elif parameter.value or path or word not in PAGING or grammar.is_exact:
            hint = self.hint(hint_parameter, word, grammar) if not path else ""
            self.unknown(parameter.name, f"is not a parameter here{hint}; allowed: {grammar.allowed}")

    def _add_single(self, name: str, value: str, is_list: bool = False) -> None:
        if not value:  # an empty value counts as missing
            return
        if name not in self.single:
            self.single[name] = value
        elif is_list:
            self.single[name] += f",{value}"
        else:
            self.wrong(name, "is given twice")

    def _add_expansion(self, parameter: Parameter, name: str) -> None:
        if name not in self.grammar.expansions:
            self.unknown(parameter.name, f"is not an expansion here; allowed: {', '.join(self.grammar.expansions)}")
            return
        wanted = self.attempt(parameter.name, kinds.read_flag, parameter.value) if parameter.value else None
        if wanted:
            self.expansions.add(name)
        elif wanted is False:
            self.expansions.discard(name)

    def _add_filter(self, parameter: Parameter, resource: Resource, name: str, path: list[str]) -> None:
        field = resource.filters.get(name)
        if field is None:
            allowed, hint = ", ".join(sorted(resource.filters)), self.hint(hint_filter, name, resource)
            self.unknown(parameter.name, f"is not a filter of {resource.path}{hint}; allowed: {allowed}")
            return
        operator = path[0] if path else field.plain
        if len(path) > 1 or operator not in field.kind.operators:
            self.wrong(parameter.name, f"has no such operator; allowed: {', '.join(field.kind.operators)}")
            return
        if not parameter.value:
            return
        values = self.attempt(
            parameter.name, lambda given: read_values(field, operator, given, self.reading), parameter
        )
        if values is None:
            return
        known = self.filters.setdefault((field, operator), [])
        if len(known) + len(values) > MAX_VALUES:
            self.wrong(parameter.name, f"has more than {MAX_VALUES} values")
        else:
            known.extend(values)

    def attempt(self, name: str, read: Callable[[Parameter], T] | Callable[[str], T], given: object) -> T | None:
        """The result of `read`. A ValueError is recorded as a mistake; the result is then None."""
        try:
            return read(given)  # type: ignore[arg-type]
        except ValueError as error:
            self.wrong(name, str(error))
            return None

    def own(self) -> dict[str, Any]:
        """The parameters that are not filters, each with its value or its default."""
        found = dict(self.grammar.defaults)
        for name in (*self.single, *(self.grammar.required - self.single.keys())):
            value = self.attempt(name, self.grammar.own_by_name[name].read, self.single.get(name, ""))
            if value is not None:
                found[name] = value
        return found

    def refuse_vague(self) -> None:
        """Records parameters without a value, and the lack of a filter."""
        for each in self.parameters:
            if not each.value:
                self.wrong(each.name, "has no value; here each parameter must have one")
        if not any(each.name not in self.grammar.own_by_name for each in self.parameters):
            self.wrong("filter", "is missing; give at least one filter")

    def finish(self) -> None:
        """Raises MalformedRequest with every mistake, if there is one."""
        self.mistakes += find_excess(self.filters)
        if self.mistakes:
            takes_none = self.grammar.allowed == "none"
            detail = "Query parameters are not allowed here; allowed: none." if takes_none else _NOT_VALID
            raise MalformedRequest(detail, tuple(self.mistakes))


def parse_query(
    grammar: Grammar, raw: bytes, language: str = "en", reading: Reading = STRICT, wants_count: bool = False
) -> Asked:
    """Raises MalformedRequest with every mistake."""
    reader = Reader(grammar, raw, language, reading)
    view = View(frozenset(reader.expansions), language)
    own = reader.own()
    page = None
    if grammar.has_filters and grammar.resource is not None:
        page = _read_page(reader, grammar.resource, own, view, wants_count)
    if grammar.is_exact:
        reader.refuse_vague()
    reader.finish()
    return Asked(view, page, own, frozenset(reader.single))


def _read_page(reader: Reader, resource: Resource, own: Mapping[str, Any], view: View, wants_count: bool) -> ListQuery:
    if reader.grammar.has_own_order:
        own = {}
    sort, is_descending = resource.sorts[own.get("sort_by", "createTime")], own.get("sort_order", "desc") == "desc"
    return ListQuery(
        resource=resource,
        sort=sort,
        is_descending=is_descending,
        limit=own.get("limit", DEFAULT_LIMIT),
        offset=own.get("offset", 0),
        after=None if reader.grammar.has_own_order else read_cursor(reader, sort, is_descending),
        conditions=tuple(make_condition(*key, values, view.language) for key, values in reader.filters.items()),
        wants_count=wants_count,
        view=view,
        as_of=own.get("as_of"),
    )


def read_cursor(reader: Reader, sort: Field, is_descending: bool) -> Cursor | None:
    """The start of the page. The cursor must belong to the requested order."""
    if "cursor" not in reader.single:
        return None
    if reader.single.get("offset", "").strip("0"):
        reader.wrong("offset", "cannot be combined with a cursor: the cursor is the start of the page")
    return reader.attempt("cursor", lambda text: parse_cursor(text, sort, is_descending), reader.single["cursor"])


def parse_list(
    raw: bytes, resource: Resource, language: str = "en", wants_count: bool = False, reading: Reading = STRICT
) -> ListQuery:
    """The query string of a list -> the page. Raises MalformedRequest with every mistake."""
    return parse_query(listing(resource), raw, language, reading, wants_count).listing


def make_condition(field: Field, operator: str, values: Values, language: str) -> Condition:
    """A filter as the store needs it: country names become codes, address blocks become ranges."""
    if operator == "null":
        if field.kind is kinds.IP and len(set(values)) == 1:  # an address that is not kept is an empty text
            return Condition(field, "eq" if values[0] else "ne", ("",))
        return Condition(field, operator, tuple(values))
    if field.kind is kinds.TIME and any(isinstance(value, tuple) for value in values):
        return compare_days(field, operator, values)
    if field.kind is kinds.COUNTRY_NAME:
        compare = _COMPARE[operator]
        codes = [
            code
            for code, name in country_names(language).items()
            if any(isinstance(value, str) and compare(name, value) for value in values)
        ]
        return Condition(field, "ne" if operator == "ne" else "in", tuple(codes))
    if field.kind is kinds.IP and operator == "in":
        return Condition(field, "within", tuple(values))
    if operator in _WIDEST:
        return Condition(field, operator, (_WIDEST[operator](values),))  # of several bounds, only the widest matters
    return Condition(field, operator, tuple(values))
