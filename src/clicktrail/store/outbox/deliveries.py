"""The outbox: a delivery is written in the transaction of its click or registration, and sent afterwards.

A delivery becomes due at `due_time`; NULL means no attempt is scheduled. Taking a delivery moves `due_time` on by a
lease, so that it becomes due again if its sender dies. Every delivery is sent at least once, always with the same id.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clicktrail.errors import NotFound
from clicktrail.model.access import SYSTEM
from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click
from clicktrail.model.postbacks import Event, Message
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.query.fields import DELIVERY, POSTBACK, Record
from clicktrail.store.reads.clicks import select_clicks
from clicktrail.store.reads.records import check_there, get_record
from clicktrail.store.session.protocol import Row, Rows, Session, list_values
from clicktrail.store.session.sql import Sql, join, names, number, sql, update
from clicktrail.store.session.transactions import Write, transaction

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
NEWS_US = DAY_US
"""Maximum age of an arriving click that is notified. Older clicks come from imports: history."""
_SERVED = 32
"""Maximum number of postbacks served in one call."""
_NEW = (
    *("delivery_id", "postback_id", "profile_id", "event", "status", "click_id", "attribution_id", "time"),
    *("attempts", "due_time", "update_time"),
)


_NOTIFIED = "SELECT postback_id, events FROM postbacks WHERE profile_id = {} AND enabled ORDER BY postback_id"
"""The postbacks of a partner."""
_DUE = "SELECT DISTINCT postback_id FROM deliveries WHERE due_time <= {} AND postback_id = ANY({}::TEXT[])"
_DUE_OF = "SELECT delivery_id FROM deliveries WHERE postback_id = {} AND due_time <= {} ORDER BY due_time LIMIT {}"
"""The deliveries of a postback that have been due longest, from the start of the index by due time."""
_IDS = "delivery_id BETWEEN {} AND {} AND delivery_id = ANY({}::TEXT[])"
"""The bounds let an engine without an index skip all rows outside."""
_TAKEN = "SELECT {} FROM deliveries WHERE {} AND due_time <= {} ORDER BY due_time {}"
_LEASE = "UPDATE deliveries SET due_time = {}, attempts = attempts + 1, update_time = {} WHERE {}"
_REGISTRATIONS = (
    "SELECT a.attribution_id, a.profile_id, a.rule, a.link_id, f.uuid FROM attributions a "
    "LEFT JOIN profiles f ON f.profile_id = a.profile_id WHERE a.attribution_id = ANY({}::TEXT[])"
)
_CODES = "SELECT link_id, code FROM links WHERE link_id = ANY({}::TEXT[])"
_OUTCOME = "({}::TEXT, {}::INTEGER, {}::TEXT, {}::INTEGER, {}::TEXT, {}::BIGINT, {}::TEXT)"
_SETTLE = (
    "UPDATE deliveries SET status = n.status, response_status = n.response_status, error = n.error, "
    "due_time = n.due_time, tries = n.tries, update_time = {}::BIGINT "
    "FROM (VALUES {}) n(delivery_id, attempts, status, response_status, error, due_time, tries) "
    "WHERE deliveries.delivery_id = n.delivery_id AND deliveries.attempts = n.attempts "
    "AND deliveries.status = {} AND deliveries.delivery_id BETWEEN {} AND {}"
)
"""Writes many outcomes, but only of deliveries that were not replayed or taken again since."""


class _Taken(NamedTuple):
    """Columns of a delivery that is taken, as they were before."""

    delivery_id: str
    postback_id: str
    event: str
    click_id: str | None
    attribution_id: str | None
    time: int
    attempts: int
    tries: str | None


class _Registered(NamedTuple):
    """What `_REGISTRATIONS` selects: the registration, and its client's uuid."""

    attribution_id: str
    profile_id: str | None
    rule: str
    link_id: str | None
    uuid: str | None


class Target(NamedTuple):
    """Where and how a postback is sent, the secret that signs it, and its partner."""

    uri: str
    method: str
    secret: str
    owner: str | None = None


class Job(NamedTuple):
    """One attempt to make now. `message` is None if the click or registration was deleted."""

    delivery_id: str
    postback_id: str
    target: Target
    attempt: int
    """1 for the first."""
    message: Message | None
    tries: str | None = None
    """The attempts so far (`outbox.tries`)."""


