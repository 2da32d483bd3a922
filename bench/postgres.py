"""The same questions and loads on PostgreSQL, with one node and with several, beside what one would write oneself."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from tests.cluster import Cluster, cluster
from tests.serving import free_port, serving

from bench import data, load
from clicktrail.store.counting import totals
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.months import month_of
from clicktrail.store.exchange import move as moving
from clicktrail.store.migrations.fills import fill as finish
from clicktrail.store.migrations.shared import migrate

_FILLING = {"wal_level": "minimal", "max_wal_senders": "0", "maintenance_work_mem": "1GB"}
"""Settings with which new rows and indexes are written once, to the tables alone."""
_MOVED = 100_000
_INDEXES = (
    "SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes "
    "WHERE tablename = 'clicks' AND indexdef NOT LIKE 'CREATE UNIQUE%'"
)
"""Made anew on ONLY the table, an index would be missing on the partitions, where all rows are."""
_INVALID = "SELECT indexrelid::REGCLASS::TEXT FROM pg_index WHERE NOT indisvalid"
_CLAIM_UUIDS = (
    "INSERT INTO click_uuids SELECT left(encode(sha256(convert_to(uuid, 'UTF8')), 'hex'), 32)::UUID FROM clicks "
    "WHERE uuid IS NOT NULL"
)
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "8GB", "work_mem": "16MB"}
NODES = (1, 2, 4)
Line = tuple[str, str]


@contextmanager
def database() -> Iterator[Cluster]:
    """A server of the benchmark's own, durable as it comes."""
    with cluster(**SETTINGS) as made:
        yield made


def measure_ingest(server: Cluster, folder: Path, body: bytes) -> Iterator[Line]:
    """Durable clicks a second: the baseline, then one, two and four nodes on one database."""
    baseline = _measure_baseline(server.create("baseline"), body)
    yield "baseline, 256 connections", _told(baseline)
    for count in NODES:
        url = server.create(f"nodes_{count}")
        with ExitStack() as stack:
            nodes = [
                stack.enter_context(serving(folder / f"{count}-{number}", database=url, log="off"))
                for number in range(count)
            ]
            ports, token = [int(node.url.rpartition(":")[2]) for node in nodes], nodes[0].token()
            request = load.request_bytes("POST", "/clicks", token, body)
            for connections in (1, 32, 256) if count == 1 else (256,):
                got = load.run(ports, request, connections)
                assert not got.failures, f"{got.failures} clicks were refused"
                ratio = f"; {got.rate / baseline.rate:.1f} times the baseline" if connections == 256 else ""
                yield f"record, {count} nodes, {connections} connections", _told(got) + ratio


def _measure_baseline(url: str, body: bytes) -> load.Load:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.baseline", url, str(port)])
    try:
        time.sleep(4)
        return load.run(port, load.request_bytes("POST", "/clicks", "t", body), 256)
    finally:
        process.terminate()
        process.wait(20)


def _told(got: load.Load) -> str:
    return f"{got.rate:,.0f}/s, p50 {got.p50_ms:.2f} ms, p99 {got.p99_ms:.1f} ms"


def measure_move(server: Cluster, folder: Path) -> Iterator[Line]:
    """Moves a small embedded store into a new database."""
    data.build(folder / "moved", _MOVED)
    source, target = DuckdbEngine(folder / "moved" / "clicktrail.duckdb"), PostgresEngine(server.create("moved"))
    target.migrate(migrate)
    started = time.perf_counter()
    moving.move(source, target, lambda *_: None)
    yield f"move {_MOVED:,} into it", f"{_MOVED / (time.perf_counter() - started):,.0f} clicks/s"
    source.close()
    target.close()


def fill(server: Cluster, clicks: int) -> tuple[str, list[Line]]:
    """Fills a new database with the clicks of `bench.data`; returns its URL and what was measured."""
    usual = dict(server.settings)
    server.settings.update(_FILLING)
    server.restart()
    url = server.create("filled")
    engine = PostgresEngine(url)
    engine.migrate(migrate)
    engine.keep_months({month_of(second) for second in range(data.START_S, data.END_S, 86_400)})
    started = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        with connection.transaction():
            connection.execute("TRUNCATE clicks")
            data.copy_all(connection, clicks)
        filled = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda index: _execute(url, index[1]), indexes))
        assert not connection.execute(_INVALID).fetchall()
        connection.execute(_CLAIM_UUIDS)
        finish(engine)
        engine.fill(totals.recount)
        indexed = time.perf_counter()
        engine.close()
        connection.execute("VACUUM ANALYZE")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    server.settings = usual
    server.restart()
    assert row is not None
    return url, [
        ("rows fill it", f"{clicks / (filled - started):,.0f} rows/s"),
        ("indexes and figures", f"{indexed - filled:.0f} s"),
        ("disk", f"{row[0] / clicks:.0f} bytes a click"),
    ]


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
