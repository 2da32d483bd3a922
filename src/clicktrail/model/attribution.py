"""The rule of attribution: which of a visitor's clicks earns the client who registers. Pure.

The same facts always give the same decision, in any order. Nothing else has an influence.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

import msgspec

from clicktrail.model.times import DAY_US, SECOND

MAX_AHEAD_US = 300 * SECOND
"""How much later than the registration a click may seem: clocks differ (contract, section 3)."""


class Touch(StrEnum):
    """The programme's model: whether the first or the last click of a visitor earns the client."""

    FIRST = "first"
    LAST = "last"


class Outcome(StrEnum):
    """The outcome of a click that was considered."""

    WINS = "wins"
    EARLIER = "earlier"
    """A later click won."""
    LATER = "later"
    """An earlier click won."""
    NO_LINK = "no-link"
    """It is on no link, so it earns for no partner, and another click is on a link."""
    OTHER_LINK = "other-link"
    """The client named a code, and this click is on another link."""
    DUPLICATE = "duplicate"
    """It repeats a click. That click is considered instead."""
    ROBOT = "robot"
    """A robot clicked, and the registration did not name the click by its id."""
    TOO_OLD = "too-old"
    """It is older than the window allows."""
    TOO_LATE = "too-late"
    """It happened after the registration."""
    TAKEN = "taken"
    """It already brought another client, or the site has said that another click brought its visitor."""


LOST = (Outcome.EARLIER, Outcome.LATER)
"""Outcomes of clicks that lost to another click of the same visitor."""


class Rule(StrEnum):
    """The rule that decided a registration."""

    FIRST = "first-touch"
    LAST = "last-touch"
    CODE = "code"
    """No click was found, so the link of the named code earns it."""
    NONE = "none"
    """No click or link was found that could earn it."""
    EXPLICIT = "explicit"
    """PUT or PATCH /clicks/{clickId} named the click."""
    OUTRANKED = "outranked"
    """A partner's registration was replaced, because the site named another click."""
    IMPORTED = "imported"
    """The click and its client came from another server, which had decided."""


_REASONS = {
    Rule.FIRST: "The first click in the window earns the client.",
    Rule.LAST: "The last click in the window earns the client.",
    Rule.CODE: "No click was found; the link of the named code earns the client.",
    Rule.NONE: "No click was found that could have earned the client.",
    Rule.EXPLICIT: "The click was named by PUT or PATCH /clicks/{clickId}, which decides.",
    Rule.OUTRANKED: "The site registered the client of this click; this outranks the partner's registration.",
    Rule.IMPORTED: "The click and its client were imported from another server, which had decided.",
}
_TAKEN = "A click was found, but it is taken: it has earned another client, or another click has earned its visitor."
_IF_TAKEN = {Rule.CODE: f"{_TAKEN} The link of the named code earns the client.", Rule.NONE: _TAKEN}


def explain_rule(rule: Rule, outcomes: Collection[Outcome]) -> str:
    """The decision in a sentence. `outcomes` are the outcomes of the considered clicks."""
    return _IF_TAKEN[rule] if rule in _IF_TAKEN and Outcome.TAKEN in outcomes else _REASONS[rule]


class Evidence(StrEnum):
    """How a click was found."""

    CLICK_ID = "clickId"
    UUID = "uuid"
    VISITOR_ID = "visitorId"
    IDENTITY = "identity"
    """Another browser of the same person: both belong to one uuid."""
    CODE = "code"
    """On the named link, with the registering client's address and user agent."""
    ORIGINAL = "original"
    """Another candidate repeats it."""


class Model(msgspec.Struct, frozen=True):
    """The programme's settings: which touch wins, and how many days before a registration clicks count."""

    touch: Touch = Touch.LAST
    window_days: int = 30


class Candidate(msgspec.Struct, frozen=True):
    """A click that may have earned the client, with all facts that the rule uses. `time` is in microseconds."""

    click_id: str
    time: int
    link_id: str | None
    evidence: str
    """Values of Evidence, joined by commas."""
    is_robot: bool = False
    is_duplicate: bool = False
    is_taken: bool = False


class Considered(msgspec.Struct, frozen=True):
    candidate: Candidate
    outcome: Outcome


class Decision(msgspec.Struct, frozen=True):
    """Which click and link earn the client, by which rule, and all considered clicks by time."""

    click_id: str | None
    link_id: str | None
    rule: Rule
    considered: tuple[Considered, ...]


def attribute(
    candidates: Iterable[Candidate], registered_at: int, model: Model, code_link_id: str | None = None
) -> Decision:
    """Chooses among the candidates of a registration at `registered_at` (microseconds).

    A click cannot win if another client has it, if it came after the registration or before the window, if it repeats
    another click, if a robot made it and its id was not named, or if the client named the code of another link. Clicks
    on no link count only if no click is on a link. Of the remaining clicks, the first or the last by `time` wins. If
    times are equal, the smaller or greater id decides.
    """
    ordered = sorted(candidates, key=lambda each: (each.time, each.click_id))
    refused = {each.click_id: _refuse(each, registered_at, model, code_link_id) for each in ordered}
    left = [each for each in ordered if refused[each.click_id] is None]
    linked = [each for each in left if each.link_id is not None]
    eligible = linked or left
    if not eligible:
        rule = Rule.NONE if code_link_id is None else Rule.CODE
        return Decision(None, code_link_id, rule, tuple(_consider(each, refused, None, model) for each in ordered))
    winner = eligible[0 if model.touch is Touch.FIRST else -1]
    rule = Rule.FIRST if model.touch is Touch.FIRST else Rule.LAST
    considered = tuple(_consider(each, refused, winner, model) for each in ordered)
    return Decision(winner.click_id, winner.link_id, rule, considered)


def _refuse(click: Candidate, registered_at: int, model: Model, code_link_id: str | None) -> Outcome | None:
    """The first reason why a click cannot win."""
    reasons = (
        (click.is_taken, Outcome.TAKEN),
        (click.time > registered_at + MAX_AHEAD_US, Outcome.TOO_LATE),
        (click.time < registered_at - model.window_days * DAY_US, Outcome.TOO_OLD),
        (click.is_duplicate, Outcome.DUPLICATE),
        (click.is_robot and Evidence.CLICK_ID not in click.evidence.split(","), Outcome.ROBOT),
        (code_link_id is not None and click.link_id != code_link_id, Outcome.OTHER_LINK),
    )
    return next((outcome for is_so, outcome in reasons if is_so), None)


def _consider(
    click: Candidate, refused: dict[str, Outcome | None], winner: Candidate | None, model: Model
) -> Considered:
    outcome = refused[click.click_id]
    if outcome is None and winner is not None:
        if click is winner:
            outcome = Outcome.WINS
        elif click.link_id is None and winner.link_id is not None:
            outcome = Outcome.NO_LINK
        else:
            outcome = Outcome.LATER if model.touch is Touch.FIRST else Outcome.EARLIER
    return Considered(click, outcome or Outcome.NO_LINK)
