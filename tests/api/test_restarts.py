"""What a server makes of its store and its buffer when it starts and stops."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import httpx
import psycopg
import pytest

from tests.asking import count_clicks, metric
from tests.conftest import NewStore
from tests.serving import Serving, serving
from tests.waiting import until, until_later_than

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}
DEADLINE_S = 30


def give_id(data: Path, store: Mapping[str, str], old: str, new: str) -> None:
    """Changes a click's id in the store, as earlier versions took it from a batch."""
    change = "UPDATE clicks SET click_id = {} WHERE click_id = {}"
    if not store:
        with duckdb.connect(str(data / "clicktrail.duckdb")) as embedded:
            embedded.execute(change.format("?", "?"), [new, old])
    else:
        with psycopg.connect(store["database"]) as connection:
            connection.execute(change.format("%s", "%s"), [new, old])


def test_an_id_with_a_date_to_come_does_not_spoil_later_ones(
    engine_kind: str, tmp_path: Path, new_store: NewStore
) -> None:
    store = new_store(engine_kind)
    with serving(tmp_path / "data", **store) as server, server.client() as api:
        spoilt, kept = (api.post("/clicks", json=CLICK).json()["clickId"] for _ in range(2))
        assert server.stop() == 0
    give_id(tmp_path / "data", store, spoilt, "f" * 24)
    with serving(tmp_path / "data", **store) as server, server.client() as api:
        until_later_than(kept)
        made = api.post("/clicks", json=CLICK).json()
        link = api.post("/links", json={}).json()
        for each in (made, link):
            assert datetime.fromisoformat(each["createTime"]) <= datetime.now(UTC)
        assert made["clickId"] > kept
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
        assert count_clicks(api) == statuses.count(201)


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
            assert metric(api, "clicktrail_buffer_clicks") == 2
            refused = api.post("/clicks", json=CLICK)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            slow.process.terminate()
            until(lambda: not is_listening(slow), "it takes nothing more", DEADLINE_S)
    assert slow.process.wait(DEADLINE_S) == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM clicks").fetchone() == (2,)


def is_listening(server: Serving) -> bool:
    try:
        httpx.get(f"{server.url}/health")
    except httpx.TransportError:
        return False
    return True
