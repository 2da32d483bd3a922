"""Exports that nobody reads: they cost little, end by themselves, and are in nobody's way."""

import contextlib
import re
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.sql import sql
from tests.conftest import NewStore, engine_of
from tests.serving import Serving, serving
from tests.waiting import until

MOST, EACH, IDLE_S, STOP_S = 3, 2, 4, 1
CLICKS, URI_BYTES = 90_000, 640
URL = "/clicks/export?format=csv"
REPORT = "/reports/export?format=ndjson&period=all&group_by=parameter[n]&metrics=allClicks,bots,clicks,registrations"


@pytest.fixture(scope="module")
def slow(engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    """A server with 90 MB of clicks."""
    folder = tmp_path_factory.mktemp("slow") / "data"
    store = new_store(engine_kind)
    limits = {"exports": str(MOST), "exports_each": str(EACH), "idle_s": str(IDLE_S), "stop_s": str(STOP_S)}
    fill(folder, store)
    with serving(folder, **limits, **store) as server:
        yield server


def fill(folder: Path, store: Mapping[str, str]) -> None:
    """A new store with more clicks than could come over HTTP in a moment."""
    engine = engine_of(folder, store)
    numbers = f"generate_series(1, {CLICKS}) AS n(i)"
    uri = f"'https://x.example/?n=' || i || '&x=' || repeat(md5(i::TEXT), {URI_BYTES // 32})"
    engine.migrate(migrate)
    engine.run(
        lambda session: session.rows(
            sql(
                "INSERT INTO clicks (click_id, time, ip, uri, update_time) "
                f"SELECT '6553f100' || lpad(i::TEXT, 16, '0'), i, '401020304', {uri}, i FROM {numbers}"
            )
        )
    )
    engine.close()


@pytest.fixture(scope="module")
def clients(slow: Serving) -> Iterator[list[httpx.Client]]:
    """Three, each with a token of its own."""
    with ExitStack() as stack:
        yield [stack.enter_context(slow.client()) for _ in range(3)]


@contextmanager
def unread(client: httpx.Client, url: str = URL) -> Iterator[socket.socket]:
    """An export whose client has read the headers, and reads no more."""
    with asked(client, url) as connection:
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield connection


@contextmanager
def asked(client: httpx.Client, url: str) -> Iterator[socket.socket]:
    """An export that is asked for."""
    with socket.create_connection(("127.0.0.1", client.base_url.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        connection.sendall(
            f"GET {url} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['Authorization']}\r\n\r\n".encode()
        )
        connection.settimeout(60)
        yield connection


def resident_mb(server: Serving) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


def is_served(client: httpx.Client) -> bool:
    return client.get(f"{URL}&limit=1").status_code == 200


def test_slots_are_for_all_and_free_at_once(clients: list[httpx.Client], engine_kind: str) -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(unread(clients[number])) for number in (0, 0, 1)]
        refused = [client.get(URL) for client in clients]
        assert [answer.status_code for answer in refused] == [429, 503, 503]
        assert all(answer.headers["Retry-After"].isdigit() for answer in refused)
        assert clients[0].head(URL).status_code == 200
        assert clients[0].get("/health").status_code == 200
        assert len(clients[0].get("/clicks?limit=1&filter[uri]=n=77").json()) == 1
        assert clients[0].post("/clicks/batch", json=[{"ip": "::1", "uri": "https://x.example"}]).status_code == 201
        if engine_kind == "duckdb":
            assert clients[0].get("/backup").content[8:12] == b"DUCK"
        for connection in opened:
            connection.close()
        until(lambda: all(map(is_served, clients)), "all are served", 3)


def test_memory_does_not_grow_with_what_is_unread(slow: Serving, clients: list[httpx.Client]) -> None:
    size_mb = len(clients[0].get(URL).content) // 1_000_000
    assert size_mb >= 70
    before = most = resident_mb(slow)
    with unread(clients[0]), unread(clients[0]):
        end = time.monotonic() + 1
        while time.monotonic() < end:
            most = max(most, resident_mb(slow))
            time.sleep(0.05)
    assert most - before < 0.75 * 2 * size_mb, (before, most, size_mb)
    until(lambda: is_served(clients[0]), "a slot is free", 3)


def test_a_client_that_reads_nothing_is_left(clients: list[httpx.Client]) -> None:
    with unread(clients[0]), unread(clients[0]) as idle:
        assert clients[0].get(URL).status_code == 429
        until(lambda: is_served(clients[0]), "a slot is free", IDLE_S + 5)
        last, size = b"", 0
        with contextlib.suppress(ConnectionResetError):
            while piece := idle.recv(65_536):
                last, size = (last + piece)[-5:], size + len(piece)
        assert last != b"0\r\n\r\n"  # a part is not taken for the whole
        assert size < CLICKS * URI_BYTES


def is_served_reports(client: httpx.Client) -> bool:
    return client.get("/reports/export?format=csv").status_code == 200


def test_a_report_holds_its_slot_until_it_is_read_or_left(clients: list[httpx.Client]) -> None:
    whole = clients[0].get(REPORT).content
    assert whole.count(b"\n") in (CLICKS, CLICKS + 1)  # another test adds one
    with asked(clients[0], REPORT) as other, asked(clients[0], REPORT) as idle:
        assert {each.recv(12) for each in (other, idle)} == {b"HTTP/1.1 200"}
        assert clients[0].get(REPORT).status_code == clients[0].get(URL).status_code == 429
        assert is_served_reports(clients[1])
        until(lambda: is_served_reports(clients[0]), "a slot is free", IDLE_S + 15)
        size = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := idle.recv(65_536):
                size += len(piece)
        assert size < len(whole)
    with asked(clients[0], REPORT), asked(clients[0], REPORT):
        pass
    until(lambda: is_served_reports(clients[0]), "a slot is free", 15)


TWICE = "group_by=time,parameter[x],parameter[X]&from=1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "path",
    [
        *(f"/reports/export?format={kind}&period=all&group_by=parameter[x]" for kind in ("csv", "ndjson", "parquet")),
        f"/reports?{TWICE}&to=1970-01-01T00:00:00.009Z&grain=day",  # 9,000 rows
        f"/reports?{TWICE}&to=1970-01-01T08:00:00Z&grain=hour&filter[uri]=n=77",  # 1,111 rows in each of 8 hours
    ],
)
def test_a_report_with_too_much_text_is_refused_before_it_is_read(
    slow: Serving, clients: list[httpx.Client], path: str
) -> None:
    before = resident_mb(slow)
    answer = clients[0].get(path)
    assert answer.status_code == 400, answer.text[:500]
    [error] = answer.json()["errors"]
    assert error["parameter"] == "group_by"
    assert "group by less, or narrow" in error["detail"]
    if slow.settings.get("database"):  # the embedded store counts in this process
        assert resident_mb(slow) - before < CLICKS * URI_BYTES / 1e6
    narrow = path.replace("&filter[uri]=n=77", "") + "&filter[uri]=n=777"
    assert clients[0].get(narrow).status_code == 200


@pytest.mark.engines("postgres")  # nobody ends a statement of the embedded store from outside
def test_a_file_that_breaks_off_is_not_taken_for_the_whole(slow: Serving, clients: list[httpx.Client]) -> None:
    url = slow.settings["database"]
    with clients[0].stream("GET", URL) as answer, psycopg.connect(url, autocommit=True) as database:
        assert answer.status_code == 200
        found = "FROM pg_stat_activity WHERE query LIKE 'COPY (%' AND datname = current_database()"
        assert database.execute(f"SELECT pg_terminate_backend(pid) {found}").fetchall() == [(True,)]
        with pytest.raises(httpx.TransportError):
            answer.read()
    until(lambda: is_served(clients[0]), "a slot is free", 3)


def test_sigterm_ends_the_process(slow: Serving, clients: list[httpx.Client]) -> None:
    with unread(clients[0]), unread(clients[0]):
        slow.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert slow.process.wait(STOP_S + 10) == 0
        assert time.monotonic() - started >= STOP_S * 0.9  # open requests had their time
