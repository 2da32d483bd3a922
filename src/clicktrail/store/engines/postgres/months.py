"""One partition of clicks per month, made ahead of time, or when an import brings older clicks."""

from collections.abc import Collection
from datetime import UTC, datetime

from clicktrail.model.times import MAX_AHEAD_S, SECOND
from clicktrail.store.engines.postgres.figures import KEY
from clicktrail.store.session.counted import FIGURES
from clicktrail.store.session.dropped import note_drop, note_dropped
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, named, sql

Month = tuple[int, int]
"""Year and month (1 to 12) in UTC."""
AHEAD = 2
"""Months ahead for which partitions exist."""
FIRST: Month = (2010, 1)
"""Clicks with older ids, or with ids of future months without a partition, are in the default partition."""
_PARTITIONS = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = to_regclass('clicks')"
)
_MOVE = (
    "WITH early AS (DELETE FROM clicks_default WHERE click_id >= {} AND click_id < {} RETURNING *) "
    "INSERT INTO {} SELECT * FROM early"
)
"""Moves clicks that came before their month's partition."""
_FREE_UUIDS = (
    "DELETE FROM click_uuids k USING (SELECT left(encode(sha256(convert_to(uuid, 'UTF8') || "
    "coalesce('\\x00'::BYTEA || convert_to(name_space, 'UTF8'), '')), 'hex'), 32)::UUID AS uuid_key "
    "FROM {} WHERE uuid IS NOT NULL) g WHERE k.uuid_key = g.uuid_key"
)
"""Deletes the claims of a month's uuids. Same key as `store.engines.postgres.session.uuid_key`."""

_FORGET_VISITS = (
    f"DELETE FROM link_visitors v USING (SELECT DISTINCT {KEY} AS visitor FROM {{}} c) g WHERE v.visitor = g.visitor"
)
"""Deletes the visits of a month's clicks."""
_UNKNOWN = "INSERT INTO dropped_clicks (end_time, drop_time) VALUES ({}, {})"
_LATEST = "SELECT max(time) FROM {}"
_FIGURES = f"SELECT link_id, partner_id, {FIGURES} FROM {{}} c WHERE link_id IS NOT NULL GROUP BY link_id, partner_id"


def month_of(second: int) -> Month:
    moment = datetime.fromtimestamp(second, UTC)
    return moment.year, moment.month


def shift(month: Month, by: int) -> Month:
    place = month[0] * 12 + month[1] - 1 + by
    return place // 12, place % 12 + 1


def name_of(month: Month) -> str:
    return f"clicks_{month[0]:04}_{month[1]:02}"


def first_id(month: Month) -> str:
    """The smallest id of a click made in the month."""
    return f"{start_of(month):08x}{'0' * 16}"


def start_of(month: Month) -> int:
    """The first second of the month (Unix time)."""
    return int(datetime(month[0], month[1], 1, tzinfo=UTC).timestamp())


def due_months(now_s: float) -> list[Month]:
    """The months that must have a partition now: the month of an hour ago, and the coming ones."""
    current = month_of(int(now_s))
    return sorted({month_of(int(now_s) - 3600), *(shift(current, by) for by in range(AHEAD + 1))})


def list_months(session: Session) -> set[Month]:
    """The months that have a partition."""
    parts = [name.split("_") for name in list_values(session, sql(_PARTITIONS))]
    return {(int(part[1]), int(part[2])) for part in parts if len(part) == 3}


def add_months(session: Session, months: Collection[Month]) -> None:
    """Makes missing partitions; clicks that came before their month's partition move into it."""
    for month in sorted(set(months) - list_months(session)):
        name = named(name_of(month))
        make_table(session, name)
        session.rows(sql(_MOVE, first_id(month), first_id(shift(month, 1)), name))
        attach(session, month)


def make_table(session: Session, name: Sql) -> None:
    """A table without indexes that can become a partition."""
    session.rows(sql("CREATE TABLE {} (LIKE clicks INCLUDING DEFAULTS INCLUDING CONSTRAINTS)", name))


def attach(session: Session, month: Month) -> None:
    """Makes the month's table a partition, and makes the indexes that it lacks."""
    # The bounds are made of numbers, and the statement takes no placeholders.
    bounds = sql(f"FROM ('{first_id(month)}') TO ('{first_id(shift(month, 1))}')")
    session.rows(sql("ALTER TABLE clicks ATTACH PARTITION {} FOR VALUES {}", named(name_of(month)), bounds))


def drop_months(session: Session, before: Month) -> list[Month]:
    """Drops the partitions of all months before `before`, with the claims of their uuids and their visits, and keeps
    their figures. A month whose clicks are not yet filled (`store.migrations.fills`) stays.

    Remembers from when on no click is missing: a click's `time` may be later than the month in which it was stored.
    """
    gone = sorted(month for month in list_months(session) if month < before and _is_filled(session, month))
    end = start_of(before) * SECOND
    for month in gone:
        name = named(name_of(month))
        if not session.dialect.is_spread:
            session.rows(sql("LOCK TABLE {} IN EXCLUSIVE MODE", name))
        note_dropped(session, session.rows(sql(_FIGURES, name)))
        [latest] = list_values(session, sql(_LATEST, name))
        end = end if latest is None else max(end, latest + 1)
        for statement in (_FREE_UUIDS, _FORGET_VISITS):
            session.rows(sql(statement, name))
        session.rows(sql("DROP TABLE {}", name))
    if gone:
        note_drop(session, end)
    return gone


def _is_filled(session: Session, month: Month) -> bool:
    """Whether all clicks of the month have marks. Without them its unique clicks would be lost."""
    return not session.rows(sql("SELECT 1 FROM {} WHERE is_first IS NULL LIMIT 1", named(name_of(month))))


def note_earlier_drops(session: Session, first: Month) -> None:
    """If the store is of a version that dropped months without a note: all months before `first` may be deleted."""
    if list_values(session, sql("SELECT max(end_time) FROM dropped_clicks")) == [0]:
        session.rows(sql(_UNKNOWN, (start_of(first) + MAX_AHEAD_S) * SECOND, session.clock.now_us()))
