"""The rule of attribution: which of a visitor's clicks earns the client who registers. Pure.

The same facts always give the same answer, in whatever order they come: what decides is in them, and nothing else is.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from clicktrail.model.times import SECOND

DAY_US = 86_400 * SECOND
MAX_AHEAD_US = 300 * SECOND
"""How much later than the registration a click may seem: clocks differ (contract, section 3)."""


class Touch(StrEnum):
    """The programme's model: whether the first or the last click of a visitor earns the client."""

    FIRST = "first"
    LAST = "last"


class Outcome(StrEnum):
    """What became of a click that was considered."""

    WINS = "wins"
    EARLIER = "earlier"
    """A later click won."""
    LATER = "later"
    """An earlier click won."""
    NO_LINK = "no-link"
    """It is on no link, so it earns for nobody, and one that is on a link was there."""
    OTHER_LINK = "other-link"
    """The client named a code, and this click is on another link."""
    DUPLICATE = "duplicate"
    """It repeats a click, which is considered in its place."""
    ROBOT = "robot"
    """A robot clicked, and nobody named it by its id."""
    TOO_OLD = "too-old"
    """It lies before the window."""
    TOO_LATE = "too-late"
    """It happened after the registration."""
    TAKEN = "taken"
    """It has brought another client already, or the site has said that another click brought its visitor."""


LOST = (Outcome.EARLIER, Outcome.LATER)
"""Outcomes of clicks that another click of the same visitor won against."""


class Rule(StrEnum):
    """Why a registration went where it went."""

    FIRST = "first-touch"
    LAST = "last-touch"
    CODE = "code"
    """No click was found, so the link whose code the client named has earned it."""
    NONE = "none"
    """Nothing was found that could have earned it."""
    EXPLICIT = "explicit"
    """The click was named by PUT or PATCH /clicks/{clickId}."""
    OUTRANKED = "outranked"
    """A partner had said so, and the site said otherwise."""
    IMPORTED = "imported"
    """The click came with its client from another server, which had decided."""


REASONS = {
    Rule.FIRST: "The first click in the window earns the client.",
    Rule.LAST: "The last click in the window earns the client.",
    Rule.CODE: "No click was found; the link of the named code earns the client.",
    Rule.NONE: "No click was found that could have earned the client.",
    Rule.EXPLICIT: "The click was named by PUT or PATCH /clicks/{clickId}, which decides.",
    Rule.OUTRANKED: "The site registered the client of this click; this outranks the partner's registration.",
    Rule.IMPORTED: "The click and its client were imported from another server, which had decided.",
}


class Evidence(StrEnum):
    """How a click was found."""

    CLICK_ID = "clickId"
    UUID = "uuid"
    VISITOR_ID = "visitorId"
    IDENTITY = "identity"
    """Another browser of the same person: both were said to be one uuid's."""
    CODE = "code"
    """On the named link, from the address and with the user agent of who registers."""
    ORIGINAL = "original"
    """Another candidate repeats it."""


class Model(msgspec.Struct, frozen=True):
    """The programme's settings: which touch, and how many days before a registration count."""

    touch: Touch = Touch.LAST
    window_days: int = 30


class Candidate(msgspec.Struct, frozen=True):
    """A click that may have earned the client, with all that the rule looks at. `time` is in microseconds."""

    click_id: str
    time: int
    link_id: str | None
    evidence: str
    """Evidence, joined by commas."""
    is_robot: bool = False
    is_duplicate: bool = False
    is_taken: bool = False


class Considered(msgspec.Struct, frozen=True):
    """A candidate and what became of it."""

    candidate: Candidate
    outcome: Outcome


class Decision(msgspec.Struct, frozen=True):
    """Which click and link earn the client, by which rule; and all clicks that were considered, by time."""

    click_id: str | None
    link_id: str | None
    rule: Rule
    considered: tuple[Considered, ...]


def attribute(
    candidates: Iterable[Candidate], registered_at: int, model: Model, code_link_id: str | None = None
) -> Decision:
    """Chooses among the candidates of a registration at `registered_at` (microseconds).

    A click is out of the question if another client has it, if it came after the registration or before the window, if
    it repeats another one, if a robot made it and nobody named it, or if the client named the code of another link.
    Clicks on no link count only where none is on a link. Of what is left the first or the last by `time` wins; where
    times are equal, the one with the lesser or the greater id.
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
    """The first reason for which a click is out of the question."""
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