class Outcome(NamedTuple):
    """The result of an attempt. It is ignored if the delivery was replayed or taken again since."""

    delivery_id: str
    attempt: int
    status: str
    response_status: int | None
    error: str | None
    due_time: int | None
    tries: str | None = None
    """All attempts, with this one."""


def click_deliveries(session: Session, clicks: Sequence[Click], catalogue: Catalogue) -> list[Row]:
    """The deliveries for clicks that are about to be added, without robots and history."""
    notified = catalogue.told_of_clicks
    if not notified:
        return []
    since = session.clock.now_us() - NEWS_US
    return [
        _row(session, postback.postback_id, postback.profile_id, Event.CLICK, click.click_id, None, click.time)
        for click in clicks
        if click.time > since and not click.is_bot
        for postback in notified.get(click.link_id or "", ())
    ]


def registration_deliveries(
    session: Session, attribution_id: str, partner_id: str | None, click_id: str | None, at: int
) -> list[Row]:
    """The deliveries for a client that a partner earned."""
    if partner_id is None:
        return []
    found = session.rows(sql(_NOTIFIED, partner_id))
    return [
        _row(session, postback_id, partner_id, Event.REGISTRATION, click_id, attribution_id, at)
        for postback_id, events in found
        if Event.REGISTRATION in events.split()
    ]


def _row(
    session: Session,
    postback_id: str,
    profile_id: str,
    event: Event,
    click_id: str | None,
    attribution_id: str | None,
    at: int,
) -> Row:
    due, made = session.clock.now_us(), session.memory.ids.new()
    return (made, postback_id, profile_id, event, WAITING, click_id, attribution_id, at, 0, due, session.clock.now_s())


def outbox_rows(session: Session, rows: Sequence[Row]) -> Rows:
    """Adds rows to the outbox. The commit wakes the sender."""
    if rows:
        session.after_commit(session.memory.outbox.set)
    return Rows("deliveries", _NEW, rows)


def add_deliveries(session: Session, rows: Sequence[Row]) -> None:
    session.insert_together(outbox_rows(session, rows))


def find_due(session: Session, free: Mapping[str, int], most: int) -> list[str]:
    """Due deliveries, longest due first: for each postback at most its number in `free`, `most` in total.

    `free` is in the order of service. Postbacks that were left out come first the next time.
    """
    now = session.clock.now_us()
    waiting = set(list_values(session, sql(_DUE, now, list(free))))
    found: list[str] = []
    for postback_id in [each for each in free if each in waiting][:_SERVED]:
        most_of_it = number(min(free[postback_id], most - len(found)))
        found += list_values(session, sql(_DUE_OF, postback_id, now, most_of_it))
    return found


@transaction(Write.QUEUE)
def take(session: Session, ids: Sequence[str], lease_us: int) -> list[Job]:
    """Takes the deliveries that are still due and not locked by another sender."""
    now, ids = session.clock.now_us(), sorted(ids)
    its = sql(_IDS, ids[0], ids[-1], ids)
    rows = session.rows(sql(_TAKEN, names(_Taken._fields), its, now, sql(session.dialect.skip_locked)))
    if not rows:
        return []
    found = [_Taken(*row) for row in rows]
    ids = sorted(each.delivery_id for each in found)
    session.rows(sql(_LEASE, now + lease_us, session.clock.now_s(), sql(_IDS, ids[0], ids[-1], ids)))
    targets = {postback_id: find_target(session, postback_id) for postback_id in {each.postback_id for each in found}}
    messages = _messages(session, found)
    return [
        Job(
            delivery_id=each.delivery_id,
            postback_id=each.postback_id,
            target=targets[each.postback_id],
            attempt=each.attempts + 1,
            message=messages.get(each.delivery_id),
            tries=each.tries,
        )
        for each in found
    ]


def find_target(session: Session, postback_id: str) -> Target:
    """Raises NotFound."""
    rows = session.rows(
        sql("SELECT uri, method, secret, profile_id FROM postbacks WHERE postback_id = {}", postback_id)
    )
    if not rows:
        raise NotFound(f"There is no postback {postback_id}.")
    return Target(*rows[0])


