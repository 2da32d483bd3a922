"""Finds what filters reach through other tables before the clicks are asked for, on engines that plan by statistics.

A planner cannot know how many clicks a subquery will let through, and goes through ten million in vain where none
does. It can of a list of ids: so those are found first, unless they are too many to be rare.
"""

from dataclasses import replace

from clicktrail.model.access import Viewer
from clicktrail.query.fields import CLICK
from clicktrail.query.questions import Condition, ListQuery
from clicktrail.store.reads.statements import positive_part
from clicktrail.store.reads.tables import TABLES, THROUGH
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import number, sql

MOST = 10_000
"""Ids that are handed over; where there are more, any way to the first of their clicks is short."""
_VALUES = (
    "WITH RECURSIVE each(v) AS ((SELECT {} FROM clicks c WHERE {} IS NOT NULL ORDER BY {} LIMIT 1) "
    "UNION ALL SELECT (SELECT {} FROM clicks c WHERE {} > v ORDER BY {} LIMIT 1) FROM each "
    "WHERE v IS NOT NULL) SELECT count(*), array_agg(v) FILTER (WHERE {} OR length(v) = {}) "
    "FROM (SELECT v FROM each WHERE v IS NOT NULL LIMIT {}) found"
)
"""How many values an index of clicks holds, and the values that a condition lets through or that are cut there. The
index is walked from one value to the next."""


def resolve(session: Session, viewer: Viewer, query: ListQuery) -> ListQuery:
    """The same question with ids in place of what has to be reached."""
    if session.dialect.is_owned:
        return query
    conditions = [_resolve(session, viewer, condition) for condition in query.conditions]
    for condition in query.conditions:
        conditions += _stored_values(session, condition)
    return replace(query, conditions=tuple(conditions))


def _resolve(session: Session, viewer: Viewer, condition: Condition) -> Condition:
    way = THROUGH.get(condition.field.source)
    if way is None or set(condition.values) == {True, False}:
        return condition
    positive, is_negated = positive_part(condition, way.value(condition.field), session.dialect)
    found = sql("SELECT DISTINCT * FROM ({}) f LIMIT {}", way.find(positive, viewer), number(MOST + 1))
    ids = list_values(session, found)
    if len(ids) > MOST:
        return condition
    return Condition(condition.field, "unreached" if is_negated else "reached", tuple(ids))


def _stored_values(session: Session, condition: Condition) -> list[Condition]:
    """For a part of a text that an index holds: which of the stored texts have it, where there are not too many.

    The index is walked from one value to the next, so that this costs a look for each value and not for each click.
    """
    expression = TABLES[CLICK.name].expression(condition.field)
    proxy = session.dialect.proxies.get(expression.text, "{}")
    is_indexed = proxy != "{}" and condition.operator in ("contains", "starts")
    if not is_indexed or session.dialect.is_spread:  # Citus runs no recursive statement over a table that is spread
        return []
    part = sql(proxy, expression)
    matches = positive_part(condition, sql("v"), session.dialect)[0]
    most = number(MOST + 1)
    found = sql(_VALUES, part, part, part, part, part, part, matches, number(session.dialect.prefix), most)
    [(count, values)] = session.rows(found)
    return [] if count > MOST else [Condition(condition.field, "stored", tuple(values or ()))]
