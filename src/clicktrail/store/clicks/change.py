"""The only code that changes or deletes a stored click. It updates figures, daily totals, memory and outbox too.

Each change is kept with its `Cause` (`store.session.history`).
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import msgspec

from clicktrail.model.access import SYSTEM, Cause, Reason
from clicktrail.model.attribution import Outcome, Rule
from clicktrail.model.click import Click, Hit
from clicktrail.model.ids import created_s
from clicktrail.model.privacy import Ip, age, could_be_ip, is_agent, is_visitor
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import new_salt, visit_key
from clicktrail.query.texts import find_origin
from clicktrail.store.clicks.heirs import find_heirs
from clicktrail.store.clicks.insert import find_by_id
from clicktrail.store.session.counted import IS_COUNTED
from clicktrail.store.session.history import Kind, note_change, note_changes, note_deletes
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import detach
from clicktrail.store.session.sql import Sql, and_, named, sql, update
from clicktrail.store.session.totals import COUNT_SQL, GONE, change_totals
from clicktrail.store.session.transactions import Write, transaction

ARRIVAL_US = 30 * 60 * SECOND
"""How long after a click its browser's id may be added."""
_REDUCED = {Ip.NONE: "''", Ip.TRUNCATED: "CASE WHEN ip LIKE '4%' THEN substr(ip, 1, 7) ELSE substr(ip, 1, 13) END"}
_REDUCE = "UPDATE clicks AS c SET ip = {}, ip_hash = text_hash({}), visitor = visitor_key({}, visitor::TEXT) WHERE {}"


def _alter(session: Session, click: Click, cause: Cause, **changes: Any) -> Click:
    altered = msgspec.structs.replace(click, **changes)
    note_change(session, Kind.CLICK, click, altered, cause)
    session.rows(update("clicks", changes, sql("click_id = {}", click.click_id)))
    session.after_commit(lambda: session.memory.newest.replace(altered))
    gained = (altered.profile_id is not None) - (click.profile_id is not None)
    if gained:
        session.figures.register(session, click.link_id, gained)
        its = sql("c.click_id = {}", click.click_id)
        change_totals(session, its, {"registrations": f"{gained} * count(*)"})
    return altered


def tie(session: Session, click: Click, profile_id: str, cause: Cause) -> Click:
    """Gives the click to the client."""
    return _alter(session, click, cause, profile_id=profile_id, update_time=session.clock.now_s())


def untie(session: Session, click: Click, cause: Cause) -> Click:
    """Takes a click from a client that a partner registered, and marks that registration as outranked.

    The partner's client stays, without the click. Waiting deliveries of that registration are deleted.
    """
    said = "SELECT attribution_id FROM attributions WHERE profile_id = {} AND click_id = {}"
    for [attribution_id] in session.rows(sql(said, click.profile_id, click.click_id)):
        its = sql("attribution_id = {}", attribution_id)
        its_click = and_(its, sql("click_id = {}", click.click_id))
        lost: dict[str, str | None] = dict.fromkeys(("click_id", "link_id", "partner_id"))
        note_changes(session, Kind.REGISTRATION, its, cause, **lost, rule=Rule.OUTRANKED.value)
        session.rows(update("attributions", {**lost, "rule": Rule.OUTRANKED.value}, its))
        session.rows(update("attribution_clicks", {"outcome": Outcome.TAKEN.value, "is_taken": True}, its_click))
        session.rows(sql("DELETE FROM deliveries WHERE {} AND status = 'waiting'", its_click))
    return _alter(session, click, cause, profile_id=None, update_time=session.clock.now_s())


def hand_over(session: Session, gone_id: str, kept_id: str, cause: Cause) -> None:
    """Moves all clicks of one profile to another: as their client, and as their partner. Figures stay the same. Keeps
    the same of registrations, which the caller moves."""
    its = sql("c.partner_id = {}", gone_id)
    change_totals(session, its, GONE)
    change_totals(session, its, COUNT_SQL, {"partner_id": sql("{}::TEXT", kept_id)})
    clients = {"profile_id": kept_id, "update_time": session.clock.now_s()}
    for column, changes in (("profile_id", clients), ("partner_id", {"partner_id": kept_id})):
        own = sql("{} = {}", named(column), gone_id)
        for kind in (Kind.CLICK, Kind.REGISTRATION):
            note_changes(session, kind, own, cause, **{column: kept_id})
        session.rows(update("clicks", changes, own))
        session.after_commit(partial(session.memory.newest.alter, column, {gone_id}, **changes))


def reduce_ips(session: Session, where: Sql, is_among: Callable[[Click], bool], form: Ip, cause: Cause) -> None:
    """Leaves of old addresses what a form keeps. The keys of visitors get a secret that is forgotten: the old ones can
    be computed from an address. `where` is over `c`; `is_among` says the same of a click in memory."""
    del cause
    ip, salt = sql(_REDUCED[form]), new_salt()
    session.rows(sql(_REDUCE, ip, ip, salt, where))
    session.after_commit(
        lambda: session.memory.newest.map(lambda click: age(click, form, salt) if is_among(click) else click)
    )


