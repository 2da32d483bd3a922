"""What is counted of links."""

from collections.abc import Iterable

from clicktrail.model.access import Viewer
from clicktrail.model.metrics import LinkMetrics
from clicktrail.query.fields import LINK
from clicktrail.store.reads.records import check_there
from clicktrail.store.reads.tables import TABLES, visible
from clicktrail.store.session.hashes import VISITOR_SQL
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import and_, in_, sql

_EVERYTHING = (
    f"SELECT count(*), count(DISTINCT {VISITOR_SQL}), count(c.profile_id), min(c.time), max(c.time) "
    "FROM clicks c WHERE c.link_id = {}"
)
"""The figures of a link with robots: all its clicks are looked at."""


def link_metrics(session: Session, viewer: Viewer, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
    """link id -> its figures, for every visible link asked for: however many clicks they have."""
    wanted, table = tuple(link_ids), TABLES[LINK.name]
    if not wanted:
        return {}
    where = and_(in_(sql("l.link_id"), wanted), visible(table, viewer))
    return session.figures.find(session, list_values(session, sql("SELECT l.link_id FROM links l WHERE {}", where)))


def get_link_metrics(session: Session, viewer: Viewer, link_id: str, with_bots: bool = False) -> LinkMetrics:
    """The figures of one link. Raises NotFound, also for another partner's link. With robots all is counted anew."""
    check_there(session, viewer, LINK, link_id)
    if with_bots:
        return LinkMetrics(*session.rows(sql(_EVERYTHING, link_id))[0])
    return link_metrics(session, viewer, [link_id])[link_id]
