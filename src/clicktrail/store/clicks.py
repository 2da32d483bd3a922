"""Clicks: recorded in batches, asked for in pages, tied to the clients who register."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from clicktrail.errors import NotFound
from clicktrail.model.access import SYSTEM, Viewer
from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click, Hit
from clicktrail.model.ids import IdGenerator, created_s, least_id
from clicktrail.model.times import SECOND, now_us
from clicktrail.query.fields import CLICK, LINK
from clicktrail.query.parse import MAX_LIMIT
from clicktrail.query.questions import Condition, ListQuery
from clicktrail.query.texts import find_origin
from clicktrail.store.attributions import name_click, tie_click
from clicktrail.store.catalog import load_catalogue
from clicktrail.store.deliveries import add_deliveries, tell_of_clicks
from clicktrail.store.engine import Params, Row, Session
from clicktrail.store.hashes import text_hash
from clicktrail.store.memory import TAIL
from clicktrail.store.metrics import link_metrics
from clicktrail.store.profiles import contacts_by_profile, find_client, find_profiles, get_profile, save_profile
from clicktrail.store.ranks import find_outranked, free_click, refuse_partner
from clicktrail.store.recall import recall_clicks
from clicktrail.store.records import Page, count, make_page, refuse_secrets, select_records
from clicktrail.store.resolve import resolve
from clicktrail.store.statements import groups_statement, has_one_sort_value, list_statement
from clicktrail.store.steps import Walk, is_stepwise, list_in_steps
from clicktrail.store.tables import TABLES, Table, visible
from clicktrail.store.visitors import Visit, visitor_key

ARRIVAL_US = 30 * 60 * SECOND
"""How long after a click its browser may be told."""
COLUMNS = Click.__struct_fields__
Found = Mapping[str, Any] | None
Decide = Callable[[Click, Found, Found], Found]
"""(click, its own client, the client whose uuid was sent) -> whom the click is tied to, None for a new profile."""


@dataclass(frozen=True)
class Shown:
    """A click and what the question's expansions add to it."""

    click: Click
    parts: Mapping[str, Any]


Inspect = Callable[[Mapping[str, Click]], None]
"""Given, by click id, what is there already, before anything is written; may raise to have nothing written."""


class Inserted(NamedTuple):
    """What came of clicks that were to be added, each by the id of the click that was sent."""

    repeated: dict[str, Click]
    """The stored click of each that was there already."""
    changed: dict[str, Click]
    """What was stored of each whose link or banner had changed since it was made."""


def insert_clicks(
    session: Session,
    clicks: Sequence[Click],
    given: Collection[str] = (),
    inspect: Inspect | None = None,
    linked: Collection[str] | None = None,
) -> Inserted:
    """Adds clicks in one statement, but not those that are there already.

    A click is there already if one with its uuid is, or, for the ids in `given`, one with its id. A link or banner that
    was deleted since the click was made is left out of it; one that another process added is put in. `linked` says that
    the clicks are history, of which nobody is told, and which of them keep the link that they have.
    """
    made = {click.click_id: click for click in clicks}
    clicks, catalogue = _relink(session, clicks, linked or ())
    by_uuid = _find_by_uuid(session, clicks)
    by_id = _find_by_id(session, set(given)) if given else {}
    fresh: list[Click] = []
    result = Inserted({}, {})
    for click in clicks:
        known = by_id.get(click.click_id) if given else None
        if known is None and click.uuid is not None:
            known = by_uuid.get((click.name_space, click.uuid))
        if known is not None:
            result.repeated[click.click_id] = known
            continue
        sound = _without_dangling(click, catalogue)
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
        _add(session, fresh, tell_of_clicks(session, fresh, catalogue) if linked is None else [])
    return result


def _relink(session: Session, clicks: Sequence[Click], kept: Collection[str]) -> tuple[Sequence[Click], Catalogue]:
    """The clicks as the catalogue of now would have made them, but for those in `kept`; and that catalogue."""
    is_current = session.pin_catalogue()
    catalogue = session.memory.catalogue if is_current else load_catalogue(session)
    if not is_current or (not session.dialect.is_owned and session.memory.has_just_learned()):
        relink = session.memory.relink
        clicks = [click if click.click_id in kept else relink(click, catalogue) for click in clicks]
    return clicks, catalogue


def _add(session: Session, fresh: Sequence[Click], deliveries: Sequence[Row]) -> None:
    """Clicks and what is to be told of them, in one transaction."""
    if deliveries:
        session.begin()
    marked = session.figures.arrive(session, fresh)
    rows = [(*astuple(click), text_hash(click.ip), text_hash(click.uuid)) for click in marked]
    session.insert("clicks", (*COLUMNS, "ip_hash", "uuid_hash"), rows)
    session.after_commit(lambda: session.memory.add(marked))
    add_deliveries(session, deliveries)


def _without_dangling(click: Click, catalogue: Catalogue) -> Click:
    changes: dict[str, Any] = {}
    if click.link_id is not None and click.link_id not in catalogue.link_ids:
        changes["link_id"] = None
    if click.banner_id is not None and click.banner_id not in catalogue.banners:
        changes["banner_id"] = None
    return msgspec.structs.replace(click, **changes) if changes else click


