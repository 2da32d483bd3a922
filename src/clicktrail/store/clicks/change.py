"""The only code that changes or deletes a stored click. It updates figures, daily totals, memory and outbox too.

Each change is kept with its `Cause` (`store.session.history`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from clicktrail.model.access import SYSTEM, Cause, Reason
from clicktrail.model.attribution import Outcome, Rule
from clicktrail.model.click import Click, Hit
from clicktrail.model.erasure import Strangers, strip_click
from clicktrail.model.ids import created_s
from clicktrail.model.privacy import Ip, age, could_be_ip, is_agent, is_visitor
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import new_salt, visit_key
from clicktrail.query.texts import find_origin
from clicktrail.store.clicks.heirs import find_heirs
from clicktrail.store.clicks.insert import find_by_id
from clicktrail.store.session.counted import FIGURES, IS_COUNTED
from clicktrail.store.session.dropped import note_drop, note_dropped
from clicktrail.store.session.finding import with_id
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.history import Kind, forget_changes, note_change, note_changes, note_deletes, note_erasure
from clicktrail.store.session.parts import remove_parts
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.relations import detach
from clicktrail.store.session.sql import Sql, and_, join, named, number, sql, update
from clicktrail.store.session.totals import COUNT_SQL, GONE, add_new, change_totals
from clicktrail.store.session.transactions import Write, transaction

ARRIVAL_US = 30 * 60 * SECOND
"""How long after a click its browser's id may be added."""
_REDUCED = {Ip.NONE: "''", Ip.TRUNCATED: "CASE WHEN ip LIKE '4%' THEN substr(ip, 1, 7) ELSE substr(ip, 1, 13) END"}
_REDUCE = "UPDATE clicks AS c SET ip = {}, ip_hash = text_hash({}), visitor = visitor_key({}, visitor::TEXT) WHERE {}"
_DROPPED = f"SELECT link_id, partner_id, {FIGURES} FROM clicks c WHERE {{}} AND link_id IS NOT NULL GROUP BY 1, 2"
_STRIPPED = {
    **dict.fromkeys(("ip", "uri", "visitor_id", "profile_id", "user_agent", "referrer", "uuid", "name_space"), "TEXT"),
    **dict.fromkeys(("referrer_host", "utm_term", "utm_content"), "TEXT"),
    **dict.fromkeys(("visitor", "ip_hash", "uuid_hash"), "BIGINT"),
    **dict.fromkeys(("latitude", "longitude"), "DOUBLE PRECISION"),
}
"""Column that stripping a click changes -> its type."""
_STRIP = (
    "UPDATE clicks SET {} FROM (SELECT {}) n WHERE clicks.click_id = n.click_id AND clicks.click_id BETWEEN {} AND {}"
)
"""The bounds let an engine without an index skip all rows outside."""
_STRIP_COPIES = (
    "CREATE TEMP TABLE stripped_clicks AS SELECT clicks.* REPLACE ({}) FROM clicks JOIN (SELECT {}) n "
    "ON clicks.rowid = n.place WHERE {}"
)
_MANY_ROWS = 480_000
"""From so many clicks on the embedded engine moves all rows after an erasure (`engines.duckdb.rewriting`)."""


def _alter(session: Session, click: Click, cause: Cause, **changes: Any) -> Click:
    altered, its = msgspec.structs.replace(click, **changes), with_id(session.dialect, click.click_id)
    note_change(session, Kind.CLICK, click, altered, cause)
    session.rows(update("clicks", changes, its))
    session.after_commit(lambda: session.memory.newest.replace(altered))
    gained = (altered.profile_id is not None) - (click.profile_id is not None)
    if gained:
        session.figures.register(session, click.link_id, gained)
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
    remove_parts(session, with_ids(session, click_ids))
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


def erase(
    session: Session,
    clicks: Sequence[Click],
    strangers: Strangers,
    profiles: Mapping[str, str],
    deletes: bool,
    cause: Cause,
) -> None:
    """Takes from clicks what leads to their person (`model.erasure.strip_click`). Counts and marks stay, unless it
    `deletes` the clicks too."""
    stripped = [strip_click(click, strangers, profiles) for click in clicks]
    are_moved = session.dialect.is_owned and session.rows(sql("SELECT count(*) FROM clicks"))[0][0] >= _MANY_ROWS
    if not deletes or (session.dialect.is_owned and not are_moved):  # the file keeps the values of deleted rows
        _write_stripped(session, clicks, stripped, are_moved)
    note_erasure(session, with_ids(session, [click.click_id for click in clicks]), cause)
    session.after_commit(lambda: session.memory.uuids.forget(clicks))
    if deletes:
        delete(session, clicks, cause)
        return
    session.free_uuids([(click.uuid, click.name_space) for click in clicks if click.uuid is not None])
    session.figures.forget_visits(session, clicks)
    session.after_commit(lambda: session.memory.newest.replace_all(stripped))


