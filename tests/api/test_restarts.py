"""What a server makes of its store and its buffer when it starts and stops."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import httpx
import psycopg
import pytest

from tests.serving import Serving, serving

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}
DEADLINE_S = 30


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def held(api: httpx.Client) -> float:
    """Clicks in the buffer, as /metrics says."""
    lines = api.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("clicktrail_buffer_clicks ")).split()[1])


def give_id(data: Path, database: str | None, old: str, new: str) -> None:
    """Changes a click's id in the store, as earlier versions took it from a batch."""
    change = "UPDATE clicks SET click_id = {} WHERE click_id = {}"
    if database is None:
        with duckdb.connect(str(data / "clicktrail.duckdb")) as embedded:
            embedded.execute(change.format("?", "?"), [new, old])
    else:
        with psycopg.connect(database) as connection:
            connection.execute(change.format("%s", "%s"), [new, old])


def test_an_id_with_a_date_to_come_does_not_spoil_later_ones(
    engine_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("new_database")() if engine_kind == "postgres" else None
    more = {} if database is None else {"database": database}
    with serving(tmp_path / "data", **more) as server, server.client() as api:
        spoilt, kept = (api.post("/clicks", json=CLICK).json()["clickId"] for _ in range(2))
        assert server.stop() == 0
    give_id(tmp_path / "data", database, spoilt, "f" * 24)
    with serving(tmp_path / "data", **more) as server, server.client() as api:
        made = api.post("/clicks", json=CLICK).json()
        assert made["createTime"] <= made["time"]
        assert made["clickId"] > kept
        assert api.post("/links", json={}).json()["createTime"][:4] == made["time"][:4]
        listed = [click["clickId"] for click in api.get("/clicks").json()]
        assert listed == ["f" * 24, made["clickId"], kept]
        assert api.get(f"/clicks/{'F' * 24}").status_code == 200


def test_a_full_buffer_refuses(tmp_path: Path) -> None:
    with serving(tmp_path / "data", buffer_clicks="1", buffer_wait_ms="0") as server, server.client() as api:

        def post(_: int) -> int:
            return api.post("/clicks", json=CLICK).status_code

        with ThreadPoolExecutor(24) as pool:
            statuses = list(pool.map(post, range(240)))
        assert set(statuses) == {201, 503}
        count = api.get("/clicks?limit=0", headers={"Prefer": "count=exact"}).headers["X-Total-Count"]
        assert int(count) == statuses.count(201)


@contextmanager
def standing_still(database: str) -> Iterator[None]:
    """A store that takes no clicks for as long as the block lasts."""
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE clicks IN SHARE MODE")
        yield


@pytest.fixture
def slow(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Serving]:
    """A server on a store that others can hold up."""
    settings = {"database": new_database(), "buffer_clicks": "2", "buffer_wait_ms": "50", "redirect_first": "true"}
    with serving(tmp_path / "data", **settings) as running:
        yield running


def test_what_was_accepted_is_stored_before_the_server_ends(slow: Serving) -> None:
    database = slow.settings["database"]
    with slow.client() as api:
        api.post("/links", json={"code": "spring", "uri": "https://x.example/"})
        with standing_still(database):
            for _ in range(2):
                assert httpx.get(f"{slow.url}/r/spring").status_code == 302
            assert held(api) == 2
            refused = api.post("/clicks", json=CLICK)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            slow.process.terminate()
            wait_for(lambda: not is_listening(slow))
    assert slow.process.wait(DEADLINE_S) == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM clicks").fetchone() == (2,)


def is_listening(server: Serving) -> bool:
    try:
        httpx.get(f"{server.url}/health")
    except httpx.TransportError:
        return False
    return True
