"""Whose word a registration is: the site's outranks a partner's, whichever came first (ADR 23)."""

from collections.abc import Collection

import msgspec

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.attribution import Outcome, Rule
from clicktrail.model.click import Click
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import and_, join, named, sql, update

_LOST = (Outcome.EARLIER, Outcome.LATER)
"""Outcomes of clicks that another click of the same visitor won against."""
_SETTLED = (
    "SELECT n.click_id FROM attribution_clicks n JOIN attributions a ON a.attribution_id = n.attribution_id "
    "JOIN profiles p ON p.profile_id = a.profile_id "
    "WHERE n.click_id = ANY({}::TEXT[]) AND n.outcome = ANY({}::TEXT[]) AND p.name_space IS NULL"
)
"""Which of some clicks had some outcome in a registration by the site; considered clicks have an index by click."""
_OWNERS = (("links", "profile_id"), ("postbacks", "profile_id"), ("clients", "partner_id"))
"""What makes a profile a partner's: table and column."""


def find_outranked(session: Session, clicks: Collection[Click]) -> frozenset[str]:
    """The clients of these clicks whom a partner registered; for the site their clicks are free."""
    held = sorted({click.profile_id for click in clicks if click.profile_id is not None})
    if not held:
        return frozenset()
    by_partners = "SELECT profile_id FROM profiles WHERE profile_id = ANY({}::TEXT[]) AND name_space IS NOT NULL"
    return frozenset(row[0] for row in session.rows(sql(by_partners, held)))


def find_settled(session: Session, clicks: Collection[Click]) -> frozenset[str]:
    """Which of these clicks lost in a registration by the site; no partner may claim them any more."""
    if not clicks:
        return frozenset()
    click_ids = sorted(click.click_id for click in clicks)
    rows = session.rows(sql(_SETTLED, click_ids, [str(outcome) for outcome in _LOST]))
    return frozenset(row[0] for row in rows)


def is_decided(outcome: Outcome) -> bool:
    """Whether a registration says of a click with this outcome whose it is."""
    return outcome is Outcome.WINS or outcome in _LOST


def free_click(session: Session, click: Click) -> Click:
    """Takes a click from the client whom a partner registered: that registration says so from now on.

    The partner's client stays, without the click. What the partner's server was still to be told is not told.
    """
    freed = msgspec.structs.replace(click, profile_id=None, update_time=session.clock.now_s())
    freeing = {"profile_id": None, "update_time": freed.update_time}
    session.rows(update("clicks", freeing, sql("click_id = {}", click.click_id)))
    session.after_commit(lambda: session.memory.newest.replace(freed))
    session.figures.register(session, click.link_id, -1)
    said = "SELECT attribution_id FROM attributions WHERE profile_id = {} AND click_id = {}"
    for [attribution_id] in session.rows(sql(said, click.profile_id, click.click_id)):
        its = sql("attribution_id = {}", attribution_id)
        its_click = and_(its, sql("click_id = {}", click.click_id))
        session.rows(update("attributions", {"click_id": None, "link_id": None, "rule": Rule.OUTRANKED.value}, its))
        session.rows(update("attribution_clicks", {"outcome": Outcome.TAKEN.value, "is_taken": True}, its_click))
        session.rows(sql("DELETE FROM deliveries WHERE {} AND status = 'waiting'", its_click))
    return freed


def refuse_partner(session: Session, profile_id: str) -> None:
    """Raises Conflict for a profile that owns links, postbacks or credentials: no registration changes a partner."""
    owned = join(
        " UNION ALL ",
        [sql("SELECT 1 FROM {} WHERE {} = {}", named(table), named(column), profile_id) for table, column in _OWNERS],
    )
    if session.rows(sql("SELECT 1 FROM ({}) o LIMIT 1", owned)):
        raise Conflict(
            "The client is a partner's profile, which registrations do not change; use another uuid.",
            (Mistake("is a profile that owns links, postbacks or credentials", pointer="/profile"),),
        )