def clear_pointer(session: Session, column: str, object_id: str, cause: Cause) -> None:
    """Clears the clicks' pointer to a deleted object. A deleted client's registrations are deleted with it."""
    its = sql("{} = {}", named(column), object_id)
    note_changes(session, Kind.CLICK, its, cause, **{column: None})
    if column == "profile_id":
        note_deletes(session, Kind.REGISTRATION, its, cause)
        note_changes(session, Kind.LINK, its, cause, profile_id=None)
        lost = "SELECT link_id, count(*) FROM clicks WHERE {} GROUP BY link_id"
        for link_id, registrations in session.rows(sql(lost, its)):
            session.figures.register(session, link_id, -registrations)
        change_totals(session, its, {"registrations": GONE["registrations"]})
    session.rows(update("clicks", {column: None}, its))
    session.after_commit(lambda: session.memory.newest.clear_column(column, object_id))


def delete(session: Session, clicks: Sequence[Click], cause: Cause) -> None:
    """Deletes stored clicks. Clients and registrations stay. Clicks that repeated them are no longer repeats."""
    click_ids = sorted(click.click_id for click in clicks)
    note_deletes(session, Kind.CLICK, with_ids(session, click_ids), cause)
    of_them = sql("click_id = ANY({}::TEXT[])", click_ids)
    note_changes(session, Kind.REGISTRATION, of_them, cause, click_id=None)
    change_totals(session, with_ids(session, click_ids), GONE)
    session.rows(sql("DELETE FROM clicks WHERE {}", with_ids(session, click_ids)))
    detach(session, "clicks", lambda column: sql("{} = ANY({}::TEXT[])", column, click_ids))
    repeats = sql("duplicate_of = ANY({}::TEXT[])", click_ids)
    change_totals(session, repeats, {"duplicates": f"-count(*) FILTER (WHERE {IS_COUNTED})"})
    note_changes(session, Kind.CLICK, repeats, cause, duplicate_of=None)
    session.rows(sql("UPDATE clicks SET duplicate_of = NULL WHERE {}", repeats))
    session.free_uuids([(click.uuid, click.name_space) for click in clicks if click.uuid is not None])
    session.figures.uncount(session, clicks, _pass_marks(session, clicks, cause))
    session.after_commit(lambda: session.memory.newest.remove(click_ids))


def _pass_marks(session: Session, clicks: Sequence[Click], cause: Cause) -> list[Click]:
    """Marks the next click of each visit that lost its first one. Returns the first clicks that none follows."""
    lost = [click for click in clicks if click.is_first]
    heirs = find_heirs(session, lost) if lost else {}
    if heirs:
        click_ids = sorted(heirs.values())
        note_changes(session, Kind.CLICK, with_ids(session, click_ids), cause, is_first="true")
        change_totals(session, with_ids(session, click_ids), {"unique_clicks": "count(*)"})
        session.rows(update("clicks", {"is_first": True}, with_ids(session, click_ids)))
        session.after_commit(lambda: session.memory.newest.alter("click_id", frozenset(click_ids), is_first=True))
    return [click for click in lost if visit_key(click) not in heirs]


@transaction(Write.CHANGE)
def recognise(session: Session, click_id: str, visit: Hit, made: Click, origins: Collection[str]) -> bool:
    """Whether this page view is the arrival of that click. If not, the browser learns nothing about the click.

    The user agent must match, as far as it is kept. The address must match too, unless the click led to a page of one
    of `origins`. A fresh click without a `visitorId` gets the browser's. `made` is the click that the view would be.
    """
    click, visitor_id = find_by_id(session, {click_id}).get(click_id), visit.visitor_id
    if click is None or not is_agent(made, click):
        return False
    if not _is_from(session, click, visit) and _origin(click.uri) not in origins:
        return False
    is_fresh = created_s(click_id) * SECOND > session.clock.now_us() - ARRIVAL_US
    if visitor_id is not None and click.visitor_id is None and is_fresh:
        cause = Cause(visit.site_id or SYSTEM.actor, Reason.RECOGNISED)
        _alter(session, click, cause, visitor_id=visitor_id)
    return True


def _is_from(session: Session, click: Click, visit: Hit) -> bool:
    """Whether a view came from the address of a click. A hash without its salt, and nothing, prove no address."""
    salts = session.memory.salts.by_day
    if click.ip[:1] in ("4", "6"):
        return could_be_ip(visit.ip, click, salts)
    return is_visitor(click, visit.ip, visit.user_agent, salts)


def _origin(uri: str) -> str | None:
    try:
        return find_origin(uri)
    except ValueError:
        return None


def with_ids(session: Session, click_ids: Sequence[str]) -> Sql:
    """The clicks with these ids. The bounds let an engine without an index skip all rows outside."""
    among = "IN (SELECT unnest({}::VARCHAR[]))" if session.dialect.is_owned else "= ANY({}::TEXT[])"
    condition = f"click_id >= {{}} AND click_id <= {{}} AND click_id {among}"
    return sql(condition, min(click_ids), max(click_ids), list(click_ids))
