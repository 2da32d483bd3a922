"""Carries out the plan of a page (`plan`): only here are memory and the engine asked for the rows of a list."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.model.click import Click
from clicktrail.query.fields import CLICK
from clicktrail.query.questions import Condition, Cursor, ListQuery, Value
from clicktrail.store.memory.memory import Memory
from clicktrail.store.reads.as_of import source_at
from clicktrail.store.reads.plan import ByIndex, FromMemory, Narrowed, Plan, Skipping, begins_with_all, is_newest_first
from clicktrail.store.reads.records import Page
from clicktrail.store.reads.statements import CLICK_SQL, COLUMNS, groups_statement, list_statement, parts_statement
from clicktrail.store.reads.steps import Walk, list_in_steps
from clicktrail.store.reads.tables import PARTS
from clicktrail.store.session.parts import ORDERS, list_parts
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import Sql, sql

End = tuple[Value, str]
"""The sort value and the id of a row: where the next page begins."""


def find_rows(session: Session, viewer: Viewer, query: ListQuery, plan: Plan) -> tuple[list[Click], Sequence[End]]:
    """The clicks of a page, one more if there are more, and the end of each."""
    if isinstance(plan, FromMemory):
        recalled = recall_clicks(session.memory, query)
        if recalled is not None:
            return recalled, [(None, click.click_id) for click in recalled]
        plan = plan.otherwise
    if isinstance(plan, ByIndex):
        return _split(list_in_steps(Walk(session, viewer, query, CLICK_SQL)))
    if isinstance(plan, Narrowed):
        query, plan = _narrow(session, viewer, query), plan.then
    within = None
    if isinstance(plan, Skipping):
        (query, within), plan = _skip(session, viewer, query), plan.then
    source = None if query.as_of is None else sql("{} c", source_at(CLICK, query.as_of, viewer))
    statement = list_statement(query, viewer, CLICK_SQL, session.dialect, plan.rows_first, source, within)
    return _split(session.rows(statement))


def _split(rows: Sequence[Row]) -> tuple[list[Click], list[End]]:
    return [Click(*row[: len(COLUMNS)]) for row in rows], [(row[-2], row[-1]) for row in rows]


def _narrow(session: Session, viewer: Viewer, query: ListQuery) -> ListQuery:
    """The same page with a condition that leaves only the sort values that it needs."""
    groups = session.rows(groups_statement(query, viewer, session.dialect))
    needed, found = query.limit + query.offset + 1, 0
    for place, (value, rows) in enumerate(groups):
        found += rows
        if found >= needed:
            beyond = "gte" if query.is_descending else "lte"
            operator = "eq" if place == 0 else beyond
            return replace(query, conditions=(*query.conditions, Condition(query.sort, operator, (value,))))
    if groups:
        return query
    return replace(query, conditions=(*query.conditions, Condition(query.sort, "null", (True,))))


def _skip(session: Session, viewer: Viewer, query: ListQuery) -> tuple[ListQuery, Sql]:
    """The same page with a lower offset, and the condition that leaves only the parts of the order that it needs."""
    needed, before, passed = query.limit + query.offset + 1, 0, 0
    parts: list[int] = []
    for part, clicks in _list_parts(session, viewer, query):
        passed += clicks
        if passed <= query.offset:
            before = passed
            continue
        parts.append(part)
        if passed >= needed:
            break
    if not parts:
        return replace(query, offset=0), sql("FALSE")
    its = ORDERS[PARTS[query.sort.column]]
    return replace(query, offset=query.offset - before), its.between(min(parts[0], parts[-1]), max(parts[0], parts[-1]))


def _list_parts(session: Session, viewer: Viewer, query: ListQuery) -> Sequence[Row]:
    """The parts of the order, in its direction, each with its number of clicks."""
    if begins_with_all(query, viewer):
        return list_parts(session, PARTS[query.sort.column], query.is_descending)
    return session.rows(parts_statement(query, viewer, session.dialect))


def recall_click(memory: Memory, viewer: Viewer, click_id: str) -> Click | None:
    """The click, if it is one of the newest and the viewer may see every click."""
    return None if viewer.scope in PARTNERS else memory.newest.find(click_id)


def recall_clicks(memory: Memory, query: ListQuery) -> list[Click] | None:
    """The newest clicks first, one more than the page holds if there are more. None: memory does not hold enough."""
    tail, is_whole = memory.newest.tail, memory.newest.is_whole
    end = len(tail)
    if query.after is not None:
        end = bisect_left(tail, query.after.object_id, key=lambda click: click.click_id)
    end -= query.offset
    found = tail[max(end - query.limit - 1, 0) : max(end, 0)]
    return list(found[::-1]) if is_whole or len(found) > query.limit else None


def recall_page(memory: Memory, viewer: Viewer, query: ListQuery) -> Page | None:
    """A whole page without expansions or count, if memory holds it: the engine is not asked at all."""
    if query.view.expansions or query.wants_count or not is_newest_first(query, viewer):
        return None
    found = recall_clicks(memory, query)
    if found is None:
        return None
    page = found[: query.limit]
    return Page(page, Cursor(None, page[-1].click_id) if page and len(found) > query.limit else None)
