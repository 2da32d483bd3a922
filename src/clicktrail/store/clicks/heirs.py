"""Which clicks become first clicks when first clicks are deleted (ADR 37)."""

from collections.abc import Sequence

from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import day_of, day_visitor, visit_key
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.counted import IS_COUNTED
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, number, sql


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
    visitors = sorted(set(map(day_visitor, clicks)))
    if session.dialect.row_id is None:
        its = and_(within, sql("c.visitor = ANY({}::BIGINT[])", visitors))
        ips = sorted({click.ip for click in clicks})
        return its if "" in ips else and_(its, sql("c.ip = ANY({}::TEXT[])", ips))  # by the index of addresses
    place = sql(f"c.{session.dialect.row_id}")
    theirs = and_(within, sql("c.visitor IN (SELECT unnest({}::BIGINT[]))", visitors))
    rows = session.rows(sql("SELECT {} FROM clicks c WHERE {}", place, theirs))
    return sql("{} IN (SELECT unnest({}::BIGINT[]))", place, [row[0] for row in rows])
