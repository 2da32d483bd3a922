"""The figures of links on PostgreSQL, exact under any number of writers.

No writer changes what another one does: each adds rows to `link_changes`, in the transaction of the clicks themselves,
and now and then one node adds them up into `link_figures`. A visitor is new to a link if its key could be added.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.store.engine import Params, Session
from clicktrail.store.figures import NOTHING, has_other_click

_COLUMNS = "link_id, clicks, unique_clicks, registrations, first_time, last_time"
_SUMS = "sum(clicks)::BIGINT, sum(unique_clicks)::BIGINT, sum(registrations)::BIGINT, min(first_time), max(last_time)"
_FOLD_LOCK = 0x636C_6B02


class TableFigures:
    """Figures in tables of the store."""

    def find(self, session: Session, link_ids: Sequence[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures: what was added up, and what came since, in one statement."""
        params = Params()
        wanted = f"link_id = ANY({params.add(list(link_ids))}::TEXT[])"
        rows = session.rows(
            f"SELECT link_id, {_SUMS} FROM (SELECT {_COLUMNS} FROM link_figures WHERE {wanted} "
            f"UNION ALL SELECT {_COLUMNS} FROM link_changes WHERE {wanted}) f GROUP BY link_id",
            params,
        )
        found = {row[0]: LinkMetrics(*row[1:]) for row in rows}
        return {link_id: found.get(link_id, NOTHING) for link_id in link_ids}

    def count(self, session: Session, clicks: Sequence[Click]) -> None:
        """Clicks are added by this transaction."""
        changes: dict[str, LinkMetrics] = {}
        visitors: dict[int, str] = {}
        for click in clicks:
            if click.link_id is None:
                continue
            visitors[visitor_key(click)] = click.link_id
            old = changes.get(click.link_id, NOTHING)
            changes[click.link_id] = LinkMetrics(
                old.clicks + 1,
                0,
                old.registrations + (click.profile_id is not None),
                click.time if old.first_click_time is None else min(old.first_click_time, click.time),
                click.time if old.last_click_time is None else max(old.last_click_time, click.time),
            )
        if changes:
            new = _add_visitors(session, visitors)
            rows = [
                (link_id, each.clicks, new[link_id], each.registrations, *_times(each))
                for link_id, each in changes.items()
            ]
            session.insert("link_changes", _COLUMNS.split(", "), rows)

    def register(self, session: Session, link_id: str | None, change: int) -> None:
        """A link gets one registration more (1) or that many fewer (negative) by this transaction."""
        if link_id is not None:
            session.insert("link_changes", _COLUMNS.split(", "), [(link_id, 0, 0, change, None, None)])

    def uncount(self, session: Session, click: Click) -> None:
        """A click was just removed, while no node counts. Figures stay those of all clicks that ever were, but it."""
        if click.link_id is None:
            return
        old = self.find(session, [click.link_id])[click.link_id]
        is_gone = not has_other_click(session, click)
        if is_gone:
            session.rows("DELETE FROM link_visitors WHERE visitor = $1", [visitor_key(click)])
        first, last = _times(old)
        if click.time in (first, last):
            first, last = session.rows("SELECT min(time), max(time) FROM clicks WHERE link_id = $1", [click.link_id])[0]
        for table in ("link_changes", "link_figures"):
            session.rows(f"DELETE FROM {table} WHERE link_id = $1", [click.link_id])
        registrations = old.registrations - (click.profile_id is not None)
        row = (click.link_id, old.clicks - 1, old.unique_clicks - is_gone, registrations, first, last)
        session.insert("link_figures", _COLUMNS.split(", "), [row])


def visitor_key(click: Click) -> int:
    """64 bits for the visitor of a link (see `store.visitors`), as the function of the same name makes them."""
    agent = "0" if click.user_agent is None else "1" + click.user_agent
    text = f"{click.link_id}{click.ip}{agent}"
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "big", signed=True)


def _add_visitors(session: Session, visitors: Mapping[int, str]) -> Counter[str]:
    """How many of the visitors are new, by link. In one order in all nodes: no ring of waiting."""
    rows = session.rows(
        "INSERT INTO link_visitors (visitor) SELECT * FROM unnest($1::BIGINT[]) ON CONFLICT DO NOTHING "
        "RETURNING visitor",
        [sorted(visitors)],
    )
    return Counter(visitors[row[0]] for row in rows)


def _times(figures: LinkMetrics) -> tuple[int | None, int | None]:
    return figures.first_click_time, figures.last_click_time


def fold_changes(session: Session) -> None:
    """Adds up what came since the last time, unless another node is at it."""
    if not session.rows(f"SELECT pg_try_advisory_xact_lock({_FOLD_LOCK})")[0][0]:
        return
    session.rows(
        f"WITH taken AS (DELETE FROM link_changes RETURNING {_COLUMNS}) "
        f"INSERT INTO link_figures AS f ({_COLUMNS}) SELECT link_id, {_SUMS} FROM taken GROUP BY link_id "
        "ON CONFLICT (link_id) DO UPDATE SET clicks = f.clicks + excluded.clicks, "
        "unique_clicks = f.unique_clicks + excluded.unique_clicks, "
        "registrations = f.registrations + excluded.registrations, "
        "first_time = least(f.first_time, excluded.first_time), last_time = greatest(f.last_time, excluded.last_time)"
    )


def recount(session: Session) -> None:
    """Makes figures and visitors from the clicks, for a store that was filled otherwise, or that lost some."""
    session.rows("TRUNCATE link_changes, link_figures, link_visitors")
    session.rows(
        "INSERT INTO link_visitors (visitor) SELECT DISTINCT visitor_key(link_id, ip, user_agent) "
        "FROM clicks WHERE link_id IS NOT NULL"
    )
    session.rows(
        f"INSERT INTO link_figures ({_COLUMNS}) SELECT link_id, count(*), "
        "count(DISTINCT visitor_key(link_id, ip, user_agent)), count(profile_id), min(time), max(time) "
        "FROM clicks WHERE link_id IS NOT NULL GROUP BY link_id"
    )
