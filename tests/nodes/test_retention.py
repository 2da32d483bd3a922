"""Reports of a store that dropped old months: exact, or refused."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.times import MAX_AHEAD_S, SECOND
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.months import month_of, note_earlier_drops, shift, start_of
from clicktrail.store.exchange.move import move
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.dropped import find_raw_from
from clicktrail.store.session.sql import sql
from tests.serving import serving

MONTHS = 2
FIRST_KEPT = start_of(shift(month_of(int(time.time())), -MONTHS))
"""The first second of the oldest month that is kept."""
AHEAD_S = 200
NEAR, LATE, KEPT = FIRST_KEPT - 86_400, FIRST_KEPT - 100, FIRST_KEPT + 3_600
"""The seconds in which three clicks are stored; the `time` of LATE is in the month that is kept."""
RAW_FROM = FIRST_KEPT - 100 + AHEAD_S
SINCE = "from={}&to=2100-01-01"


@contextmanager
def node(folder: Path, url: str, **settings: str) -> Iterator[httpx.Client]:
    with serving(folder, database=url, attribution_window_days="400", **settings) as server, server.client() as client:
        yield client


def click_at(second: int, time_s: int) -> dict[str, str]:
    return {
        "clickId": f"{second:08x}{'0' * 16}",
        "uri": "https://shop.example/?referral=spring",
        "ip": "8.8.8.8",
        "time": text_of(time_s),
    }


def text_of(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def counted(client: httpx.Client, query: str) -> tuple[Any, Any]:
    """The clicks of a report, and its `rawFrom`."""
    answer = client.get(f"/reports?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["totals"].get("clicks"), answer.json()["meta"]["rawFrom"]


def refused(client: httpx.Client, query: str, path: str = "/reports") -> list[str]:
    """The parameters that a refusal names."""
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 409, answer.text
    assert f"{text_of(RAW_FROM)[:19]}.000001" in answer.json()["detail"]
    assert "rawFrom" in answer.json()["detail"]
    return [each["parameter"] for each in answer.json().get("errors", [])]


def test_reports_of_dropped_time_are_refused(tmp_path: Path, new_database: Callable[[], str]) -> None:
    url = new_database()
    with node(tmp_path / "all", url) as client:
        assert client.post("/links", json={"code": "spring"}).status_code == 201
        clicks = [click_at(NEAR, NEAR), click_at(LATE, RAW_FROM), click_at(KEPT, KEPT)]
        assert client.post("/clicks/batch", json=clicks).status_code == 201
        registration = {"clickId": clicks[0]["clickId"], "profile": {"firstName": "Ann"}}
        assert client.post("/registrations", json=registration).status_code == 201
        assert counted(client, "period=all") == (3, None)
    with node(tmp_path / "kept", url, retention_months=str(MONTHS)) as client:
        raw_from = f"{text_of(RAW_FROM)[:-1]}.000001+00:00"
        assert counted(client, "period=all") == (3, raw_from)  # daily totals keep whole days
        assert counted(client, SINCE.format(raw_from.replace("+", "%2B"))) == (1, raw_from)
        assert counted(client, "period=today") == (0, raw_from)
        assert counted(client, SINCE.format(text_of(FIRST_KEPT)[:10])) == (2, raw_from)
        raw = "metrics=clicks,visitors&"
        assert refused(client, f"{raw}period=all") == ["period"]
        assert refused(client, SINCE.format(text_of(FIRST_KEPT - 5).replace("+", "%2B"))) == ["from"]
        for path, more in (("/reports", ""), ("/reports/export", "&format=csv")):
            assert refused(client, raw + SINCE.format(text_of(FIRST_KEPT)[:10]) + more, path) == ["from"]
        assert refused(client, f"{raw}period=today&compare=year") == ["compare"]
        earlier = f"{raw}compare_from={text_of(NEAR)[:10]}&compare_to={text_of(KEPT)[:10]}"
        assert refused(client, f"period=today&{earlier}") == ["compare_from"]
        assert client.get(f"/reports?period=today&{earlier}&zone=Asia/Tokyo").json()["detail"].count("+09:00") == 1

        registered = "period=today&metrics=registered"
        rows = client.get(f"/reports?{registered}&group_by=link").json()["rows"]
        assert [(row["linkCode"], row["registered"]) for row in rows] == [("spring", 1)]
        assert refused(client, f"{registered}&group_by=countryCode") == []
        assert refused(client, f"{registered}&filter[countryCode]=US") == []

        again = [click_at(NEAR, NEAR), click_at(LATE, LATE)]  # history that comes back is not known to be whole
        assert client.post("/clicks/batch", json=again).status_code == 201
        assert refused(client, raw + SINCE.format(text_of(NEAR)[:10])) == ["from"]
        assert counted(client, "period=all") == (5, raw_from)  # they are new clicks


@pytest.fixture
def store(new_database: Callable[[], str]) -> Iterator[PostgresEngine]:
    engine = PostgresEngine(new_database(), retention_months=MONTHS)
    engine.migrate(migrate)
    yield engine
    engine.close()


def test_months_that_an_earlier_version_dropped_are_taken_for_lost(store: PostgresEngine) -> None:
    month = month_of(FIRST_KEPT)
    store.run(lambda session: note_earlier_drops(session, month), Kind.SCHEMA)
    assert store.run(find_raw_from) is None  # a new store has dropped nothing
    store.run(lambda session: session.rows(sql("INSERT INTO dropped_clicks VALUES (0, 0)")))
    assert store.run(find_raw_from) is None
    store.drop_months()
    assert store.run(find_raw_from) == (FIRST_KEPT + MAX_AHEAD_S) * SECOND
    store.run(lambda session: note_earlier_drops(session, shift(month, 1)), Kind.SCHEMA)
    assert store.run(find_raw_from) == (FIRST_KEPT + MAX_AHEAD_S) * SECOND


def test_the_store_of_an_earlier_version_is_marked_by_the_migration(new_database: Callable[[], str]) -> None:
    url = new_database()
    engine = PostgresEngine(url)
    engine.migrate(migrate)
    engine.close()
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE dropped_clicks")
        connection.execute("DELETE FROM migrations WHERE name LIKE '%dropped-clicks'")
        connection.execute(
            "INSERT INTO clicks (click_id, time, ip, uri, update_time, is_first) "
            "VALUES (lpad('', 24, '6'), 0, '408080808', 'https://x.example/', 0, TRUE)"
        )
    engine = PostgresEngine(url, retention_months=MONTHS)
    engine.migrate(migrate)
    assert engine.run(find_raw_from) == (FIRST_KEPT + MAX_AHEAD_S) * SECOND
    engine.close()


def figures_of(client: httpx.Client, path: str) -> tuple[int, int, int]:
    """Clicks, unique clicks and registrations."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found = answer.json() if "/metrics" in path else answer.json()[0]["metrics"]
    return found["clicks"], found["uniqueClicks"], found["registrations"]


