"""The only code that changes a stored click."""

from collections.abc import Collection, Sequence

import msgspec

from clicktrail.model.click import Click, Hit
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.query.texts import find_origin
from clicktrail.store.clicks.insert import _find_by_id
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, sql, update
from clicktrail.store.session.transactions import Write, transaction


def tie_click(session: Session, click: Click, profile_id: str) -> Click:
    """Makes the click the client's."""
    tied = msgspec.structs.replace(click, profile_id=profile_id, update_time=session.clock.now_s())
    changes = {"profile_id": profile_id, "update_time": tied.update_time}
    session.rows(update("clicks", changes, sql("click_id = {}", click.click_id)))
    session.after_commit(lambda: session.memory.newest.replace(tied))
    session.figures.register(session, tied.link_id, 1)
    return tied


def forget_clicks(session: Session, click_ids: Sequence[str]) -> None:
    """Clicks are deleted: what they won stays written down without them."""
    session.rows(sql("UPDATE attributions SET click_id = NULL WHERE click_id = ANY({}::TEXT[])", click_ids))
    session.rows(sql("DELETE FROM attribution_clicks WHERE click_id = ANY({}::TEXT[])", click_ids))


ARRIVAL_US = 30 * 60 * SECOND
"""How long after a click its browser may be told."""


@transaction(Write.CHANGE)
def recognise(session: Session, click_id: str, visit: Hit, origins: Collection[str]) -> bool:
    """Whether a visit of a page is the arrival that a click recorded: nobody is told of clicks that are not theirs.

    It is the same browser's, and led to a page of one of `origins` or came from the same address. A click of the last
    minutes is said once to be of this browser (`visitorId`).
    """
    click, visitor_id = _find_by_id(session, {click_id}).get(click_id), visit.visitor_id
    if click is None or click.user_agent != visit.user_agent:
        return False
    if click.ip != visit.ip and _origin(click.uri) not in origins:
        return False
    is_fresh = created_s(click_id) * SECOND > session.clock.now_us() - ARRIVAL_US
    if visitor_id is not None and click.visitor_id is None and is_fresh:
        known = msgspec.structs.replace(click, visitor_id=visitor_id)
        session.rows(sql("UPDATE clicks SET visitor_id = {} WHERE click_id = {}", visitor_id, click_id))
        session.after_commit(lambda: session.memory.newest.replace(known))
    return True


def _origin(uri: str) -> str | None:
    try:
        return find_origin(uri)
    except ValueError:
        return None


def remove_clicks(session: Session, clicks: Sequence[Click]) -> None:
    """Removes stored clicks. Their clients stay; what they won stays written down without them; what repeated one of
    them repeats nothing any more."""
    click_ids = sorted(click.click_id for click in clicks)
    session.rows(sql("DELETE FROM clicks WHERE {}", with_ids(session, click_ids)))
    forget_clicks(session, click_ids)
    session.rows(sql("UPDATE clicks SET duplicate_of = NULL WHERE duplicate_of = ANY({}::TEXT[])", click_ids))
    session.free_uuids([(click.uuid, click.name_space) for click in clicks if click.uuid is not None])
    session.figures.uncount(session, clicks)
    session.after_commit(lambda: session.memory.newest.remove(click_ids))


def with_ids(session: Session, click_ids: Sequence[str]) -> Sql:
    """The clicks with these ids; the bounds let an engine without an index pass over all that lies before and after."""
    among = "IN (SELECT unnest({}::VARCHAR[]))" if session.dialect.is_owned else "= ANY({}::TEXT[])"
    condition = f"click_id >= {{}} AND click_id <= {{}} AND click_id {among}"
    return sql(condition, min(click_ids), max(click_ids), list(click_ids))
