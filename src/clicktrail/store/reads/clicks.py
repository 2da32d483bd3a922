"""Clicks as they are asked for: pages, single clicks, and what expansions add."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clicktrail.errors import NotFound
from clicktrail.model.access import Viewer
from clicktrail.model.attribution import Touch
from clicktrail.model.click import Click
from clicktrail.model.ids import least_id
from clicktrail.model.privacy import masked
from clicktrail.model.times import render_time
from clicktrail.query.fields import CLICK, LINK, PROFILE
from clicktrail.query.questions import ListQuery
from clicktrail.store.reads.as_of import check_as_of, clicks_at
from clicktrail.store.reads.metrics import link_metrics
from clicktrail.store.reads.pages import find_rows
from clicktrail.store.reads.plan import is_narrowed, is_skipping, plan_page
from clicktrail.store.reads.records import Page, contacts_by_profile, count, make_page, refuse_secrets, select_records
from clicktrail.store.reads.resolve import resolve
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.finding import with_id
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, and_, number, sql
from clicktrail.store.session.transactions import question


@dataclass(frozen=True)
class Shown:
    """A click and what the question's expansions add to it."""

    click: Click
    parts: Mapping[str, Any]


def _is_single_list(viewer: Viewer, query: ListQuery) -> bool:
    is_asked_twice = is_narrowed(query) or is_skipping(query, viewer)
    return not (query.wants_count or query.view.expansions or is_asked_twice or query.as_of is not None)


@question(_is_single_list)
def list_clicks(session: Session, viewer: Viewer, query: ListQuery) -> Page:
    """One page of clicks with the expansions asked for: one statement each, however many rows."""
    refuse_secrets(query, viewer)
    check_as_of(session, query.as_of)
    query = resolve(session, viewer, query)
    total = count(session, viewer, query)
    clicks, ends = find_rows(session, viewer, query, plan_page(query, viewer, session.dialect))
    shown = expand(session, viewer, clicks[: query.limit], query.view.expansions)
    return make_page(ends, shown, query.limit, total)


def get_click(session: Session, viewer: Viewer, click_id: str, as_of: int | None = None) -> Click:
    """The click as it is, or as it was known at a moment. Raises NotFound, also for a click on another partner's
    link."""
    its = with_id(session.dialect, click_id) if as_of is None else sql("c.click_id = {}", click_id)
    where = and_(its, visible(TABLES[CLICK.name], viewer))
    source = sql("clicks") if as_of is None else clicks_at(as_of, with_deleted=False)
    rows = session.rows(sql("SELECT {} FROM {} c WHERE {}", CLICK_SQL, source, where))
    if not rows:
        moment = "" if as_of is None else f" that was known at {render_time(as_of)} and is kept; see its history"
        raise NotFound(f"There is no click {click_id}{moment}.")
    return Click(*rows[0])


@question(lambda _, __, expansions, as_of=None: not expansions and as_of is None)
def show_click(
    session: Session, viewer: Viewer, click_id: str, expansions: frozenset[str], as_of: int | None = None
) -> Shown:
    """One click with its expansions. Raises NotFound, and MalformedRequest for a moment that is not known."""
    check_as_of(session, as_of)
    return expand(session, viewer, [get_click(session, viewer, click_id, as_of)], expansions)[0]


