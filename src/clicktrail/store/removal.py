"""Clicks are removed here, one or many, with all that is counted of them, kept beside them or points to them."""

from collections.abc import Sequence
from typing import NamedTuple

from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.query.fields import CLICK
from clicktrail.query.questions import ListQuery
from clicktrail.store.attributions import forget_clicks
from clicktrail.store.clicks import COLUMNS, get_click
from clicktrail.store.engine import Params, Session
from clicktrail.store.resolve import resolve
from clicktrail.store.statements import count_statement, list_statement, where_clause
from clicktrail.store.store import Store
from clicktrail.store.tables import TABLES

PIECE, PIECE_OF_NODES = 250, 100
"""Clicks of one transaction: no click that is recorded meanwhile waits for more than one of these. Where nodes share
the store each click costs more, and a piece as such less."""


class Found(NamedTuple):
    """What filters find: the first clicks, as many as were asked for, and how many there are in all."""

    click_ids: Sequence[str]
    total: int


def delete_click(session: Session, click_id: str) -> None:
    """Removes a click; its client stays. Raises NotFound."""
    remove_clicks(session, [get_click(session, SYSTEM, click_id)])


def find_removable(session: Session, query: ListQuery) -> Found:
    """The clicks to remove, in the order of `query`. This may take long, and so it holds up no recording."""
    session.begin()
    query = resolve(session, SYSTEM, query)
    counted = count_statement(query, SYSTEM, session.dialect)
    listed = list_statement(query, SYSTEM, lambda table: table.expression(query.resource.id_field), session.dialect)
    total = session.rows(counted.sql, counted.params)[0][0]
    rows = session.rows(listed.sql, listed.params) if total else []
    return Found([row[0] for row in rows[: query.limit]], total)


async def remove_found(store: Store, query: ListQuery, click_ids: Sequence[str]) -> int:
    """Removes clicks in transactions of some each; returns how many there still were to remove. Raises Unavailable:
    then whole pieces are gone, and the same may be asked again."""
    removed, most = 0, PIECE if store.engine.is_owned else PIECE_OF_NODES
    for start in range(0, len(click_ids), most):
        removed += await store.remove(remove_piece, query, click_ids[start : start + most])
    return removed


def remove_piece(session: Session, query: ListQuery, click_ids: Sequence[str]) -> int:
    """Removes those that the filters still find: a click that a client came through meanwhile may be none of them."""
    table, params, row_id = TABLES[CLICK.name], Params(), session.dialect.row_id
    where = f"{_with_ids(session, click_ids, params)} AND {where_clause(query, table, SYSTEM, params, session.dialect)}"
    if row_id is not None:  # no index: whole rows are read of these alone
        rows = session.rows(f"SELECT {table.alias}.{row_id} FROM clicks {table.alias} WHERE {where}", params)
        where, params = f"{row_id} IN (SELECT unnest($1::BIGINT[]))", Params([[row[0] for row in rows]])
    columns = ", ".join(f"{table.alias}.{column}" for column in COLUMNS)
    clicks = [Click(*row) for row in session.rows(f"SELECT {columns} FROM clicks {table.alias} WHERE {where}", params)]
    if clicks:
        remove_clicks(session, clicks)
    return len(clicks)


def remove_clicks(session: Session, clicks: Sequence[Click]) -> None:
    """Removes stored clicks. Their clients stay; what they won stays written down without them; what repeated one of
    them repeats nothing any more."""
    click_ids = sorted(click.click_id for click in clicks)
    params = Params()
    session.rows(f"DELETE FROM clicks WHERE {_with_ids(session, click_ids, params)}", params)
    forget_clicks(session, click_ids)
    session.rows("UPDATE clicks SET duplicate_of = NULL WHERE duplicate_of = ANY($1::TEXT[])", [click_ids])
    session.free_uuids([(click.uuid, click.name_space) for click in clicks if click.uuid is not None])
    session.figures.uncount(session, clicks)
    session.after_commit(lambda: session.memory.remove(click_ids))


def _with_ids(session: Session, click_ids: Sequence[str], params: Params) -> str:
    """The clicks with these ids; the bounds let an engine without an index pass over all that lies before and after."""
    bounds = f"click_id >= {params.add(min(click_ids))} AND click_id <= {params.add(max(click_ids))}"
    ids = params.add(list(click_ids))
    among = f"IN (SELECT unnest({ids}::VARCHAR[]))" if session.dialect.is_owned else f"= ANY({ids}::TEXT[])"
    return f"{bounds} AND click_id {among}"
