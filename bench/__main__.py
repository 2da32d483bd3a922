"""`python -m bench` measures, prints a table, and writes docs/benchmarks.md on request (`--help` for its options)."""

import argparse
import http.client
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
from urllib.parse import quote

from tests.serving import Serving, free_port, serving

from bench import data, load, postgres
from clicktrail.query.fields import CLICK

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
REPEATS = 9
SLOW_MS = 3_000
"""What takes longer is asked once."""
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


def connect(server: Serving) -> http.client.HTTPConnection:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return http.client.HTTPConnection(host, int(port), timeout=120)


class Asker:
    """Asks a server the same thing several times and remembers the middle."""

    def __init__(self, server: Serving) -> None:
        self.client, self.headers = connect(server), {"Authorization": f"Bearer {server.token()}"}

    def get(self, path: str, **headers: str) -> tuple[bytes, http.client.HTTPResponse]:
        self.client.request("GET", path, headers=self.headers | headers)
        answer = self.client.getresponse()
        content = answer.read()
        if answer.status == 503:
            raise TimeoutError
        assert answer.status == 200, content
        return content, answer

    def time(self, path: str, **headers: str) -> str:
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            try:
                self.get(path, **headers)
            except TimeoutError:
                return f"503 after {time.perf_counter() - started:.0f} s"
            times.append((time.perf_counter() - started) * 1000)
            if times[-1] > SLOW_MS:
                break
        return f"{statistics.median(times):.2f} ms, worst {max(times):.1f} ms"


def filter_values(asker: Asker, clicks: int) -> dict[str, str]:
    """A value for every filter, taken from a click in the middle."""
    path = f"/clicks?limit=1&offset={clicks // 16}&filter[uuid][null]=0&filter[visitorId][null]=0&query[visitor]=1"
    middle = json.loads(asker.get(path)[0])[0]
    middle |= middle["visitor"]
    special = {
        "isBot": "1",
        "botRule": "Googlebot\\/",
        "isDataCentre": "1",
        "isPrefetch": "1",
        "duplicateOf": middle["clickId"],
        "clickStartTime": middle["time"],
        "clickEndTime": middle["time"],
        "registration": "1",
        "profileName": "Partner 7",
        "profileContacts": "client00000@",
        "profileCountryName": "United",
        "tag": "tag7",
        "bannerId": "0" * 24,
        "uri": "matches-nothing",
        "utmTerm": "nothing",
        "userAgent": "Version/4999 ",
    }
    names = (field.name for field in CLICK.fields if field.filterable)
    return {name: quote(special.get(name) or middle[name]) for name in names}


def measure_questions(server: Serving, clicks: int) -> Iterator[Line]:
    asker = Asker(server)
    asker.get(f"/links/{0:024x}/metrics")  # the figures of links have been read
    yield "newest page", asker.time("/clicks")
    deep = json.loads(asker.get(f"/clicks?limit=1&offset={clicks // 2}")[0])[0]
    yield "get by id, in the middle", asker.time(f"/clicks/{deep['clickId']}")
    yield "page behind a cursor, in the middle", asker.time(cursor_path(asker, clicks))
    yield "exact count", asker.time("/clicks?limit=1", Prefer="count=exact")
    yield "page of 100 with metrics", asker.time("/clicks?limit=100&query[metrics]=1")
    everything = "query[link]=1&query[profile]=1&query[contacts]=1&query[metrics]=1"
    yield "page of 1,000 with everything", asker.time(f"/clicks?limit=1000&{everything}")
    for name, value in filter_values(asker, clicks).items():
        yield f"filter {name}", asker.time(f"/clicks?filter[{name}]={value}")
    for name in CLICK.sorts:
        for order in ("asc", "desc"):
            yield f"sort {name} {order}", asker.time(f"/clicks?sort_by={name}&sort_order={order}")
    for name in ("uri", "userAgent", "tag", "ip"):
        yield f"one campaign, sort {name}", asker.time(f"/clicks?filter[utmCampaign]=campaign7&sort_by={name}")
    started = time.perf_counter()
    content, _ = asker.get("/clicks/export?format=csv&filter[utmCampaign]=campaign1")
    rows = content.count(b"\n")
    yield "CSV export of one campaign", f"{rows / (time.perf_counter() - started):,.0f} rows/s ({rows:,} rows)"


def cursor_path(asker: Asker, clicks: int) -> str:
    _, answer = asker.get(f"/clicks?limit=10&offset={clicks // 2}")
    url = answer.headers["Link"].partition("<")[2].partition(">")[0]
    return "/clicks" + url.partition("/clicks")[2]


def measure_concurrent(server: Serving) -> Iterator[Line]:
    port, token = int(server.url.rpartition(":")[2]), server.token()
    asker = Asker(server)
    old = json.loads(asker.get("/clicks?limit=1&sort_order=asc")[0])[0]["clickId"]
    for name, path in (("newest pages", "/clicks"), ("gets of an old click", f"/clicks/{old}")):
        got = load.run(port, load.request_bytes("GET", path, token), 32)
        yield f"{name}, 32 connections", f"{got.rate:,.0f}/s, p50 {got.p50_ms:.2f} ms, p99 {got.p99_ms:.1f} ms"


def measure_size(folder: Path, clicks: int) -> Iterator[Line]:
    build_s = data.build(folder / "data", clicks)
    yield "bare engine fills itself", f"{clicks / build_s:,.0f} rows/s"
    size = (folder / "data" / "clicktrail.duckdb").stat().st_size
    yield "disk", f"{size / clicks:.0f} bytes a click"
    started = time.perf_counter()
    with serving(folder / "data") as server:
        yield "start until healthy", f"{time.perf_counter() - started:.2f} s"
        yield from measure_questions(server, clicks)
        yield from measure_concurrent(server)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        for key, name in (("VmRSS", "resident memory at the end"), ("VmHWM", "resident memory at most")):
            yield name, f"{int(status.partition(key + ':')[2].split()[0]) // 1024} MiB"


def measure_postgres(folder: Path, clicks: int) -> Iterator[Line]:
    with postgres.database() as database:
        yield from postgres.measure_ingest(database, folder, BODY)
        url, lines = postgres.fill(database, folder, clicks)
        yield from lines
        started = time.perf_counter()
        with serving(folder / "node", database=url, log="off") as server:
            yield "start until healthy", f"{time.perf_counter() - started:.2f} s"
            yield from measure_questions(server, clicks)
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