def drop(session: Session, its: Sql, end: int, most: int, cause: Cause) -> int:
    """Deletes up to `most` of the clicks `c` that are before `end`, and keeps their counts: figures of links and
    daily totals. Marks and pointers of other clicks stay. Returns how many were deleted."""
    del cause
    row = session.dialect.row_id or "click_id"
    rows = list_values(session, sql("SELECT {} FROM clicks c WHERE {} LIMIT {}", named(f"c.{row}"), its, number(most)))
    if not rows:
        return 0
    kind = "BIGINT" if session.dialect.is_owned else "TEXT"
    chosen = sql(f"{{}} IN (SELECT unnest({{}}::{kind}[]))", named(f"c.{row}"), rows)
    note_dropped(session, session.rows(sql(_DROPPED, chosen)))
    note_drop(session, end)
    add_new(session, chosen)
    session.figures.forget_clicks(session, chosen)
    gone = session.rows(sql("SELECT c.click_id, c.uuid, c.name_space FROM clicks c WHERE {}", chosen))
    session.free_uuids([(uuid, name_space) for _, uuid, name_space in gone if uuid is not None])
    click_ids = [click_id for click_id, *_ in gone]
    forget_changes(session, click_ids)
    remove_parts(session, chosen)
    session.rows(sql("DELETE FROM clicks AS c WHERE {}", chosen))
    session.after_commit(lambda: session.memory.newest.remove(click_ids))
    return len(rows)


def _write_stripped(session: Session, clicks: Sequence[Click], stripped: Sequence[Click], are_moved: bool) -> None:
    """Writes only columns that differ: on the embedded engine each takes time for each click.

    Of clicks that `are_moved` it writes copies and deletes the rows: a checkpoint would write changed columns of a
    whole row group again, which takes a second for each."""
    before, after = ([_stripped_values(click) for click in each] for each in (clicks, stripped))
    click_ids = [click.click_id for click in stripped]
    changes, values = list[tuple[Sql, Sql]](), list[Sql]()
    for place, (column, kind) in enumerate(_STRIPPED.items()):
        new = [row[place] for row in after]
        if new != [row[place] for row in before]:
            changes.append((named(column), sql("n.{}", named(column))))
            values.append(sql(f"unnest({{}}::{kind}[]) AS {{}}", new, named(column)))
            if column == "uuid" and session.dialect.is_owned:
                changes.append((named("uuid_number"), sql("md5_number_lower(n.uuid)")))
    if are_moved:
        _write_copies(session, click_ids, changes, values)
        return
    source = join(", ", [sql("unnest({}::TEXT[]) AS click_id", click_ids), *values])
    sets = join(", ", [sql("{} = {}", column, value) for column, value in changes])
    session.rows(sql(_STRIP, sets, source, min(click_ids), max(click_ids)))


def _write_copies(
    session: Session, click_ids: Sequence[str], changes: Sequence[tuple[Sql, Sql]], values: Sequence[Sql]
) -> None:
    """Replaces clicks by copies with other values, at the end of the table."""
    its = with_ids(session, click_ids)
    found = session.rows(sql("SELECT click_id, rowid FROM clicks WHERE {}", its))
    places: dict[str, int] = dict(map(tuple, found))
    rows = [places[click_id] for click_id in click_ids]  # whole rows of these only: a join by id would read all
    these = sql("clicks.rowid IN (SELECT unnest({}::BIGINT[]))", rows)
    shown = join(", ", [sql("{} AS {}", value, column) for column, value in changes])
    source = join(", ", [sql("unnest({}::BIGINT[]) AS place", rows), *values])
    session.rows(sql(_STRIP_COPIES, shown, source, these))
    session.rows(sql("DELETE FROM clicks WHERE {}", these))
    session.rows(sql("INSERT INTO clicks SELECT * FROM stripped_clicks"))
    session.rows(sql("DROP TABLE stripped_clicks"))


def _stripped_values(click: Click) -> list[Any]:
    """The values of `_STRIPPED`."""
    hashes = {"ip_hash": text_hash(click.ip), "uuid_hash": text_hash(click.uuid)}
    return [hashes[column] if column in hashes else getattr(click, column) for column in _STRIPPED]


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
    if len(click_ids) == 1:
        return with_id(session.dialect, click_ids[0])
    among = "IN (SELECT unnest({}::VARCHAR[]))" if session.dialect.is_owned else "= ANY({}::TEXT[])"
    condition = f"click_id >= {{}} AND click_id <= {{}} AND click_id {among}"
    return sql(condition, min(click_ids), max(click_ids), list(click_ids))
