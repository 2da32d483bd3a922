"""Decides whose profile a registration concerns, and which click earned the client. Pure functions."""

from collections.abc import Collection, Mapping

from clicktrail.errors import Conflict, Mistake
from clicktrail.model.attribution import (
    LOST,
    Candidate,
    Considered,
    Decision,
    Evidence,
    Model,
    Outcome,
    Rule,
    attribute,
)
from clicktrail.model.click import Click
from clicktrail.query.fields import Record
from clicktrail.store.registrations.candidates import Gathered


def choose_profile(click: Click, own: Record | None, known: Record | None) -> Record | None:
    """Returns the profile that a registration through a named click updates; None for a new profile.

    `own` is the client that the click already has. `known` is the client whose uuid the registration carries. A click
    without a client goes to the known client. A click with a client keeps it: a registration that names another client
    raises Conflict, because moving a click between clients would move money.
    """
    if own is not None and known is not None and own.profile_id != known.profile_id:
        raise Conflict(
            f"The click {click.click_id} already belongs to the client {own.profile_id}.",
            (Mistake(f"is the uuid of another client, {known.profile_id}", pointer="/profile/uuid"),),
        )
    return own if own is not None else known


def choose_click(gathered: Gathered, known: Record | None, at: int, model: Model) -> Decision:
    """Returns the click, or the link of the named code, that earns the client under the programme's model.

    A click is free if it has no client, the `known` client, or a client that the site's registration outranks. A click
    on which the site has already decided is not free for a partner.
    """
    free = {None, *gathered.outranked, *([known.profile_id] if known is not None else [])}
    candidates = [
        Candidate(
            click.click_id,
            click.time,
            click.link_id,
            ",".join(sorted(evidence)),
            is_robot=click.is_bot,
            is_duplicate=click.duplicate_of is not None,
            is_taken=click.profile_id not in free or click.click_id in gathered.settled,
        )
        for click, evidence in gathered.clicks.values()
    ]
    return attribute(candidates, at, model, gathered.named.code_link_id)


def name_click(click: Click, rule: Rule = Rule.EXPLICIT) -> Decision:
    """The decision when the caller named the click."""
    candidate = Candidate(
        click_id=click.click_id,
        time=click.time,
        link_id=click.link_id,
        evidence=Evidence.CLICK_ID,
        is_robot=click.is_bot,
    )
    return Decision(click.click_id, click.link_id, rule, (Considered(candidate, Outcome.WINS),))


def freed_by(decision: Decision, clicks: Mapping[str, Click], outranked: Collection[str]) -> list[str]:
    """Clicks that the decision takes from outranked clients: the click that wins, and the clicks that lost to it."""
    decided = [each.candidate.click_id for each in decision.considered if each.outcome in (Outcome.WINS, *LOST)]
    return [click_id for click_id in decided if clicks[click_id].profile_id in outranked]
