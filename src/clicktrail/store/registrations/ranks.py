"""The site's registrations outrank registrations by partners, whichever came first (ADR 23)."""

from collections.abc import Collection

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.attribution import LOST
from clicktrail.model.click import Click
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.relations import pointing_to
from clicktrail.store.session.sql import join, named, sql

_SETTLED = (
    "SELECT n.click_id FROM attribution_clicks n JOIN attributions a ON a.attribution_id = n.attribution_id "
    "JOIN profiles p ON p.profile_id = a.profile_id "
    "WHERE n.click_id = ANY({}::TEXT[]) AND n.outcome = ANY({}::TEXT[]) AND p.name_space IS NULL"
)
"""Which of these clicks have one of these outcomes in a registration by the site. Uses the index by click."""


def find_outranked(session: Session, clicks: Collection[Click]) -> frozenset[str]:
    """The clients of these clicks that a partner registered. Their clicks are free for the site."""
    held = sorted({click.profile_id for click in clicks if click.profile_id is not None})
    if not held:
        return frozenset()
    by_partners = "SELECT profile_id FROM profiles WHERE profile_id = ANY({}::TEXT[]) AND name_space IS NOT NULL"
    return frozenset(list_values(session, sql(by_partners, held)))


def find_settled(session: Session, clicks: Collection[Click]) -> frozenset[str]:
    """Which of these clicks lost in a registration by the site. No partner may claim them."""
    if not clicks:
        return frozenset()
    click_ids = sorted(click.click_id for click in clicks)
    return frozenset(list_values(session, sql(_SETTLED, click_ids, [str(outcome) for outcome in LOST])))


def refuse_partner(session: Session, profile_id: str) -> None:
    """Raises Conflict for a partner: no registration changes it."""
    if is_partner(session, profile_id):
        raise Conflict(
            "The client is a partner's profile, which registrations do not change; use another uuid.",
            (Mistake("is a profile that owns links, postbacks or credentials", pointer="/profile"),),
        )


def is_partner(session: Session, profile_id: str) -> bool:
    """Whether a profile owns links, postbacks or credentials."""
    owned = [
        sql("SELECT 1 FROM {} WHERE {} = {}", named(relation.table), named(reference.column), profile_id)
        for relation, reference in pointing_to("profiles")
        if reference.is_ownership
    ]
    return bool(session.rows(sql("SELECT 1 FROM ({}) o LIMIT 1", join(" UNION ALL ", owned))))
