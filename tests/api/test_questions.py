"""No question, and no number of them, takes the server from those who ask something else."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from clicktrail.model.addresses import parse_ip
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import NewStore, engine_of
from tests.serving import Serving, serving
from tests.waiting import until

ROWS = 20_000
LIMIT_S = 3
MEMORY_MB = 256
PARTS = [f"{'Ab z' * 90}{number}" for number in range(20)]
"""As many texts as one question may look for, each like the stored ones but for its end."""
WORST = (
    "&".join(f"filter[userAgent]={part}" for part in PARTS),
    f"sort_by=userAgent&sort_order=asc&limit=1000&offset={ROWS - 1000}",
    "sort_by=referrer&limit=1000&" + "&".join(f"filter[uri][contains]=/path{part[:40]}{part[-2:]}" for part in PARTS),
    "query[contacts]=1&query[link]=1&query[metrics]=1&query[profile]=1&sort_by=uri&limit=1000",
)


def fill(session: Session) -> None:
    """Clicks with long texts, no two alike, made by the engine itself."""
    is_duckdb = session.dialect.name == "duckdb"
    series = f"range({ROWS}) g(i)" if is_duckdb else f"generate_series(0, {ROWS - 1}) g(i)"
    digits = "printf('%016x', i)" if is_duckdb else "lpad(to_hex(i), 16, '0')"
    session.rows(
        sql(f"""INSERT INTO clicks (click_id, time, referrer, ip, uri, user_agent, update_time)
        SELECT '60000000' || {digits}, 1610612736000000 + i, 'https://From.example/' || md5('r' || CAST(i AS TEXT)),
            '{parse_ip("1.2.3.4")}', 'https://Shop.example/' || md5(CAST(i AS TEXT)) || repeat('/path', 20),
            'Mozilla/5.0 ' || md5('u' || CAST(i AS TEXT)) || repeat('Ab z', 75 + CAST(i % 150 AS INTEGER)), 0
        FROM {series}""")
    )


@pytest.fixture(scope="module")
def crowded(engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    data = tmp_path_factory.mktemp("crowded") / "data"
    data.mkdir()
    store = new_store(engine_kind)
    engine = engine_of(data, store)
    engine.migrate(migrate)
    engine.run(fill)
    engine.close()
    with serving(data, statement_timeout_s=str(LIMIT_S), memory_mb=str(MEMORY_MB), log="json", **store) as running:
        yield running


@pytest.fixture
def asker(crowded: Serving) -> Iterator[httpx.Client]:
    with crowded.client("read") as client:
        yield client


class Peak:
    """The most memory that a process has while this lasts, beyond what it had before."""

    def __init__(self, pid: int) -> None:
        self._statm = Path(f"/proc/{pid}/statm")
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.growth_mb = 0.0

    def __enter__(self) -> "Peak":
        self._before = self._resident()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _resident(self) -> int:
        return int(self._statm.read_text().split()[1]) * resource.getpagesize()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            self.growth_mb = max(self.growth_mb, (self._resident() - self._before) / 1e6)


def timed(ask: Callable[[], httpx.Response]) -> float:
    begun = time.monotonic()
    assert ask().status_code == 200
    return time.monotonic() - begun


def test_the_worst_questions_of_one_token_leave_the_server_to_the_others(crowded: Serving, asker: httpx.Client) -> None:
    with (
        crowded.client("read") as other,
        Peak(crowded.process.pid) as peak,
        ThreadPoolExecutor(32) as pool,
    ):
        hostile = [
            pool.submit(asker.get, f"/clicks?{WORST[number % len(WORST)]}", headers={"Prefer": "count=exact"})
            for number in range(32)
        ]
        health, small = [], []
        while not all(asked.done() for asked in hostile):
            health.append(timed(lambda: other.get("/health")))
            small.append(timed(lambda: other.get("/links?limit=1")))
    statuses = sorted({asked.result().status_code for asked in hostile})
    assert set(statuses) <= {200, 429, 503}
    assert all("retry-after" in asked.result().headers for asked in hostile if asked.result().status_code != 200)
    assert peak.growth_mb < MEMORY_MB + 500
    assert max(health) < 2
    assert max(small) < 4


def test_filters_are_bounded_by_number_and_length(api: httpx.Client) -> None:
    many = "&".join(f"filter[userAgent]=x{number}" for number in range(499))
    refused = {
        many: "at most 20",
        "&".join(
            f"filter[{name}][starts]=x{n}" for n in range(7) for name in ("uri", "referrer", "uuid")
        ): "at most 20",
        "&".join(f"filter[uri]={letter * 5000}" for letter in "ab"): "at most 8192 characters",
        "&".join(
            f"filter[{name}][in]=" + ",".join("x" * 900) for name in ("uuid", "utmTerm", "device")
        ): "at most 2000",
    }
    for path in ("/clicks", "/clicks/export"):
        for query, words in refused.items():
            answer = api.get(f"{path}?{query}")
            assert answer.status_code == 400
            assert words in answer.json()["errors"][0]["detail"]
    assert api.get("/clicks?" + "&".join(f"filter[userAgent]=x{number}" for number in range(20))).status_code == 200
    assert api.get("/clicks?" + "&".join(f"filter[countryName]=x{number}" for number in range(40))).status_code == 200


def test_a_question_ends_when_its_client_leaves(crowded: Serving, asker: httpx.Client) -> None:
    headers = f"Host: x\r\nPrefer: count=exact\r\nAuthorization: {asker.headers['authorization']}\r\n"
    request = f"GET /clicks?{quote(WORST[0], safe='&=')} HTTP/1.1\r\n{headers}\r\n"
    clients = [socket.create_connection(("127.0.0.1", int(crowded.url.rpartition(":")[2]))) for _ in range(12)]
    known = len(left(crowded))
    for client in clients:
        client.sendall(request.encode())
    time.sleep(0.15)  # longer than a question runs unwatched
    for client in clients:
        client.close()
    begun = time.monotonic()
    assert asker.get("/links?limit=1").status_code == 200
    assert time.monotonic() - begun < 2
    until(lambda: len(left(crowded)) >= known + 8, "those that waited have left, whatever became of those that ran")


def left(server: Serving) -> list[object]:
    return [line for line in server.log_lines() if line.get("status") == 499]
