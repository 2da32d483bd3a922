"""Removes clicks, with their counts, the rows beside them, and pointers to them."""

from collections.abc import Sequence
from typing import NamedTuple

from clicktrail.model.access import SYSTEM, Reason, Viewer
from clicktrail.model.click import Click
from clicktrail.query.fields import CLICK
from clicktrail.query.questions import ListQuery
from clicktrail.store.clicks.change import delete, with_ids
from clicktrail.store.reads.clicks import get_click
from clicktrail.store.reads.resolve import resolve
from clicktrail.store.reads.statements import CLICK_SQL, count_statement, list_statement, where_clause
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import and_, sql
from clicktrail.store.session.transactions import Write, transaction


class Found(NamedTuple):
    """What filters find: the first clicks, up to the limit, and the total."""

    click_ids: Sequence[str]
    total: int


@transaction(Write.ALONE)
def delete_click(session: Session, viewer: Viewer, click_id: str) -> None:
    """Removes a click. The client stays. Raises NotFound."""
    delete(session, [get_click(session, SYSTEM, click_id)], viewer.cause(Reason.DELETED))


def find_removable(session: Session, query: ListQuery) -> Found:
    """The clicks to remove, in the order of `query`. It may take long, so it does not block recording."""
    query = resolve(session, SYSTEM, query)
    counted = count_statement(query, SYSTEM, session.dialect)
    listed = list_statement(query, SYSTEM, sql("c.click_id"), session.dialect)
    total = session.rows(counted)[0][0]
    rows = session.rows(listed) if total else []
    return Found([click_id for click_id, *_ in rows[: query.limit]], total)


@transaction(Write.ALONE)
def remove_piece(session: Session, viewer: Viewer, query: ListQuery, click_ids: Sequence[str]) -> int:
    """Removes the clicks that still match the filters: meanwhile one may have got a client."""
    table, row_id = TABLES[CLICK.name], session.dialect.row_id
    where = and_(with_ids(session, click_ids), where_clause(query, table, SYSTEM, session.dialect))
    if row_id is not None:  # no index: read whole rows of these only
        place = table.column(row_id)
        rows = list_values(session, sql("SELECT {} FROM clicks c WHERE {}", place, where))
        where = sql("{} IN (SELECT unnest({}::BIGINT[]))", place, rows)
    clicks = [Click(*row) for row in session.rows(sql("SELECT {} FROM clicks c WHERE {}", CLICK_SQL, where))]
    if clicks:
        delete(session, clicks, viewer.cause(Reason.DELETED))
    return len(clicks)
