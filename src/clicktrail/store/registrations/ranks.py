"""Whose word a registration is: the site's outranks a partner's, whichever came first (ADR 23)."""

from collections.abc import Collection

import msgspec

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.attribution import Outcome, Rule
from clicktrail.model.click import Click
from clicktrail.model.times import now_s
from clicktrail.store.session.protocol import Session

_LOST = (Outcome.EARLIER, Outcome.LATER)
"""Outcomes of clicks that another click of the same visitor won against."""
_OWNERS = (("links", "profile_id"), ("postbacks", "profile_id"), ("clients", "partner_id"))
"""What makes a profile a partner's: table and column."""


def find_outranked(session: Session, clicks: Collection[Click]) -> frozenset[str]:
    """The clients of these clicks whom a partner registered; for the site their clicks are free."""
    held = sorted({click.profile_id for click in clicks if click.profile_id is not None})
    if not held:
        return frozenset()
    sql = "SELECT profile_id FROM profiles WHERE profile_id = ANY($1::TEXT[]) AND name_space IS NOT NULL"
    return frozenset(row[0] for row in session.rows(sql, [held]))


def find_settled(session: Session, clicks: Collection[Click]) -> frozenset[str]:
    """Which of these clicks lost in a registration by the site; no partner may claim them any more."""
    if not clicks:
        return frozenset()
    sql = (
        "SELECT n.click_id FROM attribution_clicks n JOIN attributions a ON a.attribution_id = n.attribution_id "
        "JOIN profiles p ON p.profile_id = a.profile_id "
        "WHERE n.click_id = ANY($1::TEXT[]) AND n.outcome = ANY($2::TEXT[]) AND p.name_space IS NULL"
    )
    rows = session.rows(sql, [sorted(click.click_id for click in clicks), [str(outcome) for outcome in _LOST]])
    return frozenset(row[0] for row in rows)


def is_decided(outcome: Outcome) -> bool:
    """Whether a registration says of a click with this outcome whose it is."""
    return outcome is Outcome.WINS or outcome in _LOST


def free_click(session: Session, click: Click) -> Click:
    """Takes a click from the client whom a partner registered: that registration says so from now on.

    The partner's client stays, without the click. What the partner's server was still to be told is not told.
    """
    freed = msgspec.structs.replace(click, profile_id=None, update_time=now_s())
    session.rows(
        "UPDATE clicks SET profile_id = NULL, update_time = $1 WHERE click_id = $2", [freed.update_time, click.click_id]
    )
    session.after_commit(lambda: session.memory.replace(freed))
    session.figures.register(session, click.link_id, -1)
    said = "SELECT attribution_id FROM attributions WHERE profile_id = $1 AND click_id = $2"
    for [attribution_id] in session.rows(said, [click.profile_id, click.click_id]):
        session.rows(
            "UPDATE attributions SET click_id = NULL, link_id = NULL, rule = $1 WHERE attribution_id = $2",
            [Rule.OUTRANKED.value, attribution_id],
        )
        session.rows(
            "UPDATE attribution_clicks SET outcome = $1, is_taken = TRUE WHERE attribution_id = $2 AND click_id = $3",
            [Outcome.TAKEN.value, attribution_id, click.click_id],
        )
        session.rows(
            "DELETE FROM deliveries WHERE click_id = $1 AND attribution_id = $2 AND status = 'waiting'",
            [click.click_id, attribution_id],
        )
    return freed


def refuse_partner(session: Session, profile_id: str) -> None:
    """Raises Conflict for a profile that owns links, postbacks or credentials: no registration changes a partner."""
    owned = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE {column} = $1" for table, column in _OWNERS)
    if session.rows(f"SELECT 1 FROM ({owned}) o LIMIT 1", [profile_id]):
        raise Conflict(
            "The client is a partner's profile, which registrations do not change; use another uuid.",
            (Mistake("is a profile that owns links, postbacks or credentials", pointer="/profile"),),
        )
