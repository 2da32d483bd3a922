"""`python -m bench` measures, prints a table, and writes docs/benchmarks.md on request (`--help` for its options)."""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.serving import free_port, serving

from bench import data, load, postgres, reports
from bench.questions import connect, measure_concurrent, measure_questions

SIZES = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
BODY = json.dumps(
    {
        "ip": "185.155.96.184",
        "uri": "https://my.stage.org/register?referral=1&utm_campaign=sport&utm_content=UEFA&utm_medium=banner"
        "&utm_source=youtube.com&utm_term=bitcoin",
        "locale": None,
        "referrer": "https://twitter.com",
        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/14.1.2 Safari/605.1.15",
    }
).encode()
ANSWER_BYTES = 820
Line = tuple[str, str]


@contextmanager
def raw_server() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ceiling", str(port), str(ANSWER_BYTES)], stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(1.5)
        yield port
    finally:
        process.kill()
        process.wait()


def measure_ingest(folder: Path) -> Iterator[Line]:
    with raw_server() as port:
        request = load.request_bytes("POST", "/clicks", "t", BODY)
        ceilings = {connections: load.run(port, request, connections) for connections in (1, 32, 256)}
    with serving(folder / "ingest") as server:
        port, token = int(server.url.rpartition(":")[2]), server.token()
        request = load.request_bytes("POST", "/clicks", token, BODY)
        for connections, ceiling in ceilings.items():
            got = load.run(port, request, connections)
            assert not got.failures, f"{got.failures} clicks were refused"
            yield (
                f"record, {connections} connections",
                f"{got.rate:,.0f}/s, p50 {got.p50_ms:.2f} ms, p99 {got.p99_ms:.1f} ms; "
                f"raw ASGI {ceiling.rate:,.0f}/s, ratio {got.rate / ceiling.rate:.2f}",
            )


def measure_pages_beside_ingest(folder: Path) -> Iterator[Line]:
    """Pages of a store of some hundred thousand clicks, alone, and while clicks come at half the rate that it takes."""
    with serving(folder / "beside") as server, ThreadPoolExecutor(1) as pool:
        port, token = int(server.url.rpartition(":")[2]), server.token()
        clicks = load.request_bytes("POST", "/clicks", token, BODY)
        half = load.run(port, clicks, 256, 12.0).rate / 2
        for name, path in (("newest page", "/clicks"), ("page by a filter", "/clicks?filter[utmSource]=youtube.com")):
            page = load.request_bytes("GET", path, token)
            alone = load.run(port, page, 4, rate=100)
            ingest = pool.submit(load.run, port, clicks, 256, 8.0, half)
            time.sleep(2)
            beside = load.run(port, page, 4, rate=100)
            assert not ingest.result().failures
            yield (
                f"{name}, beside {half:,.0f} clicks/s",
                f"p50 {beside.p50_ms:.2f} ms, p99 {beside.p99_ms:.1f} ms; alone {alone.p50_ms:.2f} and "
                f"{alone.p99_ms:.1f} ms",
            )


def measure_visits(folder: Path) -> Iterator[Line]:
    """Visits of one tracking link: recorded before the answer, and after it."""
    request = load.visit_bytes("/r/bench?utm_source=youtube.com")
    with raw_server() as port:
        ceilings = {connections: load.run(port, request, connections) for connections in (32, 256)}
    unlimited = {"visits_per_minute": "0", "link_visits_per_minute": "0"}
    for name, more in (("follow a link", {}), ("follow, redirect first", {"redirect_first": "true"})):
        with serving(folder / name.replace(" ", "-"), **unlimited, **more) as server:
            with server.client() as api:
                api.post("/links", json={"code": "bench", "uri": "https://my.stage.org/register?lang=en"})
            for connections, ceiling in ceilings.items():
                got = load.run(int(server.url.rpartition(":")[2]), request, connections)
                assert not got.failures, f"{got.failures} visits were refused"
                yield (
                    f"{name}, {connections} connections",
                    f"{got.rate:,.0f}/s, p50 {got.p50_ms:.2f} ms, p99 {got.p99_ms:.1f} ms; "
                    f"raw ASGI {ceiling.rate:,.0f}/s, ratio {got.rate / ceiling.rate:.2f}",
                )
            half = load.run(int(server.url.rpartition(":")[2]), request, 256, rate=got.rate / 2)
            yield (
                f"{name}, half of that",
                f"{half.rate:,.0f}/s, p50 {half.p50_ms:.2f} ms, p99 {half.p99_ms:.1f} ms",
            )


