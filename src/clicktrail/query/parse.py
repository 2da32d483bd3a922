"""The grammar of a list request: `limit offset cursor sort_by sort_order filter[…] query[…]`.

Every mistake is named at once, with what is allowed there.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from clicktrail.errors import MalformedRequest, Mistake
from clicktrail.model.countries import country_names
from clicktrail.model.reading import STRICT, Reading
from clicktrail.query import kinds
from clicktrail.query.cursors import parse_cursor
from clicktrail.query.fields import Field, Resource
from clicktrail.query.limits import MAX_VALUES, find_excess
from clicktrail.query.questions import Condition, Cursor, ListQuery, Value, View
from clicktrail.query.urlencoded import Parameter, parse_parameters
from clicktrail.query.values import Values, compare_days, read_values

MAX_LIMIT = 1000
DEFAULT_LIMIT = 10
MAX_OFFSET = 2**53
_bracketed = re.compile(r"(\w+)((?:\[[^\[\]]*\])*)\Z", re.ASCII).match
_inside = re.compile(r"\[([^\[\]]*)\]").findall
_WIDEST: Mapping[str, Callable[..., Value]] = {"gt": min, "gte": min, "lt": max, "lte": max}
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
"""What an operator means for a country's name; the store gets the codes of the countries that pass."""


class Reader:
    """Sorts parameters into their places and collects what is wrong with them."""

    def __init__(self, resource: Resource, parameters: Iterable[Parameter], language: str, reading: Reading) -> None:
        self.resource = resource
        self.language = language
        self.reading = reading
        self.mistakes: list[Mistake] = []
        self.single: dict[str, Parameter] = {}
        self.filters: dict[tuple[Field, str], Values] = {}
        self.expansions: set[str] = set()
        for parameter in parameters:
            self._place(parameter)

    def wrong(self, name: str, detail: str) -> None:
        """Notes a mistake of a parameter; `finish` raises all of them."""
        self.mistakes.append(Mistake(detail, parameter=name))

    def unknown(self, name: str, detail: str) -> None:
        """Notes a parameter that the API does not have, unless such parameters are ignored."""
        if self.reading.is_strict:
            self.wrong(name, detail)

    def _place(self, parameter: Parameter) -> None:
        match = _bracketed(parameter.name)
        word, path = (match[1], _inside(match[2])) if match else (parameter.name, [])
        own = 0 if word in self.resource.filter_aliases else 1
        if len(path) > own and (not path[-1] or path[-1].isdecimal()):  # one of several values, as PHP repeats a key
            path = path[:-1]
        if word == "filter" and path:
            self._add_filter(parameter, path[0], path[1:])
        elif word == "query" and len(path) == 1:
            self._add_expansion(parameter, path[0])
        elif word in self.resource.filter_aliases:
            self._add_filter(parameter, word, path)
        elif path or word not in SINGLE:
            self.unknown(parameter.name, f"is not a parameter; allowed: {', '.join(allowed_parameters(self.resource))}")
        elif not parameter.value:  # as good as not there
            return
        elif word in self.single:
            self.wrong(word, "is given twice")
        else:
            self.single[word] = parameter

    def _add_expansion(self, parameter: Parameter, name: str) -> None:
        if name not in self.resource.expansions:
            allowed = ", ".join(self.resource.expansions) or "none"
            self.unknown(parameter.name, f"is not an expansion of {self.resource.path}; allowed: {allowed}")
            return
        wanted = self.attempt(parameter.name, kinds.read_flag, parameter.value) if parameter.value else None
        if wanted:
            self.expansions.add(name)
        elif wanted is False:
            self.expansions.discard(name)

    def _add_filter(self, parameter: Parameter, name: str, path: list[str]) -> None:
        field = self.resource.filters.get(name)
        if field is None:
            allowed = ", ".join(sorted(self.resource.filters))
            self.unknown(parameter.name, f"is not a filter of {self.resource.path}; allowed: {allowed}")
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
        """What `read` makes of a value. A ValueError is noted as a mistake; the result is then None."""
        try:
            return read(given)  # type: ignore[arg-type]
        except ValueError as error:
            self.wrong(name, str(error))
            return None

    def number(self, name: str, default: int, high: int, is_capped: bool = False) -> int:
        """A number from 0 to `high`; a larger one is `high` where it `is_capped`."""
        parameter = self.single.get(name)
        if parameter is None:
            return default
        text = parameter.value
        if text.isascii() and text.isdigit():
            number = int(text.lstrip("0")[:17] or "0")  # 17 digits are more than any limit
            if number <= high or is_capped:
                return min(number, high)
        allowed = f"of 0 or more; more than {high} is {high}" if is_capped else f"from 0 to {high}"
        self.wrong(name, f"must be a whole number {allowed}")
        return default

    def choice(self, name: str, default: str, allowed: Iterable[str], is_folded: bool = False) -> str:
        """One of the allowed words, in any letter case where it `is_folded`."""
        parameter = self.single.get(name)
        value = default if parameter is None else parameter.value.lower() if is_folded else parameter.value
        if value in allowed:
            return value
        self.wrong(name, f"must be one of {', '.join(allowed)}")
        return default

    def cursor(self, sort: Field, is_descending: bool) -> Cursor | None:
        """Where the page begins; it must belong to the order that is asked for."""
        parameter = self.single.get("cursor")
        if parameter is None:
            return None
        if "offset" in self.single and self.single["offset"].value.strip("0"):
            self.wrong("offset", "cannot be combined with a cursor, which already says where the page begins")
        return self.attempt("cursor", lambda text: parse_cursor(text, sort, is_descending), parameter.value)

    def finish(self) -> None:
        """Raises MalformedRequest, which names every mistake, if there was one."""
        self.mistakes += find_excess(self.filters)
        if self.mistakes:
            raise MalformedRequest("The query string is not valid.", tuple(self.mistakes))


