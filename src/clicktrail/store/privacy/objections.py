"""Strips the clicks of browsers that objected."""

from collections.abc import Collection

from clicktrail.model.access import SYSTEM, Reason
from clicktrail.model.erasure import Clicks, Counts, Key, Receipt, Strangers
from clicktrail.store.clicks import change
from clicktrail.store.privacy.erasure import keep_receipt
from clicktrail.store.privacy.persons import is_any, read_clicks
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import and_, sql
from clicktrail.store.session.transactions import Write, transaction

_MOST = 10_000
"""Clicks that are stripped in one transaction; more of one browser are a robot's."""


@transaction(Write.BESIDE)
def strip_browsers(session: Session, browsers: Collection[tuple[str, str]]) -> int:
    """Strips the page views that a site (id) has of a browser (visitorId). Clicks that earned a client stay: they are
    the operator's to decide about. Nothing is remembered of browsers without clicks. Returns the number of clicks."""
    is_free = sql("c.profile_id IS NULL AND c.site_id IS NOT NULL")
    where = and_(is_any("c.visitor_id", {visitor_id for _, visitor_id in browsers}), is_free)
    wanted = set(browsers)
    found = [each for each in read_clicks(session, where, _MOST) if (each.site_id, each.visitor_id) in wanted]
    if found:
        change.erase(session, found, Strangers(), {}, False, SYSTEM.cause(Reason.OBJECTED))
        receipt = Receipt(
            erasure_id=session.memory.ids.new(),
            time=session.clock.now_us(),
            mode=Clicks.STRIP,
            counts=Counts(clicks=len(found)),
        )
        keep_receipt(session, receipt, {(Key.VISITOR_ID, str(click.visitor_id)) for click in found})
    return len(found)
