"""What is kept of clicks that the retention dropped: their figures, by link and partner."""

from collections.abc import Iterable, Mapping

from msgspec.structs import astuple

from clicktrail.model.metrics import LinkMetrics
from clicktrail.store.session.protocol import Row, Session, list_values
from clicktrail.store.session.sql import Sql, named, sql
from clicktrail.store.session.totals import has_totals

_NOTHING = LinkMetrics()
_SUMS = "sum(clicks)::BIGINT, sum(unique_clicks)::BIGINT, sum(registrations)::BIGINT, min(first_time), max(last_time)"
_DROPPED = f"SELECT {{}}, {_SUMS} FROM dropped_figures WHERE {{}} GROUP BY 1"
_PARTS = ("clicks", "unique_clicks", "registrations", "first_time", "last_time")
_COLUMNS = ("figures_id", "link_id", "partner_id", *_PARTS)
_EVERY = Sql("TRUE")
_BEFORE_ALL = -(1 << 62)
_REMEMBER = (
    "INSERT INTO dropped_clicks (end_time, drop_time) SELECT {}::BIGINT, {}::BIGINT "
    "WHERE NOT EXISTS (SELECT 1 FROM dropped_clicks WHERE end_time >= {})"
)


def sum_dropped(session: Session, column: str, where: Sql = _EVERY) -> dict[str, LinkMetrics]:
    """The figures of dropped clicks by `link_id` or `partner_id`."""
    return {key: LinkMetrics(*figures) for key, *figures in session.rows(sql(_DROPPED, named(column), where))}


def note_dropped(session: Session, figures: Iterable[Row]) -> None:
    """Keeps figures of clicks that are dropped: link id, partner id, and the parts of `LinkMetrics`."""
    rows = [(session.memory.ids.new(), *row) for row in figures]
    if rows:
        session.insert("dropped_figures", _COLUMNS, rows)


def find_raw_from(session: Session) -> int | None:
    """Since when no click is missing, in microseconds; None if the retention has dropped none."""
    [end] = list_values(session, sql("SELECT max(end_time) FROM dropped_clicks"))
    return end or None


def find_totals_from(session: Session) -> int | None:
    """Since when the daily totals have all clicks, also dropped ones; None if a drop has left none."""
    found: list[int | None] = list_values(session, sql("SELECT min(start_time) FROM kept_totals"))
    return found[0]


def note_drop(session: Session, end: int) -> None:
    """Remembers that clicks from before `end` are dropped, and that the daily totals keep them."""
    if find_totals_from(session) is None and has_totals(session.dialect):
        start = find_raw_from(session)
        session.rows(sql("INSERT INTO kept_totals (start_time) VALUES ({})", _BEFORE_ALL if start is None else start))
    session.rows(sql(_REMEMBER, end, session.clock.now_us(), end))


def add_figures(one: LinkMetrics, other: LinkMetrics) -> LinkMetrics:
    """The figures of two sets of clicks. No visit is in both."""
    times = zip(astuple(one)[3:], astuple(other)[3:], strict=True)
    firsts, lasts = ([time for time in both if time is not None] for both in times)
    return LinkMetrics(
        clicks=one.clicks + other.clicks,
        unique_clicks=one.unique_clicks + other.unique_clicks,
        registrations=one.registrations + other.registrations,
        first_click_time=min(firsts, default=None),
        last_click_time=max(lasts, default=None),
    )


def find_lost(figures: Mapping[str, LinkMetrics], known: Mapping[str, LinkMetrics]) -> dict[str, LinkMetrics]:
    """Link id -> what its figures have in addition to the known clicks, for links with more clicks than are known."""
    pairs = ((link_id, each, known.get(link_id, _NOTHING)) for link_id, each in figures.items())
    return {link_id: _subtract(each, other) for link_id, each, other in pairs if each.clicks > other.clicks}


def _subtract(figures: LinkMetrics, known: LinkMetrics) -> LinkMetrics:
    """A first or last time comes from the lost clicks only where the known clicks have a later or earlier one."""
    first, last = figures.first_click_time, figures.last_click_time
    is_first = known.first_click_time is None or (first is not None and first < known.first_click_time)
    is_last = known.last_click_time is None or (last is not None and last > known.last_click_time)
    return LinkMetrics(
        clicks=figures.clicks - known.clicks,
        unique_clicks=max(figures.unique_clicks - known.unique_clicks, 0),
        registrations=max(figures.registrations - known.registrations, 0),
        first_click_time=first if is_first else None,
        last_click_time=last if is_last else None,
    )
