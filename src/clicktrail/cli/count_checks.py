"""`clicktrail doctor --recount`: compares what is counted ahead with a recount of all clicks. It changes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from msgspec.structs import asdict

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.running import find_server
from clicktrail.errors import ClicktrailError, StoreInUse
from clicktrail.model.times import SECOND
from clicktrail.observe.findings import Finding
from clicktrail.opening import open_engine
from clicktrail.reports.totals import TABLES
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.counting.totals import Difference, find_differences
from clicktrail.store.engines.duckdb.looking import reading
from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.migrations.shared import list_missing
from clicktrail.store.session.dropped import find_raw_from
from clicktrail.store.session.parts import find_wrong_parts
from clicktrail.store.session.protocol import Session

MOST = 100
"""Differences of one kind that are named."""
_REPAIR = "Stop all servers, then run `clicktrail migrate --recount`."


def check_counts(settings: Settings) -> Iterator[Finding]:
    """Daily totals, figures of links and parts of orders equal a recount."""
    try:
        if not is_embedded(settings):
            yield from _check_postgres(settings)
            return
        path = store_path(settings)
        if path.exists():
            with reading(path) as session:
                yield from _compare(session)
    except SettingsError as error:
        yield Finding("recount", str(error), "Correct --database.")
    except StoreInUse as error:
        if find_server(settings) is not None:
            yield Finding("recount", f"{error} Nothing was counted.", is_known=False)
            return
        yield Finding("recount", str(error), "Stop the process that uses the store, then run this again.")


def _check_postgres(settings: Settings) -> Iterator[Finding]:
    engine = open_engine(settings)
    try:
        if isinstance(engine, PostgresEngine):
            yield from engine.run(lambda session: list(_compare(session)), Kind.EXPORT)
    except ClicktrailError as error:
        yield Finding("recount", str(error), "Check that PostgreSQL runs, and that --database names it.")
    finally:
        engine.close()


def _compare(session: Session) -> Iterator[Finding]:
    if list_missing(session):
        yield Finding("recount", "migrations are missing, so nothing was counted", "Run `clicktrail migrate`.")
        return
    found = find_differences(session, find_raw_from(session))
    totals = [_say(difference) for difference in islice(found, MOST)]
    totals += [f"{rest} more differences in daily totals"] if (rest := sum(1 for _ in found)) else []
    figures = [
        f"link {link_id}: stored {asdict(stored)}, counted {asdict(counted)}"
        for link_id, (stored, counted) in session.figures.compare(session).items()
    ]
    pages = [
        f"order by {order}: {count} parts have other numbers of clicks"
        for order, count in find_wrong_parts(session).items()
    ]
    for subject, name, differences in (
        ("totals", "daily totals", totals),
        ("figures", "figures of links", figures),
        ("pages", "numbers of clicks in parts of their orders", pages),
    ):
        yield from (Finding(subject, state, _REPAIR) for state in differences)
        if not differences:
            yield Finding(subject, f"{name} equal a recount of the clicks")


def _say(difference: Difference) -> str:
    day = datetime.fromtimestamp(difference.day / SECOND, UTC).date()
    keys = zip(TABLES[difference.table], difference.key, strict=True)
    key = " ".join(f"{column}={'none' if value is None else value}" for column, value in keys)
    counts = (f"{abs(count)} {name} too {'few' if count > 0 else 'many'}" for name, count in difference.counts.items())
    return f"{difference.table} of {day}, {key}: {', '.join(counts)}"
