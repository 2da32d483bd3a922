"""GET /live on each engine: what arrives and for whom, its bounds, and how a stream ends."""

import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import NewStore
from tests.events import Event, following
from tests.ingest.test_agents import CHROME
from tests.people import make_person
from tests.serving import Serving, clients_of, serving, serving_nodes
from tests.waiting import until

MOST, EACH = 4, 2
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture(scope="module")
def live(engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    limits = {"live_streams": str(MOST), "live_streams_each": str(EACH)}
    with serving(tmp_path_factory.mktemp("live") / "data", **limits, **new_store(engine_kind)) as server:
        yield server


@pytest.fixture
def admin(live: Serving) -> Iterator[httpx.Client]:
    """A client with a token of its own: streams are limited for each."""
    with live.client() as client:
        yield client


def record(api: httpx.Client, uri: str = "https://x.example/", **more: Any) -> dict[str, Any]:
    answer = api.post("/clicks", json={"ip": "8.8.8.8", "uri": uri, "userAgent": CHROME, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def make_link(api: httpx.Client, code: str) -> str:
    """A partner with a link; returns the partner."""
    partner: str = api.post("/profiles", json={"firstName": code}).json()["profileId"]
    assert api.post("/links", json={"code": code, "profileId": partner}).status_code == 201
    return partner


def test_a_click_arrives_as_it_is_shown(admin: httpx.Client) -> None:
    with following(admin, "?query[visitor]=1", {"Accept-Language": "de", "Accept-Encoding": "gzip"}) as events:
        assert events.answer.headers["content-type"] == "text/event-stream"
        assert events.answer.headers["x-accel-buffering"] == "no"
        assert events.answer.headers["cache-control"] == "no-store"
        assert "content-encoding" not in events.answer.headers
        sent = [record(admin), record(admin, userAgent=ROBOT)]
        found = events.clicks(2)
    for click, own in zip(found, sent, strict=True):
        path = f"/clicks/{own['clickId']}?query[visitor]=1"
        assert click == admin.get(path, headers={"Accept-Language": "de"}).json()
    assert found[0]["countryName"] == "Vereinigte Staaten"
    assert [click["visitor"]["isBot"] for click in found] == [False, True]


def test_batches_arrive_and_imports_do_not(admin: httpx.Client) -> None:
    rows = [{"ip": "8.8.8.8", "uri": f"https://x.example/{number}"} for number in range(250)]
    old = {**rows[0], "clickId": "6006dda272f002519c3eb505", "uuid": "an-import"}
    with following(admin) as events:
        answer = admin.post("/imports", json=[old])
        assert answer.status_code == 200, answer.text
        assert admin.get(f"/clicks/{old['clickId']}").status_code == 200
        sent = admin.post("/clicks/batch", json=rows).json()["clickIds"]
        assert [click["clickId"] for click in events.clicks(250)] == sent


def test_a_partner_sees_the_clicks_of_its_links_alone(live: Serving, admin: httpx.Client, mark: str) -> None:
    own, other = make_link(admin, f"{mark}a"), make_link(admin, f"{mark}b")
    with ExitStack() as stack:
        streams = [
            stack.enter_context(following(stack.enter_context(live.client("partner", each)))) for each in (own, other)
        ]
        codes = ["b", "a", "", "b", "a"]
        sent = [record(admin, f"https://x.example/?referral={mark}{code}")["clickId"] for code in codes]
        for stream, code in zip(streams, "ab", strict=True):
            wanted = [click_id for click_id, its in zip(sent, codes, strict=True) if its == code]
            assert [click["clickId"] for click in stream.clicks(2)] == wanted
    with live.client("partner", own) as partner:
        resumed = {"Last-Event-ID": sent[1]}
        with following(partner, headers=resumed) as events:
            assert events.clicks(1)[0]["clickId"] == sent[4]
        with following(partner, headers={"Last-Event-ID": sent[3]}) as events:  # another partner's click is unknown
            assert events.next() == Event("missed", {"count": None})


def test_who_comes_back_gets_what_came_meanwhile(admin: httpx.Client) -> None:
    with following(admin) as events:
        first = record(admin)["clickId"]
        assert events.clicks(1)[0]["clickId"] == first
    until(lambda: admin.get("/live?seconds=1").status_code == 200, "the first stream has ended")
    kept, gone = record(admin)["clickId"], record(admin)["clickId"]
    assert admin.delete(f"/clicks/{gone}").status_code == 204
    with following(admin, headers={"Last-Event-ID": first}) as events:
        assert events.clicks(1)[0]["clickId"] == kept
        last = record(admin)["clickId"]
        assert events.clicks(1)[0]["clickId"] == last
    with following(admin, headers={"Last-Event-ID": "0" * 24}) as events:
        assert events.next() == Event("missed", {"count": None})


def test_streams_are_limited_and_places_free_at_once(live: Serving) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(live.client()) for _ in range(3)]
        for number in (0, 0, 1, 1):
            stack.enter_context(following(clients[number]))
        refused = [client.get("/live") for client in clients]
        assert [answer.status_code for answer in refused] == [429, 429, 503]
        assert "live streams" in refused[0].json()["detail"]
        assert all(answer.headers["Retry-After"].isdigit() for answer in refused)
        assert clients[0].head("/live").status_code == 200
    with live.client() as client, ExitStack() as stack:
        until(lambda: client.get("/live?seconds=1").status_code == 200, "a place is free", 10)
        for _ in range(EACH):
            stack.enter_context(following(client))
        assert client.get("/live").status_code == 429


def test_partners_leave_half_of_the_streams_to_others(live: Serving, admin: httpx.Client, mark: str) -> None:
    partners = [make_link(admin, f"{mark}{number}") for number in range(3)]
    with ExitStack() as stack:
        clients = [stack.enter_context(live.client("partner", each)) for each in partners]
        for client in clients[:2]:
            stack.enter_context(following(client))
        refused = clients[2].get("/live")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json()["detail"] == f"Partners already have {MOST // 2} live streams running, their maximum."
        reader = stack.enter_context(live.client("read"))
        for client in (admin, reader):
            stack.enter_context(following(client))


def test_a_stream_ends_with_its_token(live: Serving, admin: httpx.Client) -> None:
    token, token_id = live.sign("read")
    with following(admin, headers={"Authorization": f"Bearer {token}"}) as events:
        assert admin.post("/tokens/revocations", json={"tokenId": token_id}).status_code in (200, 201, 204)
        assert events.next() is None
    expiring, _ = live.sign("read", lifetime_s=5)
    with following(admin, headers={"Authorization": f"Bearer {expiring}"}) as events:
        assert events.next() is None


def test_a_stream_ends_with_its_session(live: Serving, admin: httpx.Client, mark: str) -> None:
    person = make_person(live, admin, mark, "read")
    headers = {"Cookie": person.plain_cookie}
    with httpx.Client(base_url=live.url) as browser, following(browser, headers=headers) as events:
        sent = record(admin)["clickId"]
        assert events.clicks(1)[0]["clickId"] == sent
        assert admin.delete(f"/users/{person.user_id}/sessions").status_code == 204
        assert events.next() is None


def test_a_slow_reader_is_told_what_it_lost_and_costs_no_memory(live: Serving, admin: httpx.Client) -> None:
    rows = [{"ip": "8.8.8.8", "uri": f"https://x.example/{number}?{'x' * 7_000}"} for number in range(2_000)]
    request = f"GET /live HTTP/1.1\r\nHost: x\r\nAuthorization: {admin.headers['Authorization']}\r\n\r\n"
    admin.post("/clicks/batch", json=rows)  # the store takes the memory that it works with
    before = resident_mb(live)
    with socket.create_connection(("127.0.0.1", int(live.url.rpartition(":")[2]))) as slow:
        slow.sendall(request.encode())
        slow.settimeout(20)
        assert slow.recv(12) == b"HTTP/1.1 200"
        sent = [click_id for _ in range(3) for click_id in admin.post("/clicks/batch", json=rows).json()["clickIds"]]
        text, deadline = bytearray(), time.monotonic() + 60
        slow.settimeout(1)
        while sum(found := count_events(text)) < len(sent) and time.monotonic() < deadline:
            with suppress(TimeoutError):
                while time.monotonic() < deadline and (piece := slow.recv(1_000_000)):
                    text += piece
    assert found[1] > 0
    assert sum(found) == len(sent)
    assert resident_mb(live) - before < 200


def test_a_caller_who_never_reads_is_left_and_frees_its_place_and_memory(
    engine_kind: str, tmp_path: Path, new_store: NewStore
) -> None:
    rows = [{"ip": "8.8.8.8", "uri": f"https://x.example/{number}?{'x' * 7_000}"} for number in range(100)]
    limits = {"idle_s": "3", "live_streams": "2", "live_streams_each": "1"}
    with (
        serving(tmp_path / "data", **limits, **new_store(engine_kind)) as server,
        server.client() as other,
        server.client() as stuck,
        following(other) as events,
        socket.socket() as silent,
    ):
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        silent.sendall(
            f"GET /live HTTP/1.1\r\nHost: x\r\nAuthorization: {stuck.headers['Authorization']}\r\n\r\n".encode()
        )
        silent.settimeout(60)
        assert silent.recv(12) == b"HTTP/1.1 200"  # else another request could take its place
        before, deadline = resident_mb(server), time.monotonic() + 60
        while stuck.get("/live?seconds=1").status_code == 429:
            assert time.monotonic() < deadline
            sent = other.post("/clicks/batch", json=rows).json()["clickIds"]
            assert [click["clickId"] for click in events.clicks(100)] == sent
        assert resident_mb(server) - before < 150
        ended = [line for line in server.log_lines() if line.get("event") == "answer broken off"]
        assert [line["reason"] for line in ended] == ["the caller stopped reading"]


def count_events(text: bytearray) -> tuple[int, int]:
    """How many clicks a stream brought, and how many it says were left out."""
    return text.count(b"event: click"), sum(map(int, re.findall(rb'event: missed\ndata: {"count":([0-9]+)}', text)))


def resident_mb(server: Serving) -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


@pytest.mark.engines("postgres")
def test_clicks_of_other_nodes_arrive_once(tmp_path: Path, new_store: NewStore) -> None:
    store = new_store("postgres")
    with serving_nodes(tmp_path, store["database"], 2) as nodes, clients_of(nodes, 30) as (first, second):
        before = [record(first)["clickId"], record(second)["clickId"]]
        with following(first) as events:
            sent = {record(node)["clickId"] for node in (first, second, first, second) for _ in range(5)}
            found = [click["clickId"] for click in events.clicks(20)]
            last = record(first)["clickId"]
            assert events.clicks(1)[0]["clickId"] == last
            for _ in range(2):  # each is found by a further look at the store, which brings nothing twice
                foreign = record(second)["clickId"]
                assert events.clicks(1)[0]["clickId"] == foreign
        assert len(found) == 20
        assert set(found) == sent
        assert not set(before) & set(found)


def test_sigterm_ends_streams_at_once(engine_kind: str, tmp_path: Path, new_store: NewStore) -> None:
    with (
        serving(tmp_path / "data", stop_s="20", **new_store(engine_kind)) as server,
        server.client() as api,
        following(api) as events,
    ):
        sent = record(api)["clickId"]
        assert events.clicks(1)[0]["clickId"] == sent
        server.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert events.next() is None
        assert server.process.wait(15) == 0
        assert time.monotonic() - started < 8
    assert not [line for line in server.log_lines() if line.get("event") == "answer broken off"]
