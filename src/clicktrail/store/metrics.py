"""What is counted of links."""

from collections.abc import Iterable

import numpy as np

from clicktrail.errors import Unavailable
from clicktrail.model.access import Viewer
from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.query.fields import LINK
from clicktrail.store.engine import Params, Row, Session
from clicktrail.store.records import get_record
from clicktrail.store.tables import TABLES, visible
from clicktrail.store.visitors import KEY_SQL, Keys, visitor_key

_PIECE = 1_000_000
"""Rows read at once."""
_COUNTED = "count(*), count(profile_id), min(time), max(time)"


def link_metrics(session: Session, viewer: Viewer, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
    """link id -> its figures, for every visible link asked for: one statement, and a look into memory for each."""
    params, table = Params(), TABLES[LINK.name]
    wanted = params.add_all(link_ids)
    if not params:
        return {}
    rows = session.rows(
        f"SELECT l.link_id FROM links l WHERE l.link_id IN ({wanted}) AND {visible(table, viewer, params)}", params
    )
    try:
        return session.memory.figures.find(row[0] for row in rows)
    except TimeoutError as error:
        raise Unavailable(str(error), headers={"Retry-After": "5"}) from None


def get_link_metrics(session: Session, viewer: Viewer, link_id: str) -> LinkMetrics:
    """The figures of one link. Raises NotFound, also for another partner's link."""
    get_record(session, viewer, LINK, link_id)
    return link_metrics(session, viewer, [link_id])[link_id]


def load_figures(session: Session) -> None:
    """Reads the figures of all links from all clicks into memory."""
    rows = session.rows(
        f"SELECT link_id, {_COUNTED}, hash(link_id) FROM clicks WHERE link_id IS NOT NULL GROUP BY link_id"
    )
    visitor_keys, link_hashes = _read_visitors(session)
    keys, first = np.unique(visitor_keys, return_index=True)
    links, visitors = np.unique(link_hashes[first], return_counts=True)
    unique: dict[int, int] = dict(zip(links.tolist(), visitors.tolist(), strict=True))
    figures = {row[0]: LinkMetrics(row[1], unique[row[-1]], *row[2:-1]) for row in rows}
    session.memory.figures.load(figures, keys)


def _read_visitors(session: Session) -> tuple[Keys, Keys]:
    """Visitor key and link hash of every click on a link, read in pieces to bound the memory that it takes."""
    last = session.rows(f"SELECT max({session.row_id}) FROM clicks")[0][0]
    pieces = [
        session.arrays(
            f"SELECT {KEY_SQL} AS visitor, hash(c.link_id) AS link FROM clicks c "
            f"WHERE c.link_id IS NOT NULL AND c.{session.row_id} >= {start} AND c.{session.row_id} < {start + _PIECE}"
        )
        for start in range(0, (last or 0) + 1, _PIECE)
    ]
    visitors, links = (np.concatenate([piece[name] for piece in pieces]) for name in ("visitor", "link"))
    return visitors.astype(np.uint64, copy=False), links.astype(np.uint64, copy=False)


def uncount_click(session: Session, click: Click) -> None:
    """Mends the figures of a link whose click was just removed: counts its others, and looks for the same visitor."""
    if click.link_id is None:
        return
    counted: Row = session.rows(f"SELECT {_COUNTED} FROM clicks WHERE link_id = $1", [click.link_id])[0]
    others = session.rows(
        "SELECT 1 FROM clicks WHERE link_id = $1 AND ip = $2 AND user_agent IS NOT DISTINCT FROM $3 LIMIT 1",
        [click.link_id, click.ip, click.user_agent],
    )
    link_id, gone = click.link_id, None if others else visitor_key(click)
    session.after_commit(lambda: session.memory.figures.recount(link_id, (*counted,), gone))
