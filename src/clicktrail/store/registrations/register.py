"""Registrations: one transaction gathers the candidates, decides by the rule, and writes the decision.

For POST /registrations and GET /postback the rule chooses the click. PUT /clicks/{clickId} names the click.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import astuple

from clicktrail.model.access import SYSTEM, Reason, Viewer
from clicktrail.model.attribution import Candidate, Decision, Evidence, Model, Outcome, Rule
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator, foreign_digits
from clicktrail.query.fields import PROFILE, Record
from clicktrail.store.clicks.change import tie, untie
from clicktrail.store.objects.profiles import save_profile
from clicktrail.store.outbox.deliveries import add_deliveries, registration_deliveries
from clicktrail.store.reads.clicks import get_click
from clicktrail.store.reads.records import get_record
from clicktrail.store.registrations.candidates import (
    Gathered,
    Named,
    Registration,
    check_named,
    find_clicks,
    gather,
    read_client,
)
from clicktrail.store.registrations.decide import choose_click, choose_profile, freed_by, name_click
from clicktrail.store.registrations.explain import (
    CONSIDERED,
    Attribution,
    AttributionRow,
    attribution_of,
    find_attribution,
)
from clicktrail.store.registrations.identities import add_identity
from clicktrail.store.registrations.ranks import find_outranked, refuse_partner
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import insert_into, sql
from clicktrail.store.session.transactions import Write, transaction

_SAID = (
    "a.named_click_id = {} AND a.attribution_id IN (SELECT n.attribution_id FROM attribution_clicks n "
    "WHERE n.click_id = {}) AND a.profile_id IN (SELECT p.profile_id FROM profiles p WHERE p.name_space = {})"
)
"""The partner's own earlier registration that named this click. Uses the index by considered click."""


@transaction(Write.CHANGE)
def register_client(
    session: Session, ids: IdGenerator, viewer: Viewer, said: Registration, model: Model
) -> tuple[Attribution, bool]:
    """Registers a client and attributes it. Returns the attribution, and whether it is new. `viewer` limits the
    candidates.

    A known uuid, or a click that already has a client, repeats the same registration, which is returned unchanged. A
    partner's uuid means a client of that partner only, and finds no browsers. The site's registration takes clicks from
    clients that partners registered (`ranks`). Raises InvalidBody if a named click or code does not exist, and Conflict
    if the client is a partner's profile.
    """
    named, click = check_named(session, viewer, said)
    client, found = read_client(session, viewer.name_space, said.profile)
    known = _find_known(session, viewer, click, client, found)
    if known is not None:
        return known, False
    at = said.time or session.clock.now_us()
    people = {uuid for uuid in (named.uuid, client.get("uuid")) if uuid and viewer.name_space is None}
    clicks = find_clicks(session, viewer, named, click, said, people, at, model)
    gathered = gather(session, viewer.name_space, named, clicks)
    decision = choose_click(gathered, found, at, model)
    return _write(session, ids, viewer, gathered, decision, found, client, at, model)[0], True


@transaction(Write.CHANGE)
def register_through(
    session: Session, ids: IdGenerator, viewer: Viewer, click_id: str, values: Mapping[str, Any]
) -> Click:
    """Ties a click to the client in `values`; returns the click. Repeating it changes nothing.

    The site decides here: a client that a partner registered loses the click. Raises NotFound, and Conflict if the
    click has another client or the client is a partner's profile.
    """
    click = get_click(session, SYSTEM, click_id)
    client, found = read_client(session, None, values)
    gathered = gather(session, None, Named(click_id=click_id), {click_id: (click, {Evidence.CLICK_ID})})
    has_own = click.profile_id is not None and click.profile_id not in gathered.outranked
    own = get_record(session, SYSTEM, PROFILE, str(click.profile_id)) if has_own else None
    chosen = choose_profile(click, own, found)
    if own is not None:
        refuse_partner(session, own.profile_id)
        save_profile(session, ids, own, client)
        return click
    at = session.clock.now_us()
    return _write(session, ids, viewer, gathered, name_click(click), chosen, client, at, None)[1][click_id]


