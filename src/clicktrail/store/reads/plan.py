"""Which way a page of a list is found. Pure: the answer depends on the question, the viewer and the engine alone.

Every plan gives the same page. They differ in time: a page of ten clicks out of ten million takes from a tenth of a
millisecond (memory) to seconds (a sort of everything), by its filters and its order.
"""

from typing import NamedTuple

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.query.fields import Source
from clicktrail.query.grammar import MAX_LIMIT
from clicktrail.query.questions import Condition, ListQuery
from clicktrail.store.reads.tables import PARTS, SORT_JOINS, TABLES
from clicktrail.store.session.protocol import Dialect

_BY_CREATION = ("createTime", "clickId")


class OneStatement(NamedTuple):
    """The engine filters, sorts and cuts."""

    rows_first: bool = False
    """The rows of the page are found first, and their columns are read after: else an engine that joins, or passes over
    many rows, reads ten million whole rows. Only for engines that have a `row_id`."""


class ByIndex(NamedTuple):
    """In steps, each answered by an index on the sort key (`steps`): sorting ten million rows would be slow."""


class Narrowed(NamedTuple):
    """The sort values that fill the page are found first. Counting ten million rows by a repetitive value takes a
    fraction of the time of sorting them."""

    then: OneStatement


class Skipping(NamedTuple):
    """The part of the order in which the page lies is found first, by the number of clicks of each part (`PARTS`). An
    engine that passes over a million rows sorts a million rows."""

    then: OneStatement


class FromMemory(NamedTuple):
    """The newest clicks, if memory holds enough of them."""

    otherwise: Skipping | OneStatement


Plan = FromMemory | ByIndex | Narrowed | Skipping | OneStatement


def plan_page(query: ListQuery, viewer: Viewer, dialect: Dialect) -> Plan:
    """The fastest plan for a page of clicks."""
    if query.as_of is not None:  # no index holds what was known earlier
        return OneStatement(rows_first=False)
    statement = plan_statement(query, viewer, dialect)
    if dialect.is_owned and is_newest_first(query, viewer):
        return FromMemory(Skipping(statement) if is_skipping(query, viewer) else statement)
    if _is_indexed(query, dialect) and query.offset <= query.limit and not has_one_sort_value(query):
        return ByIndex()
    if dialect.is_owned and is_narrowed(query):
        return Narrowed(statement)
    if dialect.is_owned and is_skipping(query, viewer):
        return Skipping(statement)
    return statement


def plan_statement(query: ListQuery, viewer: Viewer, dialect: Dialect) -> OneStatement:
    """The plan for any other resource, and for what follows a narrowing."""
    is_far = query.offset > MAX_LIMIT
    return OneStatement(dialect.row_id is not None and (is_far or _is_joined(query, viewer)))


def is_newest_first(query: ListQuery, viewer: Viewer) -> bool:
    """Whether the newest clicks are asked for, without a filter, by a viewer who may see every click."""
    is_plain = query.is_descending and query.sort.name in _BY_CREATION and not query.conditions and query.as_of is None
    return is_plain and viewer.scope not in PARTNERS


def is_narrowed(query: ListQuery) -> bool:
    """Whether the sort values of the page are worth finding first."""
    return query.as_of is None and query.sort.is_repetitive and query.offset <= MAX_LIMIT


def is_skipping(query: ListQuery, viewer: Viewer) -> bool:
    """Whether the page lies in parts of the order that can be counted, and finding them is worth it: far behind, or by
    time among all clicks, which are stored in the order of their ids."""
    return has_parts(query) and (
        query.offset > MAX_LIMIT or (query.sort.column == "time" and begins_with_all(query, viewer))
    )


def begins_with_all(query: ListQuery, viewer: Viewer) -> bool:
    """Whether all clicks are asked for, from the first one on: the store knows how many each part has."""
    return not query.conditions and query.after is None and viewer.scope not in PARTNERS


def has_parts(query: ListQuery) -> bool:
    """Whether clicks are asked for in an order whose parts can be counted."""
    return query.resource.name == "click" and query.sort.column in PARTS and query.as_of is None


def has_one_sort_value(query: ListQuery) -> bool:
    """Whether all rows asked for have the same sort value, or none: then their order is the order of their ids."""
    return any(condition.field is query.sort and _is_one_value(condition) for condition in query.conditions)


def _is_one_value(condition: Condition) -> bool:
    is_null = (condition.operator, condition.values) == ("null", (True,))
    return is_null or (condition.operator == "eq" and len(condition.values) == 1)


def _is_indexed(query: ListQuery, dialect: Dialect) -> bool:
    return TABLES[query.resource.name].expression(query.sort).text in dialect.proxies


def _is_joined(query: ListQuery, viewer: Viewer) -> bool:
    """Whether rows of other tables decide about the page."""
    is_reached = any(condition.field.source is not Source.OWN for condition in query.conditions)
    is_sorted_by_join = query.resource.name == "click" and query.sort.name in SORT_JOINS
    return is_reached or is_sorted_by_join or viewer.partner_id is not None
