"""What is counted of links."""

from collections.abc import Iterable, Sequence

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.model.metrics import LinkMetrics
from clicktrail.query.fields import CLICK, LINK
from clicktrail.store.reads.records import check_there
from clicktrail.store.reads.tables import TABLES, visible
from clicktrail.store.session.counted import FIGURES, VISITOR_SQL
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import and_, in_, sql

_EVERYTHING = (
    f"SELECT count(*), count(DISTINCT {VISITOR_SQL}), count(c.profile_id), min(c.time), max(c.time) "
    "FROM clicks c WHERE c.link_id = {} AND {}"
)
"""The figures of a link with robots: all its clicks are looked at."""
_OWN = f"SELECT c.link_id, {FIGURES} FROM clicks c WHERE {{}} AND {{}} GROUP BY c.link_id"


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
    found = {link_id: LinkMetrics(*figures) for link_id, *figures in session.rows(own)}
    return {link_id: found.get(link_id, LinkMetrics()) for link_id in link_ids}


def get_link_metrics(session: Session, viewer: Viewer, link_id: str, with_bots: bool = False) -> LinkMetrics:
    """The figures of one link. Raises NotFound, also for another partner's link. With robots all is counted anew."""
    check_there(session, viewer, LINK, link_id)
    if with_bots:
        own = visible(TABLES[CLICK.name], viewer)
        return LinkMetrics(*session.rows(sql(_EVERYTHING, link_id, own))[0])
    return link_metrics(session, viewer, [link_id])[link_id]