def expand(session: Session, viewer: Viewer, clicks: Sequence[Click], expansions: frozenset[str]) -> list[Shown]:
    """Adds to each click its `link`, `profile`, `contacts` and `metrics`, as far as asked for and visible. Masks it
    for a viewer who may not see visitors."""
    clicks = clicks if viewer.sees_visitors else list(map(masked, clicks))
    link_ids = {click.link_id for click in clicks if click.link_id is not None}
    profile_ids = {click.profile_id for click in clicks if click.profile_id is not None}
    links, profiles, contacts, metrics = {}, {}, {}, {}
    if "link" in expansions:
        links = dict(select_records(session, viewer, LINK, "link_id", link_ids))
    if "profile" in expansions:
        profiles = dict(select_records(session, viewer, PROFILE, "profile_id", profile_ids))
    if "contacts" in expansions:
        contacts = contacts_by_profile(session, viewer, profile_ids)
    if "metrics" in expansions:
        metrics = link_metrics(session, viewer, link_ids)
    found: dict[str, Callable[[Click], Any]] = {
        "contacts": lambda click: contacts.get(click.profile_id or "", []),
        "link": lambda click: links.get(click.link_id),
        "metrics": lambda click: metrics.get(click.link_id or ""),
        "origin": lambda click: click,
        "profile": lambda click: profiles.get(click.profile_id or ""),
        "visitor": lambda click: click,
    }
    return [Shown(click, {name: found[name](click) for name in sorted(expansions)}) for click in clicks]


def newest_id(session: Session, before_s: int) -> str | None:
    """The greatest id of a click from before a second (Unix time); None where there is none.

    Later ones say nothing of when they were made: earlier versions took ids with any date.
    """
    bound = least_id(before_s)
    found = sql("SELECT click_id FROM clicks WHERE click_id < {} ORDER BY click_id DESC LIMIT 1", bound)
    return next(iter(list_values(session, found)), None)


def list_foreign_ids(session: Session, first_id: str, most: int) -> list[str]:
    """The ids of the newest clicks, none before `first_id`, as far as other processes made them: the greatest first."""
    found = "SELECT c.click_id FROM clicks c WHERE {} ORDER BY c.click_id DESC LIMIT {}"
    return list_values(session, sql(found, _foreign(session, first_id), number(most)))


def list_unseen(session: Session, first_id: str, seen: Sequence[str], most: int) -> list[Click]:
    """The newest clicks whose ids other processes made, none before `first_id`, without those in `seen`: the oldest
    first, at most `most`.

    The index on the id serves it, as `first_id` is some seconds old.
    """
    where = and_(_foreign(session, first_id), sql("c.click_id <> ALL({}::TEXT[])", list(seen)))
    found = "SELECT {} FROM clicks c WHERE {} ORDER BY c.click_id DESC LIMIT {}"
    rows = session.rows(sql(found, CLICK_SQL, where, number(most)))
    return [Click(*row) for row in reversed(rows)]


def _foreign(session: Session, first_id: str) -> Sql:
    return sql("c.click_id >= {} AND substr(c.click_id, 9, 10) <> {}", first_id, session.memory.ids.process)


def recall_arrivals(session: Session, viewer: Viewer, click_ids: Sequence[str]) -> list[Click]:
    """The clicks with these ids in their order, as they are now. Leaves out clicks that were deleted, and clicks that
    the viewer may not see."""
    if not click_ids:
        return []
    wanted = "c.click_id BETWEEN {} AND {} AND c.click_id IN (SELECT unnest({}::VARCHAR[]))"
    where = and_(sql(wanted, min(click_ids), max(click_ids), list(click_ids)), visible(TABLES[CLICK.name], viewer))
    rows = session.rows(sql("SELECT {} FROM clicks c WHERE {}", CLICK_SQL, where))
    found = {click.click_id: click for click in (Click(*row) for row in rows)}
    return [found[click_id] for click_id in click_ids if click_id in found]


MAX_CANDIDATES = 1_000
"""Clicks of one visitor that are considered: the newest, or the oldest where the first touch wins."""


def select_clicks(session: Session, viewer: Viewer, wanted: Sql, touch: Touch = Touch.LAST) -> list[Click]:
    """The clicks `c` that a condition finds and the viewer may see, at most `MAX_CANDIDATES`."""
    where = and_(wanted, visible(TABLES[CLICK.name], viewer))
    order = sql("c.click_id ASC" if touch is Touch.FIRST else "c.click_id DESC")
    found = sql(
        "SELECT {} FROM clicks c WHERE {} ORDER BY {} LIMIT {}", CLICK_SQL, where, order, number(MAX_CANDIDATES)
    )
    return [Click(*row) for row in session.rows(found)]
