"""Questions to the store: immutable values, made by `query.parse` and answered by `store`."""

from dataclasses import dataclass, field
from typing import Any

from clicktrail.query.fields import Field, Resource

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter: the values of `field` that pass. Several values mean any of them.

    `operator` is one of `kinds.OPERATORS`, or `within` or `outside`: each value is then a pair, first and last.
    """

    field: Field
    operator: str
    values: tuple[Value | tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its sort value and its id. The next page begins right after it."""

    value: Value
    object_id: str


@dataclass(frozen=True, slots=True)
class View:
    """How objects are shown: their expansions and the language."""

    expansions: frozenset[str] = frozenset()
    language: str = "en"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of objects: filters, order, size, start and view."""

    resource: Resource
    sort: Field
    conditions: tuple[Condition, ...] = ()
    is_descending: bool = True
    limit: int = 10
    offset: int = 0
    after: Cursor | None = None
    wants_count: bool = False
    view: View = field(default_factory=View)
    as_of: int | None = None
    """The moment whose knowledge is asked for, in microseconds; None: now."""
