"""Registrations: lets the rule choose the click that earned a client, and keeps what it chose and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from clicktrail.errors import NotFound
from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.model.attribution import (
    Candidate,
    Considered,
    Decision,
    Evidence,
    Model,
    Outcome,
    Rule,
    Touch,
    attribute,
)
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator, foreign_digits
from clicktrail.query.fields import CLICK, PROFILE
from clicktrail.store.clicks.change import tie_click
from clicktrail.store.objects.profiles import save_profile
from clicktrail.store.outbox.deliveries import add_deliveries, tell_of_registration
from clicktrail.store.reads.clicks import select_clicks
from clicktrail.store.reads.profiles import find_client
from clicktrail.store.reads.records import Record, get_record
from clicktrail.store.reads.tables import TABLES, visible
from clicktrail.store.registrations.candidates import Named, candidates_of, check_named, find_clicks
from clicktrail.store.registrations.identities import add_identity
from clicktrail.store.registrations.ranks import find_outranked, find_settled, free_click, is_decided, refuse_partner
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, insert_into, names, sql
from clicktrail.store.session.transactions import Write, transaction

_COLUMNS = (
    *("attribution_id", "profile_id", "click_id", "link_id", "time", "touch", "window_days", "rule"),
    *("named_click_id", "named_visitor_id", "named_uuid", "named_code", "code_link_id"),
)
_CONSIDERED = ("attribution_id", *Candidate.__struct_fields__, "outcome")

_SAID = (
    "a.named_click_id = {} AND a.attribution_id IN (SELECT n.attribution_id FROM attribution_clicks n "
    "WHERE n.click_id = {}) AND a.profile_id IN (SELECT p.profile_id FROM profiles p WHERE p.name_space = {})"
)
"""The registration of a click that a partner named before: by the index of the clicks that were considered."""
_CONSIDERED_IN = "a.attribution_id = (SELECT max(n.attribution_id) FROM attribution_clicks n WHERE n.click_id = {})"
"""The latest registration in which a click was considered."""
_FIRST = "SELECT {} FROM attributions a WHERE {} ORDER BY a.attribution_id LIMIT 1"
_CANDIDATES = "SELECT {} FROM attribution_clicks c WHERE c.attribution_id = {} AND {} ORDER BY c.time, c.click_id"
"""What a registration considered, by its key, as far as a viewer may see it: as clicks are, by their link."""
_OWN = (
    "SELECT 1 FROM links l WHERE l.link_id = {} AND {} "
    "UNION ALL SELECT 1 FROM profiles p WHERE p.profile_id = {} AND p.name_space = {}"
)
"""A row if a link is the viewer's, or a client is in a name space."""


class Attribution(msgspec.Struct, frozen=True):
    """A registration as it was decided, with all that it was decided by. `time` is that of the registration."""

    attribution_id: str
    profile_id: str | None
    click_id: str | None
    link_id: str | None
    time: int
    touch: Touch | None
    window_days: int | None
    rule: Rule
    named: Named
    considered: tuple[Considered, ...]


@transaction(Write.CHANGE)
def register_client(
    session: Session, ids: IdGenerator, viewer: Viewer, values: Mapping[str, Any], model: Model
) -> tuple[Attribution, bool]:
    """Registers a client and attributes it; returns how, and whether it is new. `viewer` sees what may earn it.

    A profile's uuid that was registered, and a click that has a client already, stand for the same registration: it is
    returned as it is. A partner's uuid stands for a client of that partner's alone, and says nothing of browsers; the
    site's word takes clicks from clients whom partners registered (`ranks`). Raises InvalidBody naming a click
    or a code that is not there, and Conflict where the client is a partner's profile.
    """
    named, click = check_named(session, viewer, values)
    client, space = values.get("profile") or {}, viewer.name_space
    found = find_client(session, space, client["uuid"]) if client.get("uuid") else None
    known = _find_known(session, viewer, click, client, found)
    if known is not None:
        return known, False
    if found is not None:
        refuse_partner(session, found["profileId"])
        client = {**client, "uuid": found["uuid"]}  # who was merged is named by the uuid that they have now
    at = values.get("time") or session.clock.now_us()
    people = {uuid for uuid in (named.uuid, client.get("uuid")) if uuid and space is None}
    clicks = find_clicks(session, viewer, named, click, values, people, at, model)
    stored = [each for each, _ in clicks.values()]
    outranked = find_outranked(session, stored) if space is None else frozenset()
    settled = find_settled(session, stored) if space is not None else frozenset()
    free = {None, *outranked, *([found["profileId"]] if found is not None else [])}
    decision = attribute(candidates_of(clicks, free, settled), at, model, named.code_link_id)
    profile_id = save_profile(session, ids, found, client, space)
    for each in decision.considered:
        decided = clicks[each.candidate.click_id][0]
        if is_decided(each.outcome) and decided.profile_id in outranked:
            free_click(session, decided)
    if decision.click_id is not None:
        tie_click(session, clicks[decision.click_id][0], profile_id)
    if space is None and named.visitor_id is not None and client.get("uuid"):
        add_identity(session, named.visitor_id, client["uuid"])
    return keep(session, ids, profile_id, at, decision, named, model), True


