"""The parameters of query strings: each operation declares one grammar, and all other parameters are refused."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clicktrail.model.times import parse_time
from clicktrail.query import kinds
from clicktrail.query.fields import Resource
from clicktrail.query.questions import ListQuery, View

PAGING = ("limit", "offset", "cursor", "sort_by", "sort_order")
MAX_LIMIT = 1000
DEFAULT_LIMIT = 10
MAX_OFFSET = 2**53
_offset = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:?[0-9]{2}\Z)").sub
FLAG_SCHEMA: Mapping[str, Any] = {"type": "boolean"}
"""A flag in a query string. The server also accepts `1` and `0`."""
TEXT_SCHEMA: Mapping[str, Any] = {"type": "string"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Own:
    """A parameter that is neither a filter nor an expansion. `read` raises ValueError for a wrong value."""

    name: str
    doc: str
    read: Callable[[str], Any] = str
    schema: Mapping[str, Any] = field(default_factory=lambda: TEXT_SCHEMA)
    default: Any = None
    example: Any = None
    is_required: bool = False
    is_list: bool = False
    """Whether it may be given several times; the values are then joined by commas."""
    keeps_plus: bool = False
    """Whether a raw `+` means a plus sign."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Grammar:
    resource: Resource | None = None
    """Its filters and sort keys are allowed."""
    has_filters: bool = False
    has_own_order: bool = False
    """Whether `sort_by` and `cursor` have a special meaning: they do not select a page of objects."""
    expansions: tuple[str, ...] = ()
    own: tuple[Own, ...] = ()
    is_exact: bool = False
    """Whether each parameter must have a value and one must be a filter, even in lenient requests."""
    is_free: bool = False
    """Whether every parameter is accepted: the handler reads it, or it is ignored."""

    @property
    def is_list(self) -> bool:
        """Whether the query string selects a page."""
        return "cursor" in self.own_by_name and not self.has_own_order

    @cached_property
    def own_by_name(self) -> Mapping[str, Own]:
        return {each.name: each for each in self.own}

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        return {each.name: each.default for each in self.own}

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(each.name for each in self.own if each.is_required)

    @cached_property
    def allowed(self) -> str:
        """The parameters in words, for refusals."""
        names = [*self.own_by_name]
        names += ["filter[…]"] * self.has_filters + ["query[…]"] * bool(self.expansions)
        return ", ".join(names) or "none"


@dataclass(frozen=True, slots=True)
class Asked:
    view: View = field(default_factory=View)
    filtered: ListQuery | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    """Parameter that is not a filter -> its value, or its default."""
    given: frozenset[str] = frozenset()
    """The names of the parameters in `own` that have a value."""

    @property
    def listing(self) -> ListQuery:
        """The page, or all objects that pass the filters. Raises TypeError if the grammar has no filters."""
        if self.filtered is None:
            raise TypeError("The operation declares no filters.")
        return self.filtered


NOTHING = Grammar()
ANYTHING = Grammar(is_free=True)


def listing(resource: Resource) -> Grammar:
    limit = {"type": "integer", "minimum": 0, "default": DEFAULT_LIMIT}
    text = f"Objects per page; a number above {MAX_LIMIT} means {MAX_LIMIT}."
    skipped = "Objects to skip; for deep pages follow the `Link` header instead."
    cursor = "Start of the page, from the `Link` header of the previous page. Keep the order and the filters."
    page = (
        Own(name="limit", doc=text, read=read_limit, schema=limit, default=DEFAULT_LIMIT, example=10),
        whole_number("offset", skipped, 0, MAX_OFFSET, default=0),
        Own(name="cursor", doc=cursor),
    )
    own = (*page, *order_of(resource), *history_of(resource))
    return Grammar(resource=resource, own=own, has_filters=True, expansions=resource.expansions)


def order_of(resource: Resource) -> tuple[Own, Own]:
    key = "The order; ties are broken by id, nulls come last."
    return (
        choice("sort_by", key, resource.sorts, "createTime"),
        choice("sort_order", "The direction.", ("asc", "desc"), "desc", is_folded=True),
    )


def showing(resource: Resource) -> Grammar:
    return Grammar(resource=resource, own=history_of(resource), expansions=resource.expansions)


def as_of() -> Own:
    doc = "A moment of the past: what was known then. Expansions, names and tags are as they are now."
    schema = {"type": "string", "format": "date-time"}
    return Own(name="as_of", doc=doc, read=_read_moment, schema=schema, example="2021-01-01T00:00:00+00:00")


def history_of(resource: Resource) -> tuple[Own, ...]:
    return (as_of(),) if resource.has_history else ()


def _read_moment(text: str) -> int:
    """A time with an offset -> microseconds. A raw `+` has arrived as a space. Raises ValueError."""
    return parse_time(_offset("+", text))


def flag(name: str, doc: str) -> Own:
    return Own(name=name, doc=doc, read=kinds.read_flag, schema=FLAG_SCHEMA, default=False, example=True)


def choice(name: str, doc: str, words: Iterable[str], default: str = "", is_folded: bool = False) -> Own:
    """One of some words, by default the first. `is_folded` accepts any letter case."""
    allowed = tuple(words)
    default = default or allowed[0]

    def read(text: str) -> str:
        word = text.lower() if is_folded else text
        if word not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return word

    schema = {"type": "string", "enum": list(allowed), "default": default}
    return Own(name=name, doc=doc, read=read, schema=schema, default=default, example=default)


def whole_number(
    name: str, doc: str, low: int, high: int, default: int | None = None, is_required: bool = False
) -> Own:
    schema = {"type": "integer", "minimum": low, "maximum": high}
    shown = schema if default is None else schema | {"default": default}

    def read(text: str) -> int:
        number = _read_digits(text)
        if number is None or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    example = 1000 if default is None else default
    return Own(name=name, doc=doc, read=read, schema=shown, default=default, example=example, is_required=is_required)


def read_limit(text: str) -> int:
    """The size of a page. Larger numbers mean the largest page. Raises ValueError."""
    number = _read_digits(text)
    if number is None:
        raise ValueError(f"must be a whole number of 0 or more; a number above {MAX_LIMIT} means {MAX_LIMIT}")
    return min(number, MAX_LIMIT)


def _read_digits(text: str) -> int | None:
    """Digits -> their number; None for any other text. More than 17 digits all give one number, above every limit."""
    return int(text.lstrip("0")[:17] or "0") if text.isascii() and text.isdigit() else None
