"""The same questions and loads on PostgreSQL, with one node and with several, beside what one would write oneself."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from tests.cluster import Cluster, cluster
from tests.serving import free_port, serving

from bench import data, load
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.exchange import move as moving
from clicktrail.store.migrations.shared import migrate

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


def fill(server: Cluster, folder: Path, clicks: int) -> tuple[str, list[Line]]:
    """Moves the embedded store of this size into a new database; returns its URL and what was measured."""
    data.build(folder / "data", clicks)
    source = DuckdbEngine(folder / "data" / "clicktrail.duckdb")
    url = server.create("filled")
    target = PostgresEngine(url)
    target.migrate(migrate)
    started = time.perf_counter()
    moving.move(source, target, lambda *_: None)
    seconds = time.perf_counter() - started
    target.fill(lambda session: session.figures.settle(session))
    source.close()
    target.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    shutil.rmtree(folder / "data")
    assert row is not None
    return url, [("move into it", f"{clicks / seconds:,.0f} rows/s"), ("disk", f"{row[0] / clicks:.0f} bytes a click")]
