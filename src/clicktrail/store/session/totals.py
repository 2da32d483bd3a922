"""The daily totals of clicks: their columns, and the rows that change them (ADR 43).

Totals of a day are the sum of all its rows in a table of totals, and of its rows in `daily_changes`. Rows are only
added; from time to time they are added up (`store.counting.totals`). The embedded store adds no rows for a new click:
`clicks.is_totalled` is NULL until the click is in the totals, and reports count such clicks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US
from clicktrail.reports.totals import COUNTS
from clicktrail.store.session.counted import DAY_SQL, IS_COUNTED
from clicktrail.store.session.protocol import Dialect, Row, Rows, Session
from clicktrail.store.session.sql import Sql, and_, join, names, sql

KEYS = ("link_id", "partner_id", "country_code", "utm_campaign")
CHANGES = ("day", *KEYS, *COUNTS)
"""The columns of `daily_changes`."""
COUNT_SQL: Mapping[str, str] = {
    "clicks": f"count(*) FILTER (WHERE {IS_COUNTED})",
    "unique_clicks": "count(*) FILTER (WHERE c.is_first)",
    "bots": "count(*) FILTER (WHERE c.bot <> '')",
    "duplicates": f"count(*) FILTER (WHERE c.duplicate_of IS NOT NULL AND {IS_COUNTED})",
    "prefetches": "count(*) FILTER (WHERE c.is_prefetch)",
    "data_centre_clicks": "count(*) FILTER (WHERE c.is_data_centre)",
    "registrations": "count(c.profile_id)",
}
"""Count -> its SQL over clicks."""
GONE: Mapping[str, str] = {name: f"-{value}" for name, value in COUNT_SQL.items()}
"""The counts of clicks that are taken away."""


def has_totals(dialect: Dialect) -> bool:
    """A cluster has none: its reports count clicks."""
    return not dialect.is_spread


def new_totals(dialect: Dialect, clicks: Iterable[Click]) -> Rows:
    """What the transaction that adds these marked clicks adds to the totals."""
    return Rows("daily_changes", CHANGES, count_clicks(clicks) if has_totals(dialect) and not dialect.is_owned else [])


def count_clicks(clicks: Iterable[Click]) -> list[Row]:
    """Rows of `CHANGES` that sum to the counts of these clicks."""
    kinds = Counter(
        (
            click.time - click.time % DAY_US,
            click.link_id,
            click.partner_id,
            click.country_code,
            click.utm_campaign,
            not click.bot,
            click.is_first,
            bool(click.bot),
            click.duplicate_of is not None and not click.bot,
            bool(click.is_prefetch),
            bool(click.is_data_centre),
            click.profile_id is not None,
        )
        for click in clicks
    )
    return [(*kind[:5], *[number * is_it for is_it in kind[5:]]) for kind, number in kinds.items()]


def change_totals(
    session: Session, where: Sql, counts: Mapping[str, str], columns: Mapping[str, Sql] | None = None
) -> None:
    """Adds counts (SQL over the clicks `c`) of the stored clicks for which `where` holds.

    `columns` replaces values of `KEYS`. Clicks that are not yet in the totals are left out.
    """
    its = Sql("c.is_totalled") if session.dialect.is_owned else Sql("TRUE")
    _add(session, and_(where, its), counts, columns)


def add_new(session: Session, where: Sql) -> None:
    """Adds the stored clicks `c` for which `where` holds and that are not in the totals yet. They are deleted then."""
    if session.dialect.is_owned:
        _add(session, and_(where, Sql("c.is_totalled IS NULL")), COUNT_SQL)


def _add(session: Session, where: Sql, counts: Mapping[str, str], columns: Mapping[str, Sql] | None = None) -> None:
    if not has_totals(session.dialect):
        return
    keys = [(columns or {}).get(key, Sql(f"c.{key}")) for key in KEYS]
    values = [Sql(f"({counts.get(name, '0')})::INTEGER") for name in COUNTS]
    shown = join(", ", [Sql(DAY_SQL), *keys, *values])
    places = ", ".join(str(place + 1) for place in range(len(KEYS) + 1))
    source = sql("SELECT {} FROM clicks c WHERE {} GROUP BY {}", shown, where, Sql(places))
    session.rows(sql("INSERT INTO daily_changes ({}) {}", names(CHANGES), source))
