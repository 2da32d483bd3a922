"""Fills new columns of rows that an earlier version stored, after the migrations that add them.

A piece is one transaction, and only rows that lack the values are filled, so a stopped fill continues where it was. On
PostgreSQL, nodes of the earlier version may add clicks meanwhile: every start looks for such clicks.
"""

from collections.abc import Callable
from functools import partial

from clicktrail.store.counting import totals
from clicktrail.store.migrations.seconds import fill_seconds
from clicktrail.store.migrations.shared import FIGURES_KEPT, FILL, TOTALS, list_missing, record
from clicktrail.store.session.protocol import Engine, Session
from clicktrail.store.session.sql import sql

Progress = Callable[[int, int], None]
"""Gets the number of filled clicks and the number of clicks to fill."""
_OWNERS = (
    "UPDATE attributions SET partner_id = (SELECT l.profile_id FROM links l WHERE l.link_id = attributions.link_id) "
    "WHERE partner_id IS NULL AND link_id IS NOT NULL"
)
"""The partner of an old registration is the owner of its link now."""
_PARTNERS = (
    "SELECT a.attribution_id, c.partner_id FROM attributions a JOIN clicks c ON c.click_id = a.click_id "
    "WHERE a.partner_id IS NULL AND c.partner_id IS NOT NULL AND c.link_id = a.link_id"
)
"""Registrations that a node of the earlier version stored, with the partners of their clicks."""
_ATTRIBUTE = (
    "UPDATE attributions SET partner_id = n.partner_id FROM (SELECT unnest({}::TEXT[]) AS attribution_id, "
    "unnest({}::TEXT[]) AS partner_id) n WHERE attributions.attribution_id = n.attribution_id"
)
"""Apart from `_PARTNERS`: Citus does not update a table that every machine has by one that is spread."""


def fill(engine: Engine, notify: Progress = lambda _, __: None) -> None:
    """Fills seconds of ids, partners, hosts of referrers and marks of old clicks, partners of old registrations, and
    daily totals.

    Calls `notify` after each piece. The figures of links are computed again at the end. The figures of clicks that an
    earlier version dropped are kept first.
    """
    while engine.is_owned and engine.fill(fill_seconds):
        pass
    total, missing = engine.run(_look)
    if FIGURES_KEPT in missing:
        engine.fill(_keep)
    done = 0
    while done < total and (filled := engine.fill_piece()):
        done += filled
        notify(done, max(done, total))
    if total or FILL in missing:
        engine.fill(_finish)
    elif not engine.is_owned:
        engine.run(_attribute)
    _fill_totals(engine, TOTALS in missing, notify)


def _fill_totals(engine: Engine, is_new: bool, notify: Progress) -> None:
    """Adds old clicks to the daily totals."""
    if not (is_new or engine.run(totals.needs_fill)):
        return
    total = engine.run(_count_clicks) if is_new else 0
    done, least = 0, 1 if is_new else totals.LEAST_OWNED
    while filled := engine.fill(partial(totals.fill_days, least=least)):
        done += filled
        if is_new:
            notify(done, max(done, total))
    if is_new:
        engine.run(lambda session: record(session, TOTALS))


def _count_clicks(session: Session) -> int:
    count: int = session.rows(sql("SELECT count(*) FROM clicks"))[0][0]
    return count


def _look(session: Session) -> tuple[int, list[str]]:
    """The number of clicks to fill, and the fills that never ended."""
    count: int = session.rows(sql("SELECT count(*) FROM clicks WHERE is_first IS NULL"))[0][0]
    return count, list_missing(session)


def _keep(session: Session) -> None:
    session.figures.keep_dropped(session, FILL not in list_missing(session))
    record(session, FIGURES_KEPT)


def _attribute(session: Session) -> None:
    rows = session.rows(sql(_PARTNERS))
    if rows:
        session.rows(sql(_ATTRIBUTE, *map(list, zip(*rows, strict=True))))


def _finish(session: Session) -> None:
    if FILL in list_missing(session):
        session.rows(sql(_OWNERS))
        record(session, FILL)
    if not session.dialect.is_owned:
        _attribute(session)
    session.figures.keep_dropped(session, are_marked=True)  # nodes of the earlier version may have dropped a month
    session.figures.recount(session)
    totals.begin_fill(session)