def _messages(session: Session, taken: Sequence[_Taken]) -> dict[str, Message]:
    """Delivery id -> message, if its click or registration still exists."""
    found = _among(session, _REGISTRATIONS, {each.attribution_id for each in taken})
    registrations = {each.attribution_id: each for each in (_Registered(*row) for row in found)}
    clicks = _clicks(session, {each.click_id for each in taken if each.click_id is not None})
    link_ids = {each.link_id for each in clicks.values()} | {each.link_id for each in registrations.values()}
    codes: dict[str | None, str] = dict(_among(session, _CODES, link_ids))
    messages = {}
    for each in taken:
        click, made = clicks.get(each.click_id or ""), registrations.get(each.attribution_id or "")
        about: Click | _Registered | None = made
        if each.event == Event.CLICK:
            about = click
        if about is None:
            continue
        messages[each.delivery_id] = Message(
            delivery_id=each.delivery_id,
            event=Event(each.event),
            time=each.time,
            click=click,
            link_id=about.link_id,
            code=codes.get(about.link_id),
            attribution_id=each.attribution_id,
            rule=made and made.rule,
            client_id=made and made.profile_id,
            client_uuid=made and made.uuid,
        )
    return messages


def _among(session: Session, text: str, ids: set[str | None]) -> list[Row]:
    wanted = sorted(each for each in ids if each is not None)
    return session.rows(sql(text, wanted)) if wanted else []


def _clicks(session: Session, ids: set[str]) -> dict[str, Click]:
    if not ids:
        return {}
    wanted = sql("c.click_id BETWEEN {} AND {} AND c.click_id = ANY({}::TEXT[])", min(ids), max(ids), sorted(ids))
    return {click.click_id: click for click in select_clicks(session, SYSTEM, wanted)}


@transaction(Write.QUEUE)
def settle(session: Session, outcomes: Sequence[Outcome]) -> None:
    ids = sorted(outcome.delivery_id for outcome in outcomes)
    values = join(", ", [sql(_OUTCOME, *outcome) for outcome in outcomes])
    session.rows(sql(_SETTLE, session.clock.now_s(), values, WAITING, ids[0], ids[-1]))


def _replay(session: Session, where: Sql) -> None:
    reset = {"status": WAITING, "attempts": 0, "response_status": None, "error": None}
    session.rows(
        update("deliveries", {**reset, "due_time": session.clock.now_us(), "update_time": session.clock.now_s()}, where)
    )
    session.after_commit(session.memory.outbox.set)


@transaction(Write.CHANGE)
def replay(session: Session, delivery_id: str) -> Record:
    """Schedules a delivery again, whatever its status. Raises NotFound."""
    check_there(session, SYSTEM, DELIVERY, delivery_id)
    _replay(session, sql("delivery_id = {}", delivery_id))
    return get_record(session, SYSTEM, DELIVERY, delivery_id)


@transaction(Write.CHANGE)
def replay_dead(session: Session, postback_id: str) -> int:
    """Schedules all dead deliveries of a postback again; returns their number. Raises NotFound."""
    check_there(session, SYSTEM, POSTBACK, postback_id)
    dead = sql("postback_id = {} AND status = {}", postback_id, sql(f"'{DEAD}'"))  # as in the index of dead deliveries
    count: int = session.rows(sql("SELECT count(*) FROM deliveries WHERE {}", dead))[0][0]
    _replay(session, dead)
    return count


@transaction(Write.QUEUE)
def forget_deliveries(session: Session, days: int) -> int:
    """Deletes deliveries older than `days`. The age comes from the id. Returns their number."""
    old = _older(session, days)
    count = _count(session, old)
    session.rows(sql("DELETE FROM deliveries WHERE {}", old))
    return count


def count_old_deliveries(session: Session, days: int) -> int:
    """How many `forget_deliveries` would delete."""
    return _count(session, _older(session, days))


def _count(session: Session, its: Sql) -> int:
    count: int = session.rows(sql("SELECT count(*) FROM deliveries WHERE {}", its))[0][0]
    return count


def _older(session: Session, days: int) -> Sql:
    first = f"{max(session.clock.now_us() // SECOND - days * DAY_US // SECOND, 0):08x}"
    return sql("delivery_id < {}", first)
