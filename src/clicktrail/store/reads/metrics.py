"""What is counted of links."""

from collections.abc import Iterable

from clicktrail.model.access import Viewer
from clicktrail.model.metrics import LinkMetrics
from clicktrail.query.fields import LINK
from clicktrail.store.memory.visits import VISITOR_SQL
from clicktrail.store.reads.records import get_record
from clicktrail.store.reads.tables import TABLES, visible
from clicktrail.store.session.protocol import Params, Session

EVERYTHING = f"count(*), count(DISTINCT {VISITOR_SQL}), count(c.profile_id), min(c.time), max(c.time)"


def link_metrics(session: Session, viewer: Viewer, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
    """link id -> its figures, for every visible link asked for: however many clicks they have."""
    params, table = Params(), TABLES[LINK.name]
    wanted = params.add_all(link_ids)
    if not params:
        return {}
    rows = session.rows(
        f"SELECT l.link_id FROM links l WHERE l.link_id IN ({wanted}) AND {visible(table, viewer, params)}", params
    )
    return session.figures.find(session, [row[0] for row in rows])


def get_link_metrics(session: Session, viewer: Viewer, link_id: str, with_bots: bool = False) -> LinkMetrics:
    """The figures of one link. Raises NotFound, also for another partner's link. With robots all is counted anew."""
    get_record(session, viewer, LINK, link_id)
    if with_bots:
        sql = f"SELECT {EVERYTHING} FROM clicks c WHERE c.link_id = $1"
        return LinkMetrics(*session.rows(sql, [link_id])[0])
    return link_metrics(session, viewer, [link_id])[link_id]