def _find_known(
    session: Session, viewer: Viewer, click: Click | None, client: Mapping[str, Any], found: Record | None
) -> Attribution | None:
    """The registration that this one repeats: of the same uuid, or without one of the same click."""
    if found is not None:
        return _find(session, viewer, sql("a.profile_id = {}", found["profileId"]))
    if click is None or client.get("uuid"):
        return None
    if viewer.name_space is not None:  # a partner's own word comes back even where the site's outranked it
        said = _find(session, viewer, sql(_SAID, click.click_id, click.click_id, viewer.name_space))
        if said is not None:
            return said
    if click.profile_id is None or (viewer.name_space is None and find_outranked(session, [click])):
        return None
    return _find(session, viewer, sql("a.profile_id = {}", click.profile_id))


def keep(
    session: Session,
    ids: IdGenerator,
    profile_id: str,
    at: int,
    decision: Decision,
    named: Named,
    model: Model | None = None,
) -> Attribution:
    """Writes down a decision, and what is to be told of it. Without a model somebody named the click."""
    touch, window_days = (model.touch, model.window_days) if model is not None else (None, None)
    made = Attribution(
        ids.new(),
        profile_id,
        decision.click_id,
        decision.link_id,
        at,
        touch,
        window_days,
        decision.rule,
        named,
        decision.considered,
    )
    row = (*astuple(made)[:8], *astuple(named))
    session.rows(insert_into("attributions", dict(zip(_COLUMNS, row, strict=True))))
    for each in decision.considered:
        row = (made.attribution_id, *astuple(each.candidate), each.outcome)
        session.rows(insert_into("attribution_clicks", dict(zip(_CONSIDERED, row, strict=True))))
    add_deliveries(session, tell_of_registration(session, made.attribution_id, made.link_id, made.click_id, at))
    return made


def keep_history(session: Session, clicks: Sequence[Click]) -> None:
    """Writes down which client imported clicks brought, as another server had decided; nobody is told of it."""
    made, considered = [], []
    for click in clicks:
        attribution_id = f"{click.click_id[:8]}{foreign_digits('attribution', click.click_id)}"
        decision = (click.profile_id, click.click_id, click.link_id, click.update_time, None, None, Rule.IMPORTED)
        named = Named(click_id=click.click_id)
        made.append((attribution_id, *decision, *astuple(named)))
        candidate = Candidate(click.click_id, click.time, click.link_id, Evidence.CLICK_ID, click.is_bot)
        considered.append((attribution_id, *astuple(candidate), Outcome.WINS))
    if made:
        session.insert("attributions", _COLUMNS, made)
        session.insert("attribution_clicks", _CONSIDERED, considered)


def name_click(session: Session, ids: IdGenerator, click: Click, profile_id: str) -> None:
    """Writes down that a site named the click itself (PUT or PATCH /clicks/{clickId})."""
    candidate = Candidate(click.click_id, click.time, click.link_id, Evidence.CLICK_ID, click.is_bot)
    decision = Decision(click.click_id, click.link_id, Rule.EXPLICIT, (Considered(candidate, Outcome.WINS),))
    keep(session, ids, profile_id, session.clock.now_us(), decision, Named(click_id=click.click_id))


def get_profile_attribution(session: Session, viewer: Viewer, profile_id: str) -> Attribution | None:
    """Which click brought a client: its first registration; None where there was none. Raises NotFound."""
    get_record(session, viewer, PROFILE, profile_id)
    return _find(session, viewer, sql("a.profile_id = {}", profile_id))


def get_click_attribution(session: Session, viewer: Viewer, click_id: str) -> Attribution | None:
    """The registration that a click won, or else the latest in which it was considered, if any. Raises NotFound."""
    if not select_clicks(session, viewer, sql("c.click_id = {}", click_id)):
        raise NotFound(f"There is no click {click_id}.")
    won = _find(session, viewer, sql("a.click_id = {}", click_id))
    return won or _find(session, viewer, sql(_CONSIDERED_IN, click_id))


def _find(session: Session, viewer: Viewer, condition: Sql) -> Attribution | None:
    """The first attribution for which a condition holds, as far as the viewer may see it."""
    rows = session.rows(sql(_FIRST, names(_COLUMNS, of="a"), condition))
    if not rows:
        return None
    row, own = rows[0], visible(TABLES[CLICK.name], viewer)
    considered = session.rows(sql(_CANDIDATES, names(_CONSIDERED[1:], of="c"), row[0], own))
    found = Attribution(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        Touch(row[5]) if row[5] else None,
        row[6],
        Rule(row[7]),
        Named(*row[8:]),
        tuple(Considered(Candidate(*each[:-1]), Outcome(each[-1])) for each in considered),
    )
    return found if viewer.scope not in PARTNERS else _for_partner(session, viewer, found)


def _for_partner(session: Session, viewer: Viewer, found: Attribution) -> Attribution:
    """What a partner may know: all of a client of the own links, and what the partner said; else not who or how."""
    own = visible(TABLES["link"], viewer)
    if session.rows(sql(_OWN, found.link_id, own, found.profile_id, viewer.name_space)):
        return found
    return msgspec.structs.replace(found, profile_id=None, click_id=None, link_id=None, named=Named())