def _find_by_uuid(session: Session, clicks: Sequence[Click]) -> dict[tuple[str | None, str], Click]:
    """The stored clicks that have the uuid of one of these in the same name space, by name space and uuid."""
    own = {click.uuid for click in clicks if click.uuid is not None and click.name_space is None}
    spaced = {(click.uuid, click.name_space) for click in clicks if click.uuid is not None and click.name_space}
    found: list[Click] = []
    if own:
        params = Params()
        narrowed = f"uuid_hash IN (SELECT unnest({params.add([text_hash(uuid) for uuid in own])}::BIGINT[]))"
        found += _select(session, narrowed, f"uuid IN {_among(params, own)} AND name_space IS NULL", params)
    if spaced:  # each by its own pair: anyone may have sent one uuid in many name spaces
        uuids, spaces = zip(*spaced, strict=True)
        rows = session.rows(
            f"SELECT {', '.join(f'c.{column}' for column in COLUMNS)} FROM clicks c JOIN (SELECT "
            "unnest($1::BIGINT[]) AS uuid_hash, unnest($2::VARCHAR[]) AS uuid, unnest($3::VARCHAR[]) AS name_space"
            ") n ON c.uuid_hash = n.uuid_hash AND c.uuid = n.uuid AND c.name_space = n.name_space",
            [list(map(text_hash, uuids)), list(uuids), list(spaces)],
        )
        found += [Click(*row) for row in rows]
    return {(click.name_space, str(click.uuid)): click for click in found}


def _find_by_id(session: Session, ids: set[str]) -> dict[str, Click]:
    """The stored clicks with one of these ids, by it."""
    params = Params()  # the bounds let the engine pass over all that lies before and after
    narrowed = f"click_id BETWEEN {params.add(min(ids))} AND {params.add(max(ids))}"
    wanted = f"click_id IN {_among(params, ids)}"
    return {click.click_id: click for click in _select(session, narrowed, wanted, params)}


def _among(params: Params, values: Collection[str]) -> str:
    """A list is one value, however long: thousands of placeholders would take longer to plan than to find."""
    return f"(SELECT unnest({params.add(list(values))}::VARCHAR[]))"


def _select(session: Session, narrowed: str, wanted: str, params: Params) -> list[Click]:
    rows = session.rows(f"SELECT {', '.join(COLUMNS)} FROM clicks WHERE {narrowed} AND {wanted}", params)
    return [Click(*row) for row in rows]


def _columns(table: Table) -> str:
    return ", ".join(f"{table.alias}.{column}" for column in COLUMNS)


def list_clicks(session: Session, viewer: Viewer, query: ListQuery) -> Page:
    """One page of clicks with the expansions asked for: one statement each, however many rows."""
    if query.wants_count or query.view.expansions:
        session.begin()
    refuse_secrets(query, viewer)
    query = resolve(session, viewer, query)
    total = count(session, viewer, query)
    recalled = recall_clicks(session.memory, viewer, query)
    if recalled is not None:
        clicks, ends = recalled, [(None, click.click_id) for click in recalled]
    else:
        rows = _list_rows(session, viewer, query)
        clicks, ends = [Click(*row[: len(COLUMNS)]) for row in rows], [row[-2:] for row in rows]
    shown = expand(session, viewer, clicks[: query.limit], query.view.expansions)
    return make_page(ends, shown, query.limit, total)


def _list_rows(session: Session, viewer: Viewer, query: ListQuery) -> list[Row]:
    if is_stepwise(session, query) and not has_one_sort_value(query):
        return list_in_steps(Walk(session, viewer, query, _columns))
    statement = list_statement(narrow(session, viewer, query), viewer, _columns, session.dialect)
    return session.rows(statement.sql, statement.params)


def narrow(session: Session, viewer: Viewer, query: ListQuery) -> ListQuery:
    """The same page from fewer rows: a sort by repetitive values needs only the first of them, as many as fill a page.

    Counting ten million rows by value takes a fraction of sorting them.
    """
    if not session.dialect.is_owned or not query.sort.is_repetitive or query.offset > MAX_LIMIT:
        return query
    session.begin()
    statement = groups_statement(query, viewer, session.dialect)
    groups = session.rows(statement.sql, statement.params)
    needed, found = query.limit + query.offset + 1, 0
    for place, (value, rows) in enumerate(groups):
        found += rows
        if found >= needed:
            beyond = "gte" if query.is_descending else "lte"
            operator = "eq" if place == 0 else beyond
            return replace(query, conditions=(*query.conditions, Condition(query.sort, operator, (value,))))
    if groups:
        return query
    return replace(query, conditions=(*query.conditions, Condition(query.sort, "null", (True,))))


def get_click(session: Session, viewer: Viewer, click_id: str) -> Click:
    """Raises NotFound, also for a click on another partner's link."""
    table, params = TABLES[CLICK.name], Params()
    rows = session.rows(
        f"SELECT {_columns(table)} FROM clicks c "
        f"WHERE c.click_id = {params.add(click_id)} AND {visible(table, viewer, params)}",
        params,
    )
    if not rows:
        raise NotFound(f"There is no click {click_id}.")
    return Click(*rows[0])