SINGLE = ("limit", "offset", "cursor", "sort_by", "sort_order")


def allowed_parameters(resource: Resource) -> list[str]:
    """The parameters of a list request, for messages and documents."""
    return [*SINGLE, "filter[…]", *(["query[…]"] if resource.expansions else [])]


def parse_list(
    raw: bytes, resource: Resource, language: str = "en", wants_count: bool = False, reading: Reading = STRICT
) -> ListQuery:
    """A raw query string -> the question. Raises MalformedRequest naming every mistake."""
    reader = Reader(resource, parse_parameters(raw), language, reading)
    sort = resource.sorts[reader.choice("sort_by", "createTime", resource.sorts)]
    is_descending = reader.choice("sort_order", "desc", ("asc", "desc"), is_folded=True) == "desc"
    query = ListQuery(
        resource=resource,
        sort=sort,
        is_descending=is_descending,
        limit=reader.number("limit", DEFAULT_LIMIT, MAX_LIMIT, is_capped=True),
        offset=reader.number("offset", 0, MAX_OFFSET),
        after=reader.cursor(sort, is_descending),
        conditions=tuple(make_condition(*key, values, language) for key, values in reader.filters.items()),
        wants_count=wants_count,
        view=View(frozenset(reader.expansions), language),
    )
    reader.finish()
    return query


def parse_format(raw: bytes, resource: Resource, formats: Sequence[str], reading: Reading = STRICT) -> str:
    """The query string of a picture: `format` alone, by default the first. Raises MalformedRequest."""
    reader, kind = _read_format(raw, resource, formats, "en", reading)
    _refuse_all_but(reader, "format")
    return kind


def parse_flag(raw: bytes, resource: Resource, name: str, reading: Reading = STRICT) -> bool:
    """A query string that takes one switch. Raises MalformedRequest."""
    reader = _read_apart(raw, resource, name, "en", reading)
    given = reader.single.get(name)
    value = reader.attempt(name, kinds.read_flag, given.value) if given else False
    _refuse_all_but(reader, name)
    return bool(value)


def parse_removal(
    raw: bytes, resource: Resource, most: int, language: str, reading: Reading = STRICT
) -> tuple[ListQuery, bool]:
    """The query string of a removal: filters, `limit` and `dry_run`; the oldest come first.

    Nothing in it is passed over, however lenient the request: less would be asked, and more removed. Raises
    MalformedRequest naming every mistake.
    """
    parameters, reading = parse_parameters(raw), replace(reading, is_strict=True)
    reader = Reader(resource, [each for each in parameters if each.name != "dry_run"], language, reading)
    for name in (*(reader.single.keys() - {"limit"}), *(f"query[{name}]" for name in reader.expansions)):
        reader.wrong(name, "is not a parameter here; allowed: dry_run, filter[…], limit")
    for each in parameters:
        if not each.value:
            reader.wrong(each.name, "has no value; here each parameter must have one")
    if not any(word != "limit" for word in (each.name for each in parameters if each.name != "dry_run")):
        reader.wrong("filter", "is missing; at least one filter must say which are removed")
    flags = [reader.attempt("dry_run", kinds.read_flag, each.value) for each in parameters if each.name == "dry_run"]
    if len(flags) > 1:
        reader.wrong("dry_run", "is given twice")
    limit = reader.number("limit", 0, most)
    if limit == 0:
        reader.wrong("limit", f"must be a whole number from 1 to {most}")
    reader.finish()
    conditions = tuple(make_condition(*key, values, language) for key, values in reader.filters.items())
    query = ListQuery(resource, resource.sorts[resource.id_field.name], conditions, is_descending=False, limit=limit)
    return query, bool(flags and flags[0])


def _read_format(
    raw: bytes, resource: Resource, formats: Iterable[str], language: str, reading: Reading
) -> tuple["Reader", str]:
    allowed = list(formats)
    reader = _read_apart(raw, resource, "format", language, reading)
    return reader, reader.choice("format", allowed[0], allowed)


def _read_apart(raw: bytes, resource: Resource, name: str, language: str, reading: Reading) -> "Reader":
    """Reads a query string in which one more parameter is allowed."""
    parameters = parse_parameters(raw)
    reader = Reader(resource, [each for each in parameters if each.name != name], language, reading)
    reader.single |= {each.name: each for each in parameters if each.name == name and each.value}
    return reader


def _refuse_all_but(reader: "Reader", name: str) -> None:
    others = (f"filter[{field.name}]" for field, _ in reader.filters)
    for other in (*(reader.single.keys() - {name}), *others, *(f"query[{each}]" for each in reader.expansions)):
        reader.unknown(other, f"is not a parameter here; allowed: {name}")
    reader.finish()


def parse_view(raw: bytes, resource: Resource, language: str = "en", reading: Reading = STRICT) -> View:
    """The query string of a single object: expansions only. Raises MalformedRequest naming every mistake."""
    reader = Reader(resource, parse_parameters(raw), language, reading)
    allowed = "query[…]" if resource.expansions else "none"
    for name in (*reader.single, *(f"filter[{field.name}]" for field, _ in reader.filters)):
        reader.unknown(name, f"is not a parameter here; allowed: {allowed}")
    reader.finish()
    return View(frozenset(reader.expansions), language)


def make_condition(field: Field, operator: str, values: Values, language: str) -> Condition:
    """A filter as the store takes it: names of countries become their codes, blocks of addresses become ranges."""
    if operator == "null":
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
        return Condition(field, operator, (_WIDEST[operator](values),))  # any of several bounds is the widest
    return Condition(field, operator, tuple(values))