def _find_known(
    session: Session, viewer: Viewer, click: Click | None, client: Mapping[str, Any], found: Record | None
) -> Attribution | None:
    """The registration that this one repeats: same uuid or, without a uuid, same click."""
    if found is not None:
        return find_attribution(session, viewer, sql("a.profile_id = {}", found.profile_id))
    if click is None or client.get("uuid"):
        return None
    if viewer.name_space is not None:  # a partner gets its own registration again, even if the site outranked it
        said = find_attribution(session, viewer, sql(_SAID, click.click_id, click.click_id, viewer.name_space))
        if said is not None:
            return said
    if click.profile_id is None or (viewer.name_space is None and find_outranked(session, [click])):
        return None
    return find_attribution(session, viewer, sql("a.profile_id = {}", click.profile_id))


def _write(
    session: Session,
    ids: IdGenerator,
    viewer: Viewer,
    gathered: Gathered,
    decision: Decision,
    known: Record | None,
    client: Mapping[str, Any],
    at: int,
    model: Model | None,
) -> tuple[Attribution, Mapping[str, Click]]:
    """Writes the client, its clicks and the decision. Returns the attribution and the changed clicks.

    `known` is the client's profile; None for a new client. Raises Conflict if it is a partner's profile.
    """
    if known is not None:
        refuse_partner(session, known.profile_id)
    profile_id = save_profile(session, ids, known, client, viewer.name_space)
    clicks = {click_id: click for click_id, (click, _) in gathered.clicks.items()}
    for click_id in freed_by(decision, clicks, gathered.outranked):
        clicks[click_id] = untie(session, clicks[click_id], viewer.cause(Reason.OUTRANKED))
    if decision.click_id is not None:
        cause = viewer.cause(Reason.REGISTERED)
        clicks[decision.click_id] = tie(session, clicks[decision.click_id], profile_id, cause)
    visitor_id = gathered.named.visitor_id
    if viewer.name_space is None and visitor_id is not None and client.get("uuid"):
        add_identity(session, visitor_id, client["uuid"])
    partner_id = _find_partner(session, decision, clicks)
    return _keep(session, ids, profile_id, partner_id, at, decision, gathered.named, model), clicks


def _find_partner(session: Session, decision: Decision, clicks: Mapping[str, Click]) -> str | None:
    """The partner of the click that won; without a click, the owner of the link whose code the client named."""
    if decision.click_id is not None:
        return clicks[decision.click_id].partner_id
    rows = session.rows(sql("SELECT profile_id FROM links WHERE link_id = {}", decision.link_id))
    return rows[0][0] if rows else None


def _keep(
    session: Session,
    ids: IdGenerator,
    profile_id: str,
    partner_id: str | None,
    at: int,
    decision: Decision,
    named: Named,
    model: Model | None,
) -> Attribution:
    """Writes a decision and its deliveries. `model` is None if the caller named the click."""
    touch, window_days = (model.touch, model.window_days) if model is not None else (None, None)
    decided = (decision.click_id, decision.link_id, at, touch, window_days, decision.rule, partner_id)
    made = AttributionRow(ids.new(), profile_id, *decided, *astuple(named))
    session.rows(insert_into("attributions", made._asdict()))
    for each in decision.considered:
        row = dict(zip(CONSIDERED, (*astuple(each.candidate), each.outcome), strict=True))
        session.rows(insert_into("attribution_clicks", {"attribution_id": made.attribution_id, **row}))
    add_deliveries(session, registration_deliveries(session, made.attribution_id, partner_id, made.click_id, at))
    return attribution_of(made, decision.considered)


def keep_history(session: Session, clicks: Sequence[Click]) -> None:
    """Writes the attributions of imported clicks, which another server decided. No postback is sent."""
    made, considered = [], []
    for click in clicks:
        attribution_id = f"{click.click_id[:8]}{foreign_digits('attribution', click.click_id)}"
        place = (click.profile_id, click.click_id, click.link_id, click.update_time)
        rule = (None, None, Rule.IMPORTED, click.partner_id)
        made.append(AttributionRow(attribution_id, *place, *rule, named_click_id=click.click_id))
        candidate = Candidate(
            click_id=click.click_id,
            time=click.time,
            link_id=click.link_id,
            evidence=Evidence.CLICK_ID,
            is_robot=click.is_bot,
        )
        considered.append((attribution_id, *astuple(candidate), Outcome.WINS))
    if made:
        known = [(*row, session.clock.now_us()) for row in made]
        session.insert("attributions", (*AttributionRow._fields, "known_time"), known)
        session.insert("attribution_clicks", ("attribution_id", *CONSIDERED), considered)