def test_figures_of_links_and_partners_keep_dropped_clicks(tmp_path: Path, new_database: Callable[[], str]) -> None:
    url = new_database()
    with node(tmp_path / "all", url) as client:
        ann, bob = (client.post("/profiles", json={"firstName": name}).json()["profileId"] for name in ("Ann", "Bob"))
        link = client.post("/links", json={"code": "spring", "profileId": ann}).json()["linkId"]
        clicks = [click_at(NEAR, NEAR), click_at(NEAR + 1, NEAR + 1), {**click_at(LATE, LATE), "userAgent": "curl/8"}]
        assert client.post("/clicks/batch", json=[*clicks, click_at(KEPT, KEPT)]).status_code == 201
        registration = {"clickId": clicks[0]["clickId"], "profile": {"firstName": "Eve"}}
        assert client.post("/registrations", json=registration).status_code == 201
        client.patch(f"/links/{link}", json={"profileId": bob}).raise_for_status()
        assert client.post("/clicks/batch", json=[click_at(KEPT + 1, KEPT + 1)]).status_code == 201
        of_partner = "/profiles?filter[profileId]={}&query[metrics]=1"
        paths = (f"/links/{link}/metrics", "/links?query[metrics]=1", of_partner.format(ann), of_partner.format(bob))
        before = [figures_of(client, path) for path in paths]
        assert before == [(4, 2, 1), (4, 2, 1), (3, 2, 1), (1, 0, 0)]
        assert figures_of(client, f"/links/{link}/metrics?bots=1")[0] == 5
    with node(tmp_path / "kept", url, retention_months=str(MONTHS)) as client:
        assert [figures_of(client, path) for path in paths] == before
        answer = client.get(f"/links/{link}/metrics?bots=1")
        assert answer.status_code == 409
        assert "rawFrom" in answer.json()["detail"]
        assert len(client.get("/clicks").json()) == 2


def test_a_store_that_moves_takes_figures_of_dropped_clicks_along(tmp_path: Path, store: PostgresEngine) -> None:
    note = "INSERT INTO dropped_figures VALUES ('d1', 'a', NULL, 3, 2, 1, 4, 5), ('d2', 'a', 'p', 1, 1, 0, 3, 3)"
    store.run(lambda session: session.rows(sql(note)))
    target = DuckdbEngine(tmp_path / "store.duckdb")
    target.migrate(migrate)
    move(store, target, lambda _, __: None)
    target.fill(target.figures.settle)  # as the command does
    target.run(target.figures.read)
    assert target.run(lambda session: session.figures.find(session, ["a"])) == {"a": LinkMetrics(4, 3, 1, 3, 5)}
    target.close()


def test_a_store_that_moves_takes_along_since_when_it_is_whole(tmp_path: Path, store: PostgresEngine) -> None:
    store.run(lambda session: session.rows(sql("INSERT INTO dropped_clicks VALUES (86400000000, 1)")))
    target = DuckdbEngine(tmp_path / "store.duckdb")
    target.migrate(migrate)
    move(store, target, lambda _, __: None)
    assert target.run(find_raw_from) == 86_400_000_000
    target.close()
