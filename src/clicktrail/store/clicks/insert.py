"""Adds clicks in batches, and links them by the newest catalogue."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click
from clicktrail.model.privacy import keep
from clicktrail.store.objects.catalogue import load_catalogue
from clicktrail.store.outbox.deliveries import click_deliveries, outbox_rows
from clicktrail.store.reads.statements import CLICK_SQL, COLUMNS
from clicktrail.store.session.finding import with_id
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.history import find_known_time
from clicktrail.store.session.protocol import Rows, Session
from clicktrail.store.session.sql import Sql, sql
from clicktrail.store.session.totals import new_totals
from clicktrail.store.session.transactions import Write, transaction

Relink = Callable[[Click, Catalogue], Click]
"""Returns the click as a newer catalogue would have made it."""
_OWN_UUIDS = (
    "uuid_hash IN (SELECT unnest({}::BIGINT[])) AND uuid IN (SELECT unnest({}::VARCHAR[])) AND name_space IS NULL"
)
"""The clicks with the site's own uuids. Hashes are in an index, or are scanned as numbers.

A list is one value, however long. Planning thousands of placeholders would take longer than the search.
"""
_IDS = "click_id BETWEEN {} AND {} AND click_id IN (SELECT unnest({}::VARCHAR[]))"
"""The clicks with these ids. The bounds let an engine without an index skip all rows outside."""
_SPACED_UUIDS = (
    "SELECT {} FROM clicks c JOIN (SELECT unnest({}::BIGINT[]) AS uuid_hash, unnest({}::VARCHAR[]) AS uuid, "
    "unnest({}::VARCHAR[]) AS name_space) n "
    "ON c.uuid_hash = n.uuid_hash AND c.uuid = n.uuid AND c.name_space = n.name_space"
)
"""The clicks with uuids of name spaces, by the index of hash and name space."""
Inspect = Callable[[Mapping[str, Click]], None]
"""Gets the stored clicks by id before anything is written. An exception stops the write."""


class Inserted(NamedTuple):
    """Results by the id of the click that was sent. Several that were sent with one id have one result."""

    repeated: dict[str, Click]
    """The stored click that a sent click repeats."""
    changed: dict[str, Click]
    """The click that was stored, if the policy keeps less of it, or if its link or banner changed since it was made.
    """
    added: set[str]
    """The ids of which the first click that was sent is stored now."""


@transaction(Write.CLICKS)
def insert_clicks(
    session: Session,
    clicks: Sequence[Click],
    given: Collection[str] = (),
    inspect: Inspect | None = None,
    linked: Collection[str] | None = None,
    relink: Relink = lambda click, _: click,
) -> Inserted:
    """Adds the clicks that are not yet stored, in one statement.

    A click is already stored if its uuid is or, for the ids in `given`, if its id is. The catalogue in force decides
    about link, partner and banner, the policy about what is kept. A non-None `linked` marks history: no postbacks are
    sent, and the clicks with these ids keep their links.
    """
    made = {click.click_id: click for click in clicks}
    clicks, catalogue = _relink(session, clicks, linked or (), relink)
    by_uuid = _find_by_uuid(session, clicks)
    by_id = find_by_id(session, set(given)) if given else {}
    policy, salts, now = session.memory.policy, session.memory.salts.by_day, session.clock.now_us()
    fresh, result = list[Click](), Inserted({}, {}, set())
    for click in clicks:
        known = by_id.get(click.click_id) if given else None
        if known is None and click.uuid is not None:
            known = by_uuid.get((click.name_space, click.uuid))
        if known is not None:
            result.repeated[click.click_id] = known
            continue
        sound = keep(_point_soundly(click, catalogue), policy, salts, now)
        if sound is not made[click.click_id]:
            result.changed[click.click_id] = sound
        fresh.append(sound)
        if click.uuid is not None:
            by_uuid[click.name_space, click.uuid] = sound
        if given:
            by_id[click.click_id] = sound
    if inspect is not None:
        inspect(result.repeated)
    if fresh:
        _add(session, fresh, catalogue, is_history=linked is not None, are_given=bool(given))
    return result._replace(added={click.click_id for click in fresh})


@transaction(Write.CLICKS, is_single=True)
def insert_click(session: Session, click: Click, relink: Relink) -> tuple[Click, bool]:
    """Adds one click that has its own id. Returns the stored click, and whether it is new."""
    done = insert_clicks(session, [click], {click.click_id}, relink=relink)
    known = done.repeated.get(click.click_id)
    return (done.changed.get(click.click_id, click), True) if known is None else (known, False)


def _relink(
    session: Session, clicks: Sequence[Click], kept: Collection[str], relink: Relink
) -> tuple[Sequence[Click], Catalogue]:
    """The clicks as the current catalogue would have made them, except those in `kept`; and that catalogue."""
    is_current = session.pin_catalogue()
    catalogue = session.memory.published.catalogue if is_current else load_catalogue(session)
    if not is_current or (not session.dialect.is_owned and session.memory.published.is_new()):
        clicks = [click if click.click_id in kept else relink(click, catalogue) for click in clicks]
    return clicks, catalogue


def _add(session: Session, fresh: Sequence[Click], catalogue: Catalogue, is_history: bool, are_given: bool) -> None:
    """Adds clicks, their deliveries and their counts in the totals, in one transaction. History has no deliveries,
    and no one follows it. `are_given`: ids may come from elsewhere, and then say nothing about when a click became
    known."""
    deliveries = [] if is_history else click_deliveries(session, fresh, catalogue)
    marked = session.figures.arrive(session, fresh)
    rows = [(*astuple(click), text_hash(click.ip), text_hash(click.uuid)) for click in marked]
    clicks = Rows("clicks", (*COLUMNS, "ip_hash", "uuid_hash"), rows)
    known = [find_known_time(click, session.clock.now_us()) for click in marked] if are_given else []
    if any(known):
        with_known = [(*row, time) for row, time in zip(rows, known, strict=True)]
        clicks = Rows("clicks", (*clicks.columns, "known_time"), with_known)
    session.after_commit(lambda: _remember(session, marked))
    if not is_history:
        session.after_commit(lambda: session.memory.arrivals.add(marked))
    session.insert_together(clicks, outbox_rows(session, deliveries), new_totals(session.dialect, marked))


def _remember(session: Session, clicks: Sequence[Click]) -> None:
    session.memory.newest.add(clicks)
    if session.dialect.is_owned:
        session.memory.uuids.add(clicks)


def _point_soundly(click: Click, catalogue: Catalogue) -> Click:
    """The click without a link or banner that was deleted, and with the partner who owns its link now."""
    changes: dict[str, Any] = {}
    if click.link_id is not None and click.link_id not in catalogue.partners:
        changes["link_id"] = None
    if click.banner_id is not None and click.banner_id not in catalogue.banners:
        changes["banner_id"] = None
    partner_id = None if click.link_id is None else catalogue.partners.get(click.link_id)
    if partner_id != click.partner_id:
        changes["partner_id"] = partner_id
    return msgspec.structs.replace(click, **changes) if changes else click


def _find_by_uuid(session: Session, clicks: Sequence[Click]) -> dict[tuple[str | None, str], Click]:
    """Stored clicks that share uuid and name space with one of these. By name space and uuid."""
    suspects = session.suspects({click.uuid for click in clicks if click.uuid is not None})
    found: list[Click] = []
    asked: list[Click] = []
    for click in clicks:
        if click.uuid is not None and click.uuid in suspects:
            recalled = session.memory.recall(click.name_space, click.uuid)
            if recalled is None:
                asked.append(click)
            else:
                found.append(recalled)
    own = {click.uuid for click in asked if click.name_space is None}
    spaced = {(click.uuid, click.name_space) for click in asked if click.name_space is not None}
    if own:
        found += _select(session, sql(_OWN_UUIDS, [text_hash(uuid) for uuid in own], list(own)))
    if spaced:  # by pairs: anyone can send the same uuid in many name spaces
        uuids, spaces = map(list, zip(*spaced, strict=True))
        rows = session.rows(sql(_SPACED_UUIDS, CLICK_SQL, list(map(text_hash, uuids)), uuids, spaces))
        found += [Click(*row) for row in rows]
    return {(click.name_space, str(click.uuid)): click for click in found}


def find_by_id(session: Session, ids: set[str]) -> dict[str, Click]:
    where = with_id(session.dialect, *ids) if len(ids) == 1 else sql(_IDS, min(ids), max(ids), list(ids))
    return {click.click_id: click for click in _select(session, where)}


def _select(session: Session, where: Sql) -> list[Click]:
    return [Click(*row) for row in session.rows(sql("SELECT {} FROM clicks c WHERE {}", CLICK_SQL, where))]
