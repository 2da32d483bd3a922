"""After an erasure no file of the data directory has the person's bytes, and the store goes on."""

import asyncio
import threading
from contextlib import closing
from pathlib import Path

import duckdb
import httpx
import psycopg
import pytest

from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import sql
from tests.api.test_attribution import click, make_link
from tests.api.test_persons import erase, figures, make_person
from tests.conftest import NewStore
from tests.serving import run, serving
from tests.waiting import until


def find_bytes(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """The files that have a text, with the text."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "keys"]
    return [(path.name, text) for path in files for text in texts if text.lower().encode() in path.read_bytes().lower()]


@pytest.mark.parametrize("mode", ["strip", "delete"])
def test_no_file_has_an_erased_person(tmp_path: Path, mode: str) -> None:
    data, mark = tmp_path / "data", "markofperson"
    marks = (f"{mark}-u", f"{mark}-v1", f"{mark}@mail.example", f"{mark}@x.example", f"agent {mark}", f"first{mark}")
    with serving(data) as server, server.client() as api:
        make_link(api, "other")
        add_strangers(api, 6)
        made = make_person(api, mark)
        assert {text for _, text in find_bytes(data, *marks)} == set(marks)  # in the journal, or in the log
        server.stop()
    with serving(data) as server, server.client() as api:  # now also in the file
        assert find_bytes(data, f"{mark}-v1") != []
        add_strangers(api, 7)
        click(api, mark, 8, visitorId=f"{mark}-v1")
        before = figures(api, mark)
        receipt = erase(api, clickId=made["clicks"][0], clicks=mode)
        assert receipt["clicks"] == 4
        path = f"/persons/erasures/{receipt['erasureId']}"
        until(lambda: api.get(path).json()["bytesGoneTime"] is not None, "the bytes are gone")
        add_strangers(api, 9)
        assert find_bytes(data, *marks) == []
        assert find_bytes(data, "stranger-1") != []
        if mode == "strip":
            assert figures(api, mark) == before
        server.kill()
    with serving(data) as server, server.client() as api:
        assert len(api.get("/clicks?filter[visitorId]=stranger-1&limit=100").json()) == 60
        assert find_bytes(data, *marks) == []


def test_a_start_deletes_what_queries_of_a_killed_server_spilled(tmp_path: Path) -> None:
    """DuckDB leaves these files for ever; the texts in them are those of clicks."""
    spilled = tmp_path / "data" / "clicktrail.duckdb.tmp" / "duckdb_temp_block-7.block"
    with serving(tmp_path / "data") as server:
        server.kill()
    spilled.parent.mkdir(exist_ok=True)
    spilled.write_bytes(b"markofperson")
    with serving(tmp_path / "data"):
        assert find_bytes(tmp_path / "data", "markofperson") == []


def test_no_statistics_of_columns_have_an_erased_person(tmp_path: Path) -> None:
    """DuckDB keeps the smallest and largest values of columns, cut after twelve characters: these texts are shorter."""
    data, mark = tmp_path / "data", "qxyzk"
    marks = (f"{mark}-u", f"{mark}-v1", f"{mark}-v2", f"{mark}@mail")
    with serving(data) as server, server.client() as api:
        make_link(api, "other")
        add_strangers(api, 6)
        make_person(api, mark)
        erase_bytes(api, "nobody@mail.example")  # its checkpoint writes the person's values into the file
        erase_bytes(api, f"{mark}@mail.example")
        assert find_bytes(data, *marks) == []
        assert find_bytes(data, "stranger-1") != []


MANY, APART = 500_000, 50_000
"""Clicks of a store that is written again by moving them, and between two clicks of the person."""
LAST_PIECE = MANY - 2 * 122_880
"""Rows of the last piece that is moved, the largest one: the others have two row groups."""
_MANY = f"""
    INSERT INTO clicks (click_id, time, update_time, ip, uri, is_first, is_data_centre, is_prefetch, visitor,
        is_totalled, user_agent, visitor_id, referrer)
    SELECT printf('%08x%016x', 1_700_000_000 + i, i), (1_700_000_000 + i) * 1_000_000, 1_700_000_000 + i, '408080808',
        'https://x.example/' || i || CASE WHEN is_its THEN '?' || mark ELSE '' END, false, false, false, i, true,
        CASE WHEN is_its THEN 'agent ' || mark END, CASE WHEN is_its THEN mark END, CASE WHEN is_its THEN mark END
    FROM (SELECT i, i % {APART} = {APART // 2} AS is_its, 'markofperson' AS mark FROM range({MANY}) t(i))
"""
_PLACES = """
    SELECT click_id, row_number() OVER (ORDER BY rowid) - 1 AS place, row_number() OVER (ORDER BY click_id) - 1
    FROM clicks WHERE click_id < '66'
"""


@pytest.mark.parametrize("mode", ["strip", "delete"])
def test_many_clicks_are_moved_while_the_server_records(tmp_path: Path, mode: str) -> None:
    data = tmp_path / "data"
    with serving(data):
        pass
    with duckdb.connect(str(data / "clicktrail.duckdb")) as connection:
        connection.execute(_MANY)
    assert find_bytes(data, "markofperson") != []
    with serving(data) as server, server.client() as api:
        receipt = erase(api, visitorId="markofperson", clicks=mode)
        assert receipt["clicks"] == MANY // APART
        assert api.get("/clicks?filter[visitorId]=markofperson").json() == []
        path, recorded = f"/persons/erasures/{receipt['erasureId']}", 0
        while api.get(path).json()["bytesGoneTime"] is None:
            if recorded < 500:
                click(api, "other", 7, visitorId="stranger-1")
                recorded += 1
        assert find_bytes(data, "markofperson") == []
        assert len(api.get("/clicks?filter[visitorId]=stranger-1&limit=1000").json()) == recorded > 0
        server.kill()
    with serving(data):
        pass  # takes in the journal
    assert find_bytes(data, "markofperson") == []
    with duckdb.connect(str(data / "clicktrail.duckdb"), read_only=True) as connection:
        rows = connection.execute(_PLACES).fetchall()
        assert len(rows) == MANY - (MANY // APART if mode == "delete" else 0)
        # Erased clicks are in the piece of their neighbours, and DuckDB may copy a piece's row groups in any order.
        assert max(abs(place - rank) for _, place, rank in rows) < LAST_PIECE


def test_a_long_transaction_delays_the_end_of_the_bytes_and_does_not_undo_the_work(tmp_path: Path) -> None:
    async def run_beside(engine: DuckdbEngine) -> bool:
        begun, may_end = threading.Event(), threading.Event()

        def read_for_long(session: Session) -> None:
            session.rows(sql("SELECT count(*) FROM clicks"))
            begun.set()
            assert may_end.wait(240)

        reading = asyncio.create_task(engine.export(read_for_long))
        assert await asyncio.to_thread(begun.wait, 60)
        scrubbing = asyncio.create_task(engine.scrub(rest=2))
        while await engine.read(lambda session: list_values(session, sql("SELECT min(rowid) FROM clicks"))) < [MANY]:
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)
        assert not scrubbing.done()
        may_end.set()
        await reading
        return await scrubbing

    with closing(DuckdbEngine(tmp_path / "clicktrail.duckdb")) as engine:
        engine.run(migrate)
        engine.run(lambda session: session.rows(sql(_MANY)))
        engine.checkpoint()
        assert asyncio.run(run_beside(engine))


@pytest.mark.parametrize("mode", ["strip", "delete"])
def test_no_table_of_postgresql_has_an_erased_person(tmp_path: Path, new_store: NewStore, mode: str) -> None:
    mark, settings = "markofperson", new_store("postgres")
    marks = (f"{mark}-u", f"{mark}-v1", f"{mark}@mail.example", f"{mark}@x.example", f"agent {mark}", f"first{mark}")
    with psycopg.connect(settings["database"], autocommit=True) as connection:

        def find(*marks: str) -> set[str]:
            connection.execute("CHECKPOINT")
            own = "SELECT oid::TEXT FROM pg_database WHERE datname = current_database()"
            folder, number = connection.execute(f"SELECT current_setting('data_directory'), ({own})").fetchone() or ()
            return {text for _, text in find_bytes(Path(folder) / "base" / number, *marks)}

        with serving(tmp_path / "data", **settings) as server, server.client() as api:
            add = make_person(api, mark)
            everything = {*marks, add["profile_id"]}
            add_strangers_to(api)
            connection.execute("ANALYZE")  # the statistics for the planner have values of the person too
            assert find(*everything) == everything
            path = f"/persons/erasures/{erase(api, clickId=add['clicks'][0], clicks=mode)['erasureId']}"
            compacted = run("compact", data=str(tmp_path / "data"), **settings)
            assert compacted.returncode == 0, compacted.stderr
            assert find(*everything) == set()
            assert api.get(path).json()["bytesGoneTime"] is not None
            assert len(api.get("/clicks?filter[visitorId]=stranger-1&limit=100").json()) == 20


def erase_bytes(api: httpx.Client, contact: str) -> None:
    path = f"/persons/erasures/{erase(api, contact=contact)['erasureId']}"
    until(lambda: api.get(path).json()["bytesGoneTime"] is not None, "the bytes are gone")


def add_strangers_to(api: httpx.Client) -> None:
    make_link(api, "other")
    add_strangers(api, 6)


def add_strangers(api: httpx.Client, day: int) -> None:
    for _ in range(20):
        click(api, "other", day, visitorId="stranger-1")
