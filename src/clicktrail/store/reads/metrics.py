"""What is counted of links."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.model.metrics import LinkMetrics
from clicktrail.query.fields import CLICK, LINK, Record, Resource
from clicktrail.query.questions import ListQuery
from clicktrail.store.reads.dropped import refuse_dropped_robots
from clicktrail.store.reads.records import Page, check_there, get_record, list_records
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.counted import FIGURES, IS_COMPUTED, KIND_SQL, VISITOR_SQL
from clicktrail.store.session.dropped import add_figures, sum_dropped
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, in_, named, sql

_EVERYTHING = (
    f"SELECT count(*), count(DISTINCT {KIND_SQL} || CASE WHEN {IS_COMPUTED} THEN {VISITOR_SQL} "
    "ELSE c.visitor::TEXT END), count(c.profile_id), min(c.time), max(c.time) FROM clicks c WHERE c.link_id = {} AND {}"
)
"""The figures of a link with robots: all its clicks are looked at."""
_PARTNERS = f"SELECT c.partner_id, {FIGURES} FROM clicks c WHERE {{}} AND {{}} GROUP BY c.partner_id"
_OWN = f"SELECT c.link_id, {FIGURES} FROM clicks c WHERE {{}} AND {{}} GROUP BY c.link_id"


class Measured(NamedTuple):
    """A link or a profile with its figures."""

    record: Record
    metrics: LinkMetrics


def link_metrics(session: Session, viewer: Viewer, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
    """link id -> its figures, for every visible link asked for: however many clicks they have.

    A partner's figures leave out the clicks that stay with an earlier owner of the link. Only for a link that was
    handed over this takes a look at its clicks.
    """
    wanted, table = tuple(link_ids), TABLES[LINK.name]
    if not wanted:
        return {}
    where = and_(in_(sql("l.link_id"), wanted), visible(table, viewer))
    rows = session.rows(sql("SELECT l.link_id, l.hand_over_time IS NOT NULL FROM links l WHERE {}", where))
    shared = [link_id for link_id, is_handed_over in rows if is_handed_over and viewer.scope in PARTNERS]
    found = session.figures.find(session, [link_id for link_id, _ in rows])
    return found | (_own_figures(session, viewer, shared) if shared else {})


def _own_figures(session: Session, viewer: Viewer, link_ids: Sequence[str]) -> dict[str, LinkMetrics]:
    """The figures of the clicks that the viewer may see."""
    own = sql(_OWN, in_(sql("c.link_id"), link_ids), visible(TABLES[CLICK.name], viewer))
    return _with_dropped(session, viewer, "link_id", link_ids, own)


def _with_dropped(
    session: Session, viewer: Viewer, column: str, ids: Sequence[str], stored: Sql
) -> dict[str, LinkMetrics]:
    """The figures of the clicks that the viewer may see: stored ones (a query of ids and figures), and dropped ones, by
    `column`."""
    among = and_(in_(named(column), ids), *_of_partner(viewer))
    found = dict.fromkeys(ids, LinkMetrics()) | sum_dropped(session, column, among)
    for object_id, *figures in session.rows(stored):
        found[object_id] = add_figures(found[object_id], LinkMetrics(*figures))
    return found


def _of_partner(viewer: Viewer) -> tuple[Sql, ...]:
    """The rule of `visible` for clicks, for the figures of dropped ones."""
    return (sql("partner_id = {}", viewer.partner_id),) if viewer.scope in PARTNERS else ()


def find_metrics(session: Session, viewer: Viewer, resource: Resource, ids: Sequence[str]) -> dict[str, LinkMetrics]:
    """The figures of links, or of partners: all clicks that were a partner's when they were recorded."""
    if resource is LINK:
        return link_metrics(session, viewer, ids)
    if not ids:
        return {}
    own = sql(_PARTNERS, in_(sql("c.partner_id"), ids), visible(TABLES[CLICK.name], viewer))
    return _with_dropped(session, viewer, "partner_id", ids, own)


def list_measured(session: Session, viewer: Viewer, query: ListQuery) -> Page:
    """A page of links or profiles, each with its figures: the same number of statements for every size."""
    page = list_records(session, viewer, query)
    ids = [record.object_id for record in page.items]
    found = find_metrics(session, viewer, query.resource, ids)
    return replace(page, items=[Measured(record, found[record.object_id]) for record in page.items])


def get_measured(session: Session, viewer: Viewer, resource: Resource, object_id: str) -> Measured:
    """Raises NotFound, also for another partner's object."""
    record = get_record(session, viewer, resource, object_id)
    return Measured(record, find_metrics(session, viewer, resource, [object_id])[object_id])


def get_link_metrics(session: Session, viewer: Viewer, link_id: str, with_bots: bool = False) -> LinkMetrics:
    """The figures of one link. Raises NotFound, also for another partner's link. With robots all is counted again, so
    raises Conflict where clicks were dropped."""
    check_there(session, viewer, LINK, link_id)
    if with_bots:
        refuse_dropped_robots(session, link_id)
        own = visible(TABLES[CLICK.name], viewer)
        return LinkMetrics(*session.rows(sql(_EVERYTHING, link_id, own))[0])
    return link_metrics(session, viewer, [link_id])[link_id]
