"""Keeps the objections of browsers until their clicks are stripped."""

from collections.abc import Collection, Sequence

from clicktrail.model.access import SYSTEM, Reason
from clicktrail.model.erasure import Clicks, Counts, Key, Receipt, Strangers
from clicktrail.store.clicks import change
from clicktrail.store.privacy.erasure import keep_receipt
from clicktrail.store.privacy.persons import read_clicks
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, number, sql, update
from clicktrail.store.session.transactions import Write, transaction

MOST = 10_000
"""Clicks that are stripped in one transaction."""
_BROWSERS = "(site_id, visitor_id) IN (SELECT unnest({}::VARCHAR[]), unnest({}::VARCHAR[]))"
_PAIRS = "(c.site_id, c.visitor_id) IN (SELECT unnest({}::VARCHAR[]), unnest({}::VARCHAR[]))"


@transaction(Write.QUEUE)
def keep_objections(session: Session, browsers: Sequence[tuple[str, str]]) -> None:
    session.insert("objections", ("site_id", "visitor_id"), browsers)


def list_objections(session: Session, most: int) -> list[tuple[str, str]]:
    """The objections that still have to be carried out, as `strip_browsers` takes them."""
    rows = session.rows(sql("SELECT DISTINCT site_id, visitor_id FROM objections LIMIT {}", number(most)))
    return [(site_id, visitor_id) for site_id, visitor_id in rows]


@transaction(Write.BESIDE)
def strip_browsers(session: Session, browsers: Collection[tuple[str, str]]) -> int:
    """Strips the page views that a site (id) has of a browser (visitorId). Clicks that earned a client stay: they are
    the operator's to decide about. Nothing is remembered of browsers without clicks. Returns the number of clicks;
    `MOST` if there may be more. Then the objections are kept."""
    pairs = sql(_PAIRS, *map(list, zip(*browsers, strict=True)))
    found = read_clicks(session, and_(sql("c.profile_id IS NULL"), pairs), MOST)
    if found:
        change.erase(session, found, Strangers(), {}, False, SYSTEM.cause(Reason.OBJECTED))
        receipt = Receipt(
            erasure_id=session.memory.ids.new(),
            time=session.clock.now_us(),
            mode=Clicks.STRIP,
            counts=Counts(clicks=len(found)),
        )
        keep_receipt(session, receipt, {(Key.VISITOR_ID, str(click.visitor_id)) for click in found})
    if len(found) < MOST:
        _forget(session, sql(_BROWSERS, *map(list, zip(*browsers, strict=True))))
    return len(found)


def _forget(session: Session, its: Sql) -> None:
    if session.dialect.is_owned:  # the file keeps the values of deleted rows
        session.rows(update("objections", {"site_id": "", "visitor_id": ""}, its))
        its = sql("site_id = ''")
    session.rows(sql("DELETE FROM objections WHERE {}", its))
