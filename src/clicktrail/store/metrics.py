"""What is counted of links."""

from collections.abc import Iterable

from clicktrail.model.access import Viewer
from clicktrail.model.metrics import LinkMetrics
from clicktrail.query.fields import CLICK, LINK
from clicktrail.store.engine import Params, Session
from clicktrail.store.records import get_record
from clicktrail.store.tables import TABLES, visible


def link_metrics(session: Session, viewer: Viewer, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
    """link id -> its figures, for every link asked for: one statement."""
    wanted = list(link_ids)
    if not wanted:
        return {}
    params = Params()
    chosen = f"c.link_id IN ({params.add_all(wanted)}) AND {visible(TABLES[CLICK.name], viewer, params)}"
    rows = session.rows(
        "SELECT c.link_id, count(*), count(DISTINCT (c.ip, c.user_agent)), count(c.profile_id), "
        f"min(c.time), max(c.time) FROM clicks c WHERE {chosen} GROUP BY c.link_id",
        params,
    )
    return {link_id: LinkMetrics() for link_id in wanted} | {row[0]: LinkMetrics(*row[1:]) for row in rows}


def get_link_metrics(session: Session, viewer: Viewer, link_id: str) -> LinkMetrics:
    """The figures of one link. Raises NotFound, also for another partner's link."""
    get_record(session, viewer, LINK, link_id)
    return link_metrics(session, viewer, [link_id])[link_id]
