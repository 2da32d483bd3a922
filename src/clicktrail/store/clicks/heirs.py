"""Which clicks become first clicks when first clicks are deleted (ADR 37)."""

from collections.abc import Sequence

from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import day_of, day_visitor, is_whole, visit_key
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.counted import IS_COUNTED
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, number, or_, sql


def find_heirs(session: Session, lost: Sequence[Click]) -> dict[int, str]:
    """Visit key -> the earliest click that is left of this visit, for the visits of deleted clicks."""
    keys = set(map(visit_key, lost))
    near = sql("SELECT {} FROM clicks c WHERE {} AND {}", CLICK_SQL, _near(session, lost), sql(IS_COUNTED))
    heirs: dict[int, tuple[int, str]] = {}
    for row in session.rows(near):
        click = Click(*row)
        key, place = visit_key(click), (click.time, click.click_id)
        if key in keys:
            heirs[key] = min(heirs.get(key, place), place)
    return {key: click_id for key, (_, click_id) in heirs.items()}


def _near(session: Session, clicks: Sequence[Click]) -> Sql:
    """The clicks of the same visitors between the first and the last day of these clicks."""
    days = [day_of(click.time) for click in clicks]
    within = sql("c.time >= {} AND c.time < {}", number(min(days)), number(max(days) + DAY_US))
    whole, reduced = [click for click in clicks if is_whole(click)], [each for each in clicks if not is_whole(each)]
    ips, visitors = sorted({click.ip for click in whole}), sorted(set(map(day_visitor, reduced)))
    if session.dialect.row_id is None:
        theirs = [sql("c.ip = ANY({}::TEXT[])", ips)] if ips else []
        return and_(within, or_((*theirs, *_of_visitors(reduced, visitors))))
    # Without an index, numbers are found far faster than texts.
    place, hashes = sql(f"c.{session.dialect.row_id}"), list(map(text_hash, ips))
    hashed = sql(
        "(c.ip_hash IN (SELECT unnest({}::BIGINT[])) OR c.visitor IN (SELECT unnest({}::BIGINT[])))", hashes, visitors
    )
    rows = session.rows(sql("SELECT {} FROM clicks c WHERE {}", place, and_(within, hashed)))
    return sql("{} IN (SELECT unnest({}::BIGINT[]))", place, [row[0] for row in rows])


def _of_visitors(clicks: Sequence[Click], visitors: Sequence[int]) -> list[Sql]:
    """The clicks of these visitors, by the index of addresses if something is kept of each."""
    if not clicks:
        return []
    ips, theirs = sorted({click.ip for click in clicks}), sql("c.visitor = ANY({}::BIGINT[])", list(visitors))
    return [theirs if "" in ips else and_(theirs, sql("c.ip = ANY({}::TEXT[])", ips))]
