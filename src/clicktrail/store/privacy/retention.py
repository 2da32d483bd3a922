"""What is deleted by age, in small transactions. What counted is kept: figures of links, and daily totals (ADR 47)."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import msgspec

from clicktrail.model.access import SYSTEM, Reason
from clicktrail.model.erasure import Clicks, Key, Named
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.store.clicks.change import drop
from clicktrail.store.outbox.deliveries import count_old_deliveries, forget_deliveries
from clicktrail.store.privacy import in_pieces
from clicktrail.store.privacy.audit import drop_before
from clicktrail.store.privacy.erasure import erase
from clicktrail.store.privacy.persons import TooMuch, find_names, find_person, is_any
from clicktrail.store.registrations.ranks import is_partner
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, and_, insert_into, number, sql
from clicktrail.store.session.transactions import Write, transaction

PIECE, PIECE_OF_NODES = 10_000, 5_000
"""Clicks deleted in one transaction: by the embedded engine, and where nodes share the store."""
_PERSONS = 20
"""Clients erased in one transaction."""
_EVERY_US = 20 * 3600 * SECOND
_CLASSES: Mapping[str, Sql] = {"clicks": sql("c.profile_id IS NULL"), "client_clicks": sql("c.profile_id IS NOT NULL")}
_FIRST_DAY = "SELECT min(c.time) FROM clicks c WHERE c.time < {} AND {}"
_COUNT = "SELECT count(*) FROM clicks c WHERE c.time < {} AND {}"
_OLD_CLIENTS = (
    "SELECT a.profile_id FROM attributions a JOIN profiles p ON p.profile_id = a.profile_id "
    "GROUP BY a.profile_id HAVING max(a.time) < {}"
)
_OLD_NAMES = (
    "time < {} AND (named_click_id IS NOT NULL OR named_visitor_id IS NOT NULL OR named_uuid IS NOT NULL OR "
    "attribution_id IN (SELECT n.attribution_id FROM attribution_clicks n))"
)
_NAMED = "UPDATE attributions SET named_click_id = NULL, named_visitor_id = NULL, named_uuid = NULL WHERE {}"


class Days(NamedTuple):
    """For how many days each class is kept; 0: for ever."""

    clicks: int = 0
    client_clicks: int = 0
    clients: int = 0
    registrations: int = 0
    deliveries: int = 0
    audit: int = 0


class Purged(msgspec.Struct, kw_only=True, rename="camel"):
    """How much of each class was deleted, or would be. Registrations lose only the data that they named."""

    clicks: int = 0
    client_clicks: int = 0
    clients: int = 0
    registrations: int = 0
    deliveries: int = 0
    audit: int = 0


def count_due(session: Session, days: Days) -> Purged:
    """What a run would delete now."""
    found = Purged()
    for name, its in _CLASSES.items():
        if before := _before(session, getattr(days, name)):
            setattr(found, name, session.rows(sql(_COUNT, number(before), its))[0][0])
    if before := _before(session, days.clients):
        found.clients = len(_list_clients(session, before))
    if before := _before(session, days.registrations):
        counted = sql("SELECT count(*) FROM attributions WHERE {}", sql(_OLD_NAMES, before))
        found.registrations = session.rows(counted)[0][0]
    if days.deliveries:
        found.deliveries = count_old_deliveries(session, days.deliveries)
    if before := _before(session, days.audit):
        found.audit = session.rows(sql("SELECT count(*) FROM audit WHERE time < {}", before))[0][0]
    return found


@transaction(Write.CHANGE)
def begin_run(session: Session) -> bool:
    """Whether a daily run is due. Then it is noted, so that one node of several does it."""
    now = session.clock.now_us()
    [last] = list_values(session, sql("SELECT max(time) FROM purges"))
    if last is not None and last > now - _EVERY_US:
        return False
    note_run(session, Purged())
    return True


@transaction(Write.CHANGE)
def note_run(session: Session, done: Purged) -> None:
    """Keeps what a run deleted."""
    made = {"purge_id": session.memory.ids.new(), "time": session.clock.now_us()}
    session.rows(insert_into("purges", {**made, **msgspec.structs.asdict(done)}))


def _purge_clicks(session: Session, name: str, days: Days) -> int:
    """Deletes a piece of the oldest clicks of a class. Returns their number; 0 at the end."""
    before, its = _before(session, getattr(days, name)), _CLASSES[name]
    if not before:
        return 0
    [first] = list_values(session, sql(_FIRST_DAY, number(before), its))
    if first is None:
        return 0
    end = first - first % DAY_US + DAY_US
    within = sql("c.time >= {} AND c.time < {}", number(end - DAY_US), number(end))
    most = PIECE if session.dialect.is_owned else PIECE_OF_NODES
    return drop(session, and_(within, its), end, most, SYSTEM.cause(Reason.PURGED))


@transaction(Write.BESIDE)
def purge_clicks(session: Session, days: Days, skipped: set[str]) -> int:
    del skipped
    return _purge_clicks(session, "clicks", days)


@transaction(Write.BESIDE)
def purge_client_clicks(session: Session, days: Days, skipped: set[str]) -> int:
    del skipped
    return _purge_clicks(session, "client_clicks", days)


@transaction(Write.BESIDE)
def purge_clients(session: Session, days: Days, skipped: set[str]) -> int:
    """Erases some clients whose last registration is old. Their clicks are stripped. Adds to `skipped` the
    clients that are left to the operator: persons who have other profiles too, which may be in use."""
    before, done, clicks = _before(session, days.clients), 0, 0
    for profile_id in _list_clients(session, before) if before else ():
        if done == _PERSONS or clicks >= in_pieces.PIECE:
            break
        if profile_id in skipped:
            continue
        profile_ids, uuids = find_names(session, frozenset({profile_id}))
        if len(profile_ids) > 1:
            skipped.add(profile_id)
            continue
        clicks += _erase_client(session, profile_id, uuids)
        done += 1
    return done


def _erase_client(session: Session, profile_id: str, uuids: Collection[str]) -> int:
    """Erases a client, or begins to: the rest is done in pieces. Returns how many clicks it had to read."""
    try:
        person = find_person(session, Named(Key.PROFILE_ID, (profile_id,)), most=in_pieces.PIECE)
    except TooMuch:
        in_pieces.begin(session, profile_id, uuids)
        return in_pieces.PIECE
    erase(session, SYSTEM.cause(Reason.PURGED), person, Clicks.STRIP)
    return len(person.clicks)


@transaction(Write.BESIDE)
def purge_registrations(session: Session, days: Days, skipped: set[str]) -> int:
    """Deletes what old registrations named, and which clicks they considered. The decision stays."""
    del skipped
    before = _before(session, days.registrations)
    if not before:
        return 0
    most = number(PIECE_OF_NODES)
    old = sql("SELECT attribution_id FROM attributions WHERE {} LIMIT {}", sql(_OLD_NAMES, before), most)
    found = list_values(session, old)
    if found:
        its = is_any("attribution_id", found)
        session.rows(sql(_NAMED, its))
        session.rows(sql("DELETE FROM attribution_clicks WHERE {}", its))
    return len(found)


@transaction(Write.QUEUE)
def purge_deliveries(session: Session, days: Days, skipped: set[str]) -> int:
    """All at once: the server also does so every hour."""
    del skipped
    return forget_deliveries(session, days.deliveries) if days.deliveries else 0


@transaction(Write.QUEUE)
def purge_audit(session: Session, days: Days, skipped: set[str]) -> int:
    """The oldest lines of the audit log. The chain stays verifiable."""
    del skipped
    before = _before(session, days.audit)
    is_due = before and session.rows(sql("SELECT 1 FROM audit WHERE time < {} LIMIT 1", before))
    return drop_before(session, before) if is_due else 0


STEPS: Mapping[str, Callable[[Session, Days, set[str]], int]] = {
    "clicks": purge_clicks,
    "client_clicks": purge_client_clicks,
    "clients": purge_clients,
    "registrations": purge_registrations,
    "deliveries": purge_deliveries,
    "audit": purge_audit,
}
"""Class -> a function that deletes a piece of it, and returns how much; 0 at the end. `skipped` are clients that it is
not to look at again; it adds to them."""


def _before(session: Session, days: int) -> int:
    """The first UTC midnight that is kept; 0 keeps all."""
    return (session.clock.now_us() // DAY_US - days) * DAY_US if days else 0


def _list_clients(session: Session, before: int) -> list[str]:
    """The clients whose last registration is older, without partners."""
    old = sorted(list_values(session, sql(_OLD_CLIENTS, before)))
    return [profile_id for profile_id in old if not is_partner(session, profile_id)]