def measure_batches(folder: Path) -> Iterator[Line]:
    rows = [
        json.loads(BODY) | {"uri": f"https://my.stage.org/register?referral={n % 2000}&gclid={n:064x}"}
        for n in range(10_000)
    ]
    with serving(folder / "batches") as server:
        client, token, content = connect(server), server.token(), json.dumps(rows)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            client.request(
                "POST",
                "/clicks/batch",
                content,
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            assert client.getresponse().read()
            times.append(time.perf_counter() - started)
        yield "batch of 10,000", f"{len(rows) / statistics.median(times):,.0f} clicks/s"


def measure_size(folder: Path, clicks: int) -> Iterator[Line]:
    build_s = data.build(folder / "data", clicks)
    yield "bare engine fills itself", f"{clicks / build_s:,.0f} rows/s"
    store = folder / "data" / "clicktrail.duckdb"
    size = store.stat().st_size
    yield "disk", f"{size / clicks:.0f} bytes a click"
    started = time.perf_counter()
    with serving(folder / "data") as server, reports.raw_duckdb(store, folder / "copy.duckdb") as raw:
        yield "start until healthy", f"{time.perf_counter() - started:.2f} s"
        yield from measure_questions(server, clicks)
        yield from reports.measure(server, raw)
        yield from measure_concurrent(server)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        for key, name in (("VmRSS", "resident memory at the end"), ("VmHWM", "resident memory at most")):
            yield name, f"{int(status.partition(key + ':')[2].split()[0]) // 1024} MiB"


def measure_postgres(folder: Path, clicks: int) -> Iterator[Line]:
    with postgres.database() as database:
        yield from postgres.measure_ingest(database, folder, BODY)
        yield from postgres.measure_move(database, folder)
        url, lines = postgres.fill(database, clicks)
        yield from lines
        started = time.perf_counter()
        with serving(folder / "node", database=url, log="off") as server, reports.raw_postgres(url) as raw:
            yield "start until healthy", f"{time.perf_counter() - started:.2f} s"
            yield from measure_questions(server, clicks)
            yield from reports.measure(server, raw)
            yield from measure_concurrent(server)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--size", choices=SIZES, default="1m")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--database", choices=("duckdb", "postgres"), default="duckdb")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clicktrail-bench-"))
    lines: list[Line] = []
    try:
        clicks = SIZES[given.size]
        ingest = (measure_ingest, measure_pages_beside_ingest, measure_visits, measure_batches)
        parts = [*(part(folder) for part in ingest), measure_size(folder, clicks)]
        for part in parts if given.database == "duckdb" else [measure_postgres(folder, clicks)]:
            for line in part:
                lines.append(line)
                print(f"{line[0]:40} {line[1]}", flush=True)
    finally:
        shutil.rmtree(folder)
    if given.write:
        write(given.size if given.database == "duckdb" else f"postgres {given.size}", lines)


def write(size: str, lines: list[Line]) -> None:
    """Replaces the table of this size in docs/benchmarks.md."""
    path = Path(__file__).parent.parent / "docs" / "benchmarks.md"
    begin, end = f"<!-- {size} -->", f"<!-- end {size} -->"
    table = "\n".join(["| what | measured |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in lines)])
    text = path.read_text()
    before, _, rest = text.partition(begin)
    path.write_text(f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