def show_click(session: Session, viewer: Viewer, click_id: str, expansions: frozenset[str]) -> Shown:
    """One click with its expansions. Raises NotFound."""
    if expansions:
        session.begin()
    return expand(session, viewer, [get_click(session, viewer, click_id)], expansions)[0]


def expand(session: Session, viewer: Viewer, clicks: Sequence[Click], expansions: frozenset[str]) -> list[Shown]:
    """Adds to each click its `link`, `profile`, `contacts` and `metrics`, as far as asked for and visible."""
    link_ids = {click.link_id for click in clicks if click.link_id is not None}
    profile_ids = {click.profile_id for click in clicks if click.profile_id is not None}
    links, profiles, contacts, metrics = {}, {}, {}, {}
    if "link" in expansions:
        links = dict(select_records(session, viewer, LINK, "link_id", link_ids))
    if "profile" in expansions:
        profiles = {record["profileId"]: record for record in find_profiles(session, viewer, "profile_id", profile_ids)}
    if "contacts" in expansions:
        contacts = contacts_by_profile(session, viewer, profile_ids)
    if "metrics" in expansions:
        metrics = link_metrics(session, viewer, link_ids)
    found: dict[str, Callable[[Click], Any]] = {
        "contacts": lambda click: contacts.get(click.profile_id or "", []),
        "link": lambda click: links.get(click.link_id),
        "metrics": lambda click: metrics.get(click.link_id or ""),
        "profile": lambda click: profiles.get(click.profile_id or ""),
        "visitor": lambda click: click,
    }
    return [Shown(click, {name: found[name](click) for name in sorted(expansions)}) for click in clicks]


def register(session: Session, ids: IdGenerator, click_id: str, values: Mapping[str, Any], decide: Decide) -> Click:
    """Ties the click to the client that `values` describe: reads, lets `decide` choose, writes.

    This is the site's word: a client whom a partner registered through the click loses it. Raises NotFound, and
    Conflict, also where the client is a partner's profile. The same values twice change nothing the second time.
    """
    click = get_click(session, SYSTEM, click_id)
    outranked = find_outranked(session, [click])
    own = get_profile(session, SYSTEM, click.profile_id) if click.profile_id and not outranked else None
    known = find_client(session, None, values["uuid"]) if values.get("uuid") else None
    if known is not None:  # who was merged is named by the uuid that they have now
        values = {**values, "uuid": known["uuid"]}
    chosen = decide(click, own, known)
    if chosen is not None:
        refuse_partner(session, chosen["profileId"])
    profile_id = save_profile(session, ids, chosen, values)
    if profile_id == click.profile_id:
        return click
    if outranked:
        click = free_click(session, click)
    name_click(session, ids, click, profile_id)
    return tie_click(session, click, profile_id)


def recognise(session: Session, click_id: str, visit: Hit, origins: Collection[str]) -> bool:
    """Whether a visit of a page is the arrival that a click recorded: nobody is told of clicks that are not theirs.

    It is the same browser's, and led to a page of one of `origins` or came from the same address. A click of the last
    minutes is said once to be of this browser (`visitorId`).
    """
    click, visitor_id = _find_by_id(session, {click_id}).get(click_id), visit.visitor_id
    if click is None or click.user_agent != visit.user_agent:
        return False
    if click.ip != visit.ip and _origin(click.uri) not in origins:
        return False
    is_fresh = created_s(click_id) * SECOND > now_us() - ARRIVAL_US
    if visitor_id is not None and click.visitor_id is None and is_fresh:
        known = msgspec.structs.replace(click, visitor_id=visitor_id)
        session.rows("UPDATE clicks SET visitor_id = $1 WHERE click_id = $2", [visitor_id, click_id])
        session.after_commit(lambda: session.memory.replace(known))
    return True


def _origin(uri: str) -> str | None:
    try:
        return find_origin(uri)
    except ValueError:
        return None


def newest_id(session: Session, before_s: int) -> str | None:
    """The greatest id of a click from before a second (Unix time); None where there is none.

    Later ones say nothing of when they were made: earlier versions took ids with any date.
    """
    bound = least_id(before_s)
    rows = session.rows("SELECT click_id FROM clicks WHERE click_id < $1 ORDER BY click_id DESC LIMIT 1", [bound])
    return rows[0][0] if rows else None


def load_tail(session: Session) -> None:
    """Reads the newest clicks into memory, where this process alone adds to them."""
    if not session.dialect.is_owned:
        return
    rows = session.rows(f"SELECT {', '.join(COLUMNS)} FROM clicks ORDER BY click_id DESC LIMIT {TAIL}")
    clicks = [Click(*row) for row in reversed(rows)]
    session.memory.replace_tail(clicks, is_whole=len(rows) < TAIL)
    visits = {
        visitor_key(click): Visit(click.click_id, click.time)
        for click in clicks
        if click.link_id is not None and click.duplicate_of is None
    }
    session.memory.recent.keep(visits, session.memory.duplicate_window_us / SECOND)
