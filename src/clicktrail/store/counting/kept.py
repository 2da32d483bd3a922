"""The figures of links as the embedded store keeps them (ADR 52), so that a start counts few clicks.

`link_figures` has what is in the daily totals, `daily_changes` aside: so the same transactions change both. To this a
start adds `daily_changes` and the clicks that are not in the totals yet. First and last times may be those of such
clicks: a minimum takes them twice.
"""

from collections.abc import Mapping

from clicktrail.model.metrics import LinkMetrics
from clicktrail.store.session import parts
from clicktrail.store.session.counted import FIGURES
from clicktrail.store.session.protocol import Migration, Session
from clicktrail.store.session.sql import Sql, named, sql

_COUNTS = ("clicks", "unique_clicks", "registrations")
_SUMS = (
    f"link_id, {', '.join(f'sum({name})::BIGINT AS {name}' for name in _COUNTS)}, "
    "min(first_time) AS first_time, max(last_time) AS last_time"
)
_FROM_CLICKS = f"SELECT c.link_id, {FIGURES} FROM clicks c WHERE c.link_id IS NOT NULL AND {{}} GROUP BY 1"
_CHANGES = (
    "SELECT link_id, {0}clicks, {0}unique_clicks, {0}registrations, NULL::BIGINT, NULL::BIGINT FROM daily_changes "
    "WHERE link_id IS NOT NULL"
)
_KEPT, _DROPPED = (
    f"SELECT link_id, {', '.join(_COUNTS)}, first_time, last_time FROM {table}"
    for table in ("link_figures", "dropped_figures")
)
_IS_ANY = f"HAVING {' OR '.join(f'sum({name}) <> 0' for name in _COUNTS)} OR min(first_time) IS NOT NULL"


def _add(*parts: str, having: str = "") -> str:
    """The figures of links in several queries, added up."""
    table = f"figures(link_id, {', '.join(_COUNTS)}, first_time, last_time)"
    return f"SELECT {_SUMS} FROM ({' UNION ALL '.join(parts)}) {table} GROUP BY link_id {having}"


_NOW = _add(_KEPT, _CHANGES.format(""), _FROM_CLICKS.format("c.is_totalled IS NULL"))
_COUNTED = _add(_FROM_CLICKS.format("TRUE"), _DROPPED)
_FILL = f"INSERT INTO link_figures {_add(_FROM_CLICKS.format('c.is_totalled'), _DROPPED, _CHANGES.format('-'))}"
KEPT: Migration = (
    "0021-duckdb-kept-counts",
    (
        "CREATE TABLE link_figures (link_id TEXT NOT NULL, clicks BIGINT NOT NULL, unique_clicks BIGINT NOT NULL, "
        "registrations BIGINT NOT NULL, first_time BIGINT, last_time BIGINT)",
        _FILL,
        *parts.STATEMENTS,
    ),
)
"""The figures, and the parts of the orders of clicks."""
_TIMES = (
    "INSERT INTO link_figures SELECT c.link_id, 0, 0, 0, min(c.time), max(c.time) FROM clicks c "
    "WHERE c.link_id IS NOT NULL AND (c.bot = '' OR c.bot IS NULL) AND c.is_totalled IS NULL AND {} GROUP BY 1"
)
_MOVE = (
    "UPDATE link_figures SET {} = n.time FROM (SELECT unnest({}::TEXT[]) AS link_id, unnest({}::BIGINT[]) AS time) n "
    "WHERE link_figures.link_id = n.link_id"
)


def read_figures(session: Session) -> dict[str, LinkMetrics]:
    """Link id -> figures."""
    return _read(session, _NOW)


def count_figures(session: Session) -> dict[str, LinkMetrics]:
    """Link id -> figures, by a recount of the clicks, and with what is kept of dropped ones."""
    return _read(session, _COUNTED)


def recount_figures(session: Session) -> None:
    session.rows(sql("DELETE FROM link_figures"))
    session.rows(sql(_FILL))
    parts.recount_parts(session)


def keep_clicks(session: Session, its: Sql) -> None:
    """Called before the clicks `c` that `its` finds are marked as being in the totals."""
    _merge(session, sql(_FROM_CLICKS, its))
    parts.add_parts(session, its)


def keep_changes(session: Session) -> None:
    """Called before `daily_changes` are moved to the totals."""
    _merge(session, sql(_CHANGES.format("")))


def keep_times(session: Session, its: Sql) -> None:
    """Called before the clicks `c` that `its` finds are dropped: their times stay."""
    session.rows(sql(_TIMES, its))


def move_ends(session: Session, column: str, times: Mapping[str, int | None]) -> None:
    """Changes the first or last times of links."""
    if times:
        session.rows(sql(_MOVE, named(column), list(times), list(times.values())))


def _merge(session: Session, added: Sql) -> None:
    """Adds figures to the figures of their links."""
    session.rows(sql("CREATE OR REPLACE TEMP TABLE added_figures AS {}", added))
    its = "link_id IN (SELECT link_id FROM added_figures)"
    summed = _add("SELECT * FROM added_figures", f"{_KEPT} WHERE {its}", having=_IS_ANY)
    session.rows(sql(f"CREATE OR REPLACE TEMP TABLE summed_figures AS {summed}"))
    session.rows(sql(f"DELETE FROM link_figures WHERE {its}"))
    session.rows(sql("INSERT INTO link_figures SELECT * FROM summed_figures"))
    for table in ("added_figures", "summed_figures"):
        session.rows(sql("DROP TABLE {}", named(table)))


def _read(session: Session, statement: str) -> dict[str, LinkMetrics]:
    return {link_id: LinkMetrics(*figures) for link_id, *figures in session.rows(sql(statement))}
