"""Reads the newest clicks into memory, if only this process adds clicks."""

from collections.abc import Sequence

from clicktrail.model.click import Click
from clicktrail.model.visitors import key_of_visit
from clicktrail.store.memory.newest import TAIL
from clicktrail.store.memory.visits import Visit
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, number, sql

_SPANS_S = [60 * 32**power for power in range(6)]
"""Seconds before the newest click in which to look for `TAIL` clicks."""
_NEWEST = "SELECT rowid FROM clicks WHERE created_s >= {} ORDER BY click_id DESC LIMIT {}"
_NUMBERED = "rowid IN (SELECT unnest({}::BIGINT[]))"
"""Rows by their numbers. The newest clicks as whole rows, sorted by the engine, would be a scan of all columns."""
_VISITS = (
    "SELECT c.visitor, c.link_id, c.bot, c.click_id, c.time FROM clicks c WHERE c.visitor IS NOT NULL "
    "AND c.link_id IS NOT NULL AND c.duplicate_of IS NULL AND {} ORDER BY c.click_id"
)
"""Whole rows, far from each other, take six times as long."""


def load_visits(session: Session) -> None:
    """Which visits of links the next clicks may repeat."""
    memory = session.memory.visits
    if session.dialect.is_owned and memory.window_us:
        rows = session.rows(sql(_VISITS, sql(_NUMBERED, find_newest(session))))
        memory.keep({key_of_visit(visitor, link, bool(bot)): Visit(*visit) for visitor, link, bot, *visit in rows})


def read_tail(session: Session) -> list[Click]:
    """The newest clicks, ascending."""
    where = sql(_NUMBERED, find_newest(session))
    rows = session.rows(sql("SELECT {} FROM clicks c WHERE {} ORDER BY click_id", CLICK_SQL, where))
    return [Click(*row) for row in rows]


def begin_tail(session: Session, clicks: Sequence[Click]) -> None:
    session.memory.newest.begin(clicks, is_whole=len(clicks) < TAIL)


def load_tail(session: Session) -> None:
    """Reads the newest clicks and their visits at once."""
    if session.dialect.is_owned:
        load_visits(session)
        begin_tail(session, read_tail(session))


def find_newest(session: Session) -> list[int]:
    """The row numbers of the newest clicks."""
    return list_values(session, sql(_NEWEST, number(_find_second(session)), number(TAIL)))


def _find_second(session: Session) -> int:
    """A second from which on there are `TAIL` clicks, not many more; 0 if there are fewer."""
    [[newest]] = session.rows(Sql("SELECT coalesce(max(created_s), 0) FROM clicks"))
    for span_s in _SPANS_S:
        if newest > span_s:
            since = number(newest - span_s)
            if list_values(session, sql("SELECT count(*) FROM clicks WHERE created_s >= {}", since))[0] >= TAIL:
                return int(newest - span_s)
    return 0
