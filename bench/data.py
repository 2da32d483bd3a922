"""A store for the benchmarks, the same rows every time: a year of clicks that are as awkward as real ones.

Skewed links and partners, hundreds of thousands of distinct referrers and user agents, unique uris of 100 to 4,000
bytes, and a history that was imported out of order. One statement of DuckDB makes the rows, for both engines.
"""

import time
from functools import partial
from math import cos, exp, pi
from pathlib import Path

import duckdb
import psycopg

from bench import shapes
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.pipes import pass_on
from clicktrail.store.migrations.fills import fill
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, sql

START_S = 1_700_006_400  # 2023-11-15, a midnight
DAYS = 365
END_S = START_S + DAYS * 86_400
LINKS, ONCE = 20_000, 5_000
"""`ONCE`: further links that have one click each."""
PIECE = 491_520
"""Clicks made at a time: whole row groups of DuckDB."""
_QUANTILES = 1 << 16
_WEEKDAYS = (1.1, 1.15, 1.1, 1.05, 1.0, 0.75, 0.7)
_PEAK = range(280, 290)
"""The days of a campaign with three times as many clicks."""
_PART = 256 * 1024
_HISTORY = 50_000
"""Clicks per import of history. One block of this size in five is history."""


def weigh_hour(hour: int) -> float:
    """How many clicks come in an hour since the start, as a weight: by hour, weekday, season and campaign."""
    day, of_day = divmod(hour, 24)
    season = 1 + 0.25 * cos(2 * pi * day / DAYS)
    rhythm = 0.15 + exp(-(((of_day - 14) / 5) ** 2)) + 0.5 * exp(-(((of_day - 20.5) / 2) ** 2))
    return season * rhythm * _WEEKDAYS[(START_S // 86_400 + 3 + day) % 7] * (3 if day in _PEAK else 1)


def rhythm() -> list[tuple[int, int, int]]:
    """Number, start and width of spans with equally many clicks, in microseconds. Together they are the year."""
    weights = [weigh_hour(hour) for hour in range(DAYS * 24)]
    step, hour, before = sum(weights) / _QUANTILES, 0, 0.0
    starts = []
    for number in range(_QUANTILES):
        while before + weights[hour] <= number * step and hour < len(weights) - 1:
            before += weights[hour]
            hour += 1
        share = (number * step - before) / weights[hour]
        starts.append(START_S * 1_000_000 + int((hour + share) * 3_600_000_000))
    ends = [*starts[1:], END_S * 1_000_000]
    return [(number, start, end - start) for number, (start, end) in enumerate(zip(starts, ends, strict=True))]


_RHYTHM_SQL = "CREATE TEMP TABLE IF NOT EXISTS rhythm (number BIGINT, start BIGINT, width BIGINT)"
_RHYTHM_ROWS = "INSERT INTO rhythm SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[]), unnest(?::BIGINT[])"


def _moment(table: str, place: str) -> str:
    return f"({table}.start + ({place} * {_QUANTILES} - {table}.number) * {table}.width)::BIGINT"


def clicks_sql(first: int, last: int, clicks: int) -> str:
    """A SELECT of the clicks numbered `first` to `last` of `clicks` in all, in the order in which they were stored.

    A repeat (`j` is not `i`) has everything of the click before it, seconds later. A visitor comes back after months:
    so a click is the first of its visitor's day, unless it is a repeat.
    """
    draw, rank = shapes.draw, shapes.rank
    columns = ", ".join(f"{expression} AS {name}" for name, expression in shapes.COLUMNS.items())
    once = max(clicks // ONCE, 1)
    # A join keeps the order of its greater side. Sorting a large piece would take as long as making it.
    order = " ORDER BY i" if last - first < 2 * _QUANTILES else ""
    return f"""
        WITH numbered AS (
            SELECT i, i - (i % 2 = 1 AND i % {_HISTORY} > 0 AND hash(i, 0) % 12 = 0)::BIGINT AS j,
                (i // {_HISTORY}) % 5 = 4 AS is_history, (i // {_HISTORY}) % 10 = 9 AS is_dated
            FROM range({first}, {last}) t(i)),
        placed AS (
            SELECT *, j / {clicks}::DOUBLE AS made_at, hash(j, 1) % 33 = 0 AS is_late,
                CASE WHEN is_history THEN {draw(2)}
                    WHEN hash(j, 1) % 33 = 0 THEN greatest(j / {clicks}::DOUBLE - 0.08 * {draw(3)}, 0)
                    ELSE j / {clicks}::DOUBLE END AS clicked_at,
                CASE WHEN is_history THEN {clicks} + j ELSE j % ({clicks} // 3 + 1) END AS person,
                CASE WHEN hash(j, 4) % 33 = 0 THEN NULL WHEN j % {once} = {once // 2} THEN {LINKS} + j // {once}
                    WHEN hash(j, 4) % 25 = 0 THEN 0 ELSE {rank(LINKS, 5)} END AS link
            FROM numbered),
        timed AS (
            SELECT p.*, {_moment("c", "clicked_at")} AS moment,
                CASE WHEN is_dated THEN {_moment("c", "clicked_at")} ELSE {_moment("m", "made_at")} END AS made
            FROM placed p JOIN rhythm c ON c.number = floor(clicked_at * {_QUANTILES})::BIGINT
            JOIN rhythm m ON m.number = floor(made_at * {_QUANTILES})::BIGINT),
        {shapes.LAYERS}
        SELECT {columns} FROM written{order}"""


def build(folder: Path, clicks: int) -> float:
    """Fills a new embedded store; returns the seconds that it took the bare engine."""
    engine = DuckdbEngine(folder / "clicktrail.duckdb", memory_mb=2_000)
    engine.run(migrate)
    started = time.perf_counter()
    names = ", ".join(shapes.COLUMNS)
    columns = [list(column) for column in zip(*rhythm(), strict=True)]
    engine.run(lambda session: session.rows(sql(_RHYTHM_SQL)))
    engine.run(lambda session: session.rows(Sql(_RHYTHM_ROWS.replace("?", "{}"), tuple(columns))))
    for first in range(0, clicks, PIECE):
        piece = clicks_sql(first, min(first + PIECE, clicks), clicks)
        engine.run(partial(_run, statement=f"INSERT INTO clicks ({names}) {piece}"))
    inserts = (f"INSERT INTO {table} ({names}) {select}" for table, (names, select) in shapes.objects_sql().items())
    for statement in (*inserts, *shapes.AROUND_SQL):
        engine.run(partial(_run, statement=statement))
    engine.checkpoint()
    seconds = time.perf_counter() - started
    fill(engine)
    engine.close()
    return seconds


def _run(session: Session, statement: str) -> None:
    session.rows(sql(statement))


def copy_all(connection: psycopg.Connection, clicks: int) -> None:
    """Streams the same rows into PostgreSQL, a piece at a time."""
    columns = ", ".join(shapes.COLUMNS)
    with duckdb.connect(config={"memory_limit": "1500MB"}) as maker:
        maker.execute(_RHYTHM_SQL)
        maker.execute(_RHYTHM_ROWS, [list(column) for column in zip(*rhythm(), strict=True)])
        for first in range(0, clicks, PIECE):
            piece = clicks_sql(first, min(first + PIECE, clicks), clicks)
            _stream(maker, piece, connection, f"COPY clicks ({columns}) FROM STDIN (FORMAT csv)")
        for table, (names, select) in shapes.objects_sql().items():
            _stream(maker, select, connection, f"COPY {table} ({names}) FROM STDIN (FORMAT csv)")
    for statement in shapes.AROUND_SQL:
        connection.execute(statement)


def _stream(maker: duckdb.DuckDBPyConnection, select: str, connection: psycopg.Connection, copy_sql: str) -> None:
    """The rows of a SELECT through a pipe, as CSV."""

    def write(descriptor: int) -> None:
        maker.execute(f"COPY ({select}) TO '/dev/fd/{descriptor}' (FORMAT csv, HEADER false)")

    def read(path: str) -> None:
        with Path(path).open("rb") as rows, connection.cursor().copy(copy_sql) as copy:
            while part := rows.read(_PART):
                copy.write(part)

    pass_on(write, read)
