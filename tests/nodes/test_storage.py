"""How clicks lie on PostgreSQL: months that come and go, and a store that moves house."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from clicktrail.keyring import KeyFile
from clicktrail.model.access import SYSTEM
from clicktrail.model.addresses import parse_ip
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.model.times import SECOND
from clicktrail.model.visitors import visit_key
from clicktrail.query.fields import LINK
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.doubt import Doubt, was_committed
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.months import (
    add_months,
    drop_months,
    due_months,
    first_id,
    list_months,
    month_of,
    shift,
)
from clicktrail.store.migrations.shared import all_migrations, migrate
from clicktrail.store.objects.catalogue import create_item
from clicktrail.store.reads.metrics import link_metrics
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import DERIVED
from clicktrail.store.session.sql import sql
from tests.serving import run, serving

SHARED_TABLES = "SELECT table_name, column_name, is_nullable FROM information_schema.columns WHERE table_schema = "

SPACES = (None, "site/1")


@pytest.fixture
def store(new_database: Callable[[], str]) -> Iterator[PostgresEngine]:
    engine = PostgresEngine(new_database())
    engine.migrate(migrate)
    yield engine
    engine.close()


def click_of(second: int, number: int = 0, **fields: object) -> Click:
    values: dict[str, object] = dict.fromkeys(Click.__struct_fields__)
    values |= {"click_id": f"{second:08x}{number:016x}", "time": second, "ip": parse_ip("8.8.8.8"), "update_time": 0}
    return Click(**(values | {"uri": "https://x.example/"} | fields))  # type: ignore[arg-type]


def partition_of(store: PostgresEngine, click: Click) -> str:
    rows = store.run(
        lambda s: s.rows(sql("SELECT tableoid::regclass::text FROM clicks WHERE click_id = {}", click.click_id))
    )
    name: str = rows[0][0]
    return name


def test_old_clicks_get_a_month_of_their_own_and_broken_ids_none(store: PostgresEngine) -> None:
    old, broken, future = click_of(1_600_000_000), click_of(5), click_of(2**32 - 1)
    store.run(lambda session: insert_clicks(session, [old, broken, future]))
    assert partition_of(store, old) == "clicks_2020_09"
    assert partition_of(store, broken) == partition_of(store, future) == "clicks_default"


def test_the_months_that_are_due_follow_the_clock() -> None:
    new_year = 1_767_225_600  # 2026-01-01T00:00:00Z
    assert due_months(new_year + 1800) == [(2025, 12), (2026, 1), (2026, 2), (2026, 3)]
    assert due_months(new_year + 7200) == [(2026, 1), (2026, 2), (2026, 3)]


def test_a_new_month_takes_over_what_came_before_it(store: PostgresEngine) -> None:
    ahead = shift(month_of(int(time.time())), 7)
    click = click_of(int(first_id(ahead)[:8], 16) + 5)
    store.run(lambda session: insert_clicks(session, [click]))
    assert partition_of(store, click) == "clicks_default"
    store.run(lambda session: add_months(session, [ahead]), Kind.SCHEMA)
    assert partition_of(store, click) == f"clicks_{ahead[0]}_{ahead[1]:02}"


def test_retention_drops_whole_months_and_keeps_the_figures(store: PostgresEngine) -> None:
    ids = IdGenerator()
    link_id = store.run(lambda session: create_item(session, ids, LINK, {}))[0].link_id
    old = [click_of(1_600_000_000, number, uuid=f"old-{number}", link_id=link_id) for number in range(3)]
    spaced = click_of(1_600_000_000, 3, uuid="old-1", name_space="site/1", link_id=link_id)
    new = click_of(int(time.time()), uuid="new", link_id=link_id, time=int(time.time()) * SECOND)
    store.run(lambda session: insert_clicks(session, [*old, spaced, new]))
    assert store.run(lambda session: drop_months(session, (2021, 1)), Kind.SCHEMA) == [(2020, 9)]
    assert store.run(lambda session: session.rows(sql("SELECT uuid FROM clicks"))) == [("new",)]
    assert (2020, 9) not in store.run(list_months)
    assert store.run(lambda session: link_metrics(session, SYSTEM, [link_id]))[link_id].clicks == 5
    kept = store.run(lambda session: session.rows(sql("SELECT visitor FROM link_visitors")))
    assert kept == [(visit_key(new),)]
    again = [click_of(int(time.time()), 7 + place, uuid="old-1", name_space=each) for place, each in enumerate(SPACES)]
    assert store.run(lambda session: insert_clicks(session, again)).repeated == {}


def test_figures_that_are_made_anew_are_the_same(store: PostgresEngine) -> None:
    ids = IdGenerator()
    link_id = store.run(lambda session: create_item(session, ids, LINK, {}))[0].link_id
    clicks = [
        click_of(1_600_000_000, number, link_id=link_id, user_agent=("ä", None, "")[number % 3]) for number in range(9)
    ]
    store.run(lambda session: insert_clicks(session, clicks))
    counted = store.run(lambda session: link_metrics(session, SYSTEM, [link_id]))
    visitors = store.run(lambda session: set(session.rows(sql("SELECT visitor FROM link_visitors"))))
    assert {(visit_key(click),) for click in clicks} == visitors
    store.fill(lambda session: session.figures.settle(session))
    assert store.run(lambda session: link_metrics(session, SYSTEM, [link_id])) == counted
    assert store.run(lambda session: set(session.rows(sql("SELECT visitor FROM link_visitors")))) == visitors
    assert counted[link_id].unique_clicks == 3


def test_a_commit_in_doubt_is_told_by_what_it_added(new_database: Callable[[], str]) -> None:
    """A server that crashed gives the ids of lost transactions to others: after a restart they prove nothing."""
    url, click = new_database(), click_of(1_600_000_000)
    engine = PostgresEngine(url)
    engine.migrate(migrate)
    engine.run(lambda session: insert_clicks(session, [click]))
    with psycopg.connect(url, autocommit=True) as connection:
        [[start]] = connection.execute("SELECT pg_postmaster_start_time()::TEXT").fetchall()
        [[committed]] = connection.execute("SELECT pg_current_xact_id()::TEXT").fetchall()
    assert was_committed(url, Doubt(committed, start, None))
    assert not was_committed(url, Doubt(committed, "before", None))
    assert not was_committed(url, Doubt(committed, "before", "0" * 24))
    assert was_committed(url, Doubt(committed, "before", click.click_id))
    engine.close()


def test_a_conflict_that_shows_at_the_commit_is_tried_again(store: PostgresEngine) -> None:
    """Each of two transactions reads what the other one writes; the one that commits last learns it only then."""
    store.run(lambda session: session.rows(sql("CREATE TABLE pair (place INTEGER PRIMARY KEY, value INTEGER)")))
    store.run(lambda session: session.rows(sql("INSERT INTO pair VALUES (1, 0), (2, 0)")))
    read, write = "SELECT value FROM pair WHERE place = {}", "UPDATE pair SET value = value + 1 WHERE place = {}"
    attempts = []

    def other(session: Session) -> None:
        session.rows(sql(read, 2))
        session.rows(sql(write, 1))

    def one(session: Session) -> None:
        attempts.append(session.rows(sql(read, 1))[0][0])
        session.rows(sql(write, 2))
        if len(attempts) == 1:
            store.run(other)

    store.run(one)
    assert attempts == [0, 1]


def test_both_engines_have_the_same_tables(store: PostgresEngine, tmp_path: Path) -> None:
    embedded = DuckdbEngine(tmp_path / "x.duckdb")
    embedded.run(migrate)
    ours = set(embedded.run(lambda session: session.rows(sql(f"{SHARED_TABLES} 'main'"))))
    theirs = set(store.run(lambda session: session.rows(sql(f"{SHARED_TABLES} 'public'"))))
    ours = {row for row in ours if row[0] not in ("journal_position", "click_parts") and row[1] not in DERIVED}
    names = {row[0] for row in ours}
    assert "clicks" in names <= {row[0] for row in theirs}
    assert ours == {row for row in theirs if row[0] in names}
    embedded.close()


def test_a_store_of_the_first_version_keeps_everything(new_database: Callable[[], str]) -> None:
    """The names and the order of what was applied never change."""
    engine = PostgresEngine(new_database())
    engine.migrate(migrate)
    names = [name for name, _ in engine.run(lambda session: all_migrations(session.dialect))]
    assert names[:2] == ["0000-postgres-functions", "0001-clicks-and-what-surrounds-them"]
    engine.close()


def test_a_store_moves_house_and_back(new_database: Callable[[], str], tmp_path: Path) -> None:
    first, away, back = tmp_path / "first", new_database(), tmp_path / "back"
    with serving(first) as server, server.client() as client:
        fill(client)
        token = client.headers["Authorization"]
        listed, metrics = snapshot(client)
    home, new_home = f"duckdb:///{first / 'clicktrail.duckdb'}", f"duckdb:///{back / 'clicktrail.duckdb'}"
    for source, target, data in ((home, away, first), (home, away, first), (away, new_home, back)):
        moved = run("move", "--from", source, "--to", target, "--data", str(data))
        assert moved.returncode == 0, moved.stderr
        assert re.search(r"clicks +40  sha256", moved.stdout)
    with (
        serving(tmp_path / "node", database=away) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": token}) as client,
    ):
        assert snapshot(client) == (listed, metrics)
        client.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/", "uuid": "more"})
    with serving(back) as server, server.client() as client:
        assert snapshot(client) == (listed, metrics)
    refused = run("move", "--from", home, "--to", away, "--data", str(first))
    assert (refused.returncode, "not from this source" in refused.stderr) == (1, True)


def test_keys_move_into_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "new" / "signing.key")
    keys.replace(["a b"])
    assert keys.read("unused") == ["a b"]
    assert (tmp_path / "new" / "signing.key").stat().st_mode & 0o077 == 0


def fill(client: httpx.Client) -> None:
    client.post("/links", json={"code": "a"})
    for number in range(40):
        body = {"ip": f"8.8.8.{number % 5}", "uri": "https://x.example/?referral=a&utm_term=ä", "uuid": f"u{number}"}
        click_id = client.post("/clicks", json=body).json()["clickId"]
        if number % 4 == 0:
            contacts = [{"key": "email", "value": f"{number}@email.com"}]
            client.patch(f"/clicks/{click_id}", json={"firstName": f"{number}", "contacts": contacts})


def snapshot(client: httpx.Client) -> tuple[str, str]:
    link_id = client.get("/links").json()[0]["linkId"]
    listed = client.get("/clicks?limit=1000&query[profile]=1&query[contacts]=1&query[link]=1").text
    return listed, client.get(f"/links/{link_id}/metrics").text


def test_doctor_says_what_is_wrong_with_a_database(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    before = run("doctor", "--data", str(tmp_path), database=url)
    assert (before.returncode, "run `clicktrail migrate`" in before.stdout) == (1, True)
    run("migrate", database=url)
    assert run("doctor", "--data", str(tmp_path), database=url).returncode == 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO migrations VALUES ('9999-of-the-future', 0)")
    assert "newer version" in run("doctor", "--data", str(tmp_path), database=url).stdout
    gone = run("doctor", "--data", str(tmp_path), database="postgresql://127.0.0.1:1/none")
    assert (gone.returncode, "Check that PostgreSQL runs" in gone.stdout) == (1, True)
