"""Reduces the addresses of old clicks, a piece at a time (ADR 45)."""

from clicktrail.model.access import SYSTEM, Cause, Reason
from clicktrail.model.click import Click
from clicktrail.model.privacy import Ip, Policy
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.model.visitors import day_of
from clicktrail.store.clicks.change import reduce_ips
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import and_, number, sql
from clicktrail.store.session.transactions import Write, transaction

PIECE, PIECE_OWNED = 5_000, 10_000
"""Clicks in a piece, and as many more as its last visitor has: below a second."""
_LATE_US = 3600 * SECOND
"""How long a click may wait between the moment when its age was found and the moment when it is stored."""
_LOCK = 0x636C_6B05
_BEFORE_ALL = -(1 << 62)
_IS_WHOLE = {Ip.NONE: "c.ip <> ''", Ip.TRUNCATED: "length(c.ip) IN (9, 33)"}
"""Form of old addresses -> the clicks whose addresses have more."""


@transaction(Write.CHANGE)
def reduce_addresses(session: Session) -> int | None:
    """Reduces the addresses of the oldest clicks that have more than the policy keeps of old ones. Returns how many
    clicks; None if there is nothing left to do. One node at a time does it.

    All clicks of a visitor on a day are in one piece, so that equal keys stay equal. Marks and figures stay.
    """
    policy = session.memory.policy
    if not policy.ip_after_days or not _has_turn(session):
        return None
    before = policy.old_before(session.clock.now_us() - _LATE_US)
    end = min(_read_end(session, policy.old_ip), before)
    oldest = "SELECT min(c.time) FROM clicks c WHERE c.time >= {} AND c.time < {}"
    [first] = list_values(session, sql(oldest, number(end), number(before)))
    if first is None:
        _note_end(session, policy.old_ip, before)
        return None
    day = first - first % DAY_US
    reduced = _reduce_day(session, policy, day)
    if reduced < _piece(session):
        _note_end(session, policy.old_ip, day + DAY_US)
    return reduced


def _reduce_day(session: Session, policy: Policy, day: int) -> int:
    """Reduces a piece of a day; less than a piece if it is the last one."""
    within = sql("c.time >= {} AND c.time < {}", number(day), number(day + DAY_US))
    where = and_(within, sql("c.is_first IS NOT NULL"), sql(_IS_WHOLE[policy.old_ip]))
    edge = "SELECT coalesce(c.visitor, 0) FROM clicks c WHERE {} ORDER BY 1 LIMIT 1 OFFSET {}"
    last = list_values(session, sql(edge, where, number(_piece(session) - 1)))
    if last:
        where = and_(where, sql("coalesce(c.visitor, 0) <= {}", last[0]))
    [count] = list_values(session, sql("SELECT count(*) FROM clicks c WHERE {}", where))
    if not count:
        return 0
    limit = last[0] if last else None

    def is_among(click: Click) -> bool:
        return day_of(click.time) == day and (limit is None or (click.visitor or 0) <= limit)

    session.figures.rename_visitors(session, where, day)
    reduce_ips(session, where, is_among, policy.old_ip, Cause(SYSTEM.actor, Reason.AGED))
    return int(count)


@transaction(Write.UPKEEP)
def forget_reduced(session: Session) -> None:
    """Called where addresses do not age: from now on, clicks of any age may have whole ones."""
    if session.rows(sql("SELECT 1 FROM reduced_addresses")):
        session.rows(sql("DELETE FROM reduced_addresses"))


def _has_turn(session: Session) -> bool:
    if session.dialect.is_owned:
        return True
    return bool(list_values(session, sql(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))[0])


def _piece(session: Session) -> int:
    return PIECE_OWNED if session.dialect.is_owned else PIECE


def _read_end(session: Session, form: Ip) -> int:
    """The first time of which addresses may have more than a form."""
    ends = list_values(session, sql("SELECT end_time FROM reduced_addresses WHERE form = {}", form.value))
    return max(ends, default=_BEFORE_ALL)


def _note_end(session: Session, form: Ip, end: int) -> None:
    if _read_end(session, form) != end:
        session.rows(sql("DELETE FROM reduced_addresses WHERE form = {}", form.value))
        session.insert("reduced_addresses", ("form", "end_time"), [(form.value, end)])
