"""On a Citus cluster the store is spread, and answers as it does on one machine.

Collected only where the programs of Citus are given (tests/conftest.py).
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.citus import DISTRIBUTED, REFERENCE
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.months import drop_months
from clicktrail.store.migrations.fills import fill as fill_columns
from clicktrail.store.migrations.shared import list_missing, migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.citus import Machines
from tests.citus import machines as own_cluster
from tests.nodes.test_nodes import everywhere
from tests.serving import Serving, clients_of, free_port, run, serving, serving_nodes
from tests.store.test_upgrade import fill, make_old_store
from tests.waiting import until

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}
TEXTS = {
    "uri": "https://x.example/Ärger",
    "referrer": "https://ref.example/Straße/ÄÖÜ",
    "userAgent": "Mozilla/5.0 ÄGYPTEN",
}
UTM = {f"utm{name}": f"Größe {name.upper()}" for name in ("Campaign", "Content", "Medium", "Source", "Term")}


@pytest.fixture(scope="module")
def database(machines: Machines) -> str:
    return machines.create_store()


@pytest.fixture(scope="module")
def nodes(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Serving]]:
    with serving_nodes(tmp_path_factory.mktemp("nodes"), database, 2) as running:
        yield running


@pytest.fixture(scope="module")
def clients(nodes: list[Serving]) -> Iterator[list[httpx.Client]]:
    with clients_of(nodes, 60) as made:
        yield made


def exercise(client: httpx.Client) -> dict[str, object]:
    """A day in the life of a store; what is left of it, without ids."""
    code = client.post("/links", json={}).json()["code"]
    ids = [
        client.post(
            "/clicks", json={"ip": f"8.8.8.{n % 3}", "uri": f"https://x.example/?referral={code}&utm_term=t{n % 4}"}
        ).json()["clickId"]
        for n in range(24)
    ]
    client.patch(f"/clicks/{ids[3]}", json={"firstName": "Mary", "contacts": [{"key": "email", "value": "a@b.com"}]})
    client.delete(f"/clicks/{ids[5]}")
    link = client.get(f"/clicks/{ids[0]}").json()["linkId"]
    metrics = client.get(f"/links/{link}/metrics").json()
    terms = [c["utmTerm"] for c in client.get(f"/clicks?limit=50&sort_by=utmTerm&filter[linkId]={link}").json()]
    return {
        "metrics": [metrics[name] for name in ("clicks", "uniqueClicks", "registrations")],
        "terms": terms,
        "contacts": len(client.get(f"/clicks?filter[profileContacts]=a@b&filter[linkId]={link}").json()),
    }


def test_a_spread_store_answers_as_any_other(
    new_database: Callable[[], str], clients: list[httpx.Client], tmp_path: Path
) -> None:
    with serving(tmp_path / "plain", database=new_database()) as server, server.client() as client:
        expected = exercise(client)
    assert exercise(clients[0]) == expected


def test_parts_of_texts_are_found_in_any_script(clients: list[httpx.Client]) -> None:
    uri = f"{TEXTS['uri']}?" + "&".join(f"utm_{name[3:].lower()}={value}" for name, value in UTM.items())
    made = clients[0].post("/clicks", json={"ip": "8.8.8.8", **TEXTS, "uri": uri}).json()
    assert made["utmTerm"] == UTM["utmTerm"]
    [found] = clients[1].get("/clicks?filter[uri]=ärger").json()
    assert found["clickId"] == made["clickId"]
    wanted = {
        "uri": "ärger",
        "referrer": "straße/äöü",
        "userAgent": "ägypten",
        **{n: v.lower() for n, v in UTM.items()},
    }
    for field, part in wanted.items():
        for suffix in ("[contains]", "[starts]"):
            text = made[field].lower() if suffix == "[starts]" else part
            found = clients[1].get("/clicks", params={f"filter[{field}]{suffix}": text})
            assert found.status_code == 200, (field, suffix, found.text)
            assert [click["clickId"] for click in found.json()] == [made["clickId"]], (field, suffix)
        assert clients[1].get("/clicks", params={f"filter[{field}][contains]": "ägäis"}).json() == []


def test_one_uuid_is_one_click_at_all_nodes(clients: list[httpx.Client], mark: str) -> None:
    for number in range(4):
        body = CLICK | {"uuid": f"{mark}-{number}"}
        answers = everywhere(clients, 4, lambda client: client.post("/clicks", json=body))  # noqa: B023
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({answer.json()["clickId"] for answer in answers}) == 1
    batch = [CLICK | {"uuid": f"{mark}-{number}"} for number in range(2, 30)]
    answers = everywhere(clients, 2, lambda client: client.post("/clicks/batch", json=batch))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert len({tuple(answer.json()["clickIds"]) for answer in answers}) == 1
    assert len(clients[0].get(f"/clicks?limit=100&filter[uuid][starts]={mark}-").json()) == 30


def test_one_click_has_one_client_at_all_nodes(clients: list[httpx.Client], mark: str) -> None:
    for number in range(3):
        click_id = clients[0].post("/clicks", json=CLICK).json()["clickId"]
        body = {"firstName": f"{mark}{number}", "contacts": [{"key": "email", "value": "a@email.com"}]}
        answers = everywhere(clients, 3, lambda client: client.patch(f"/clicks/{click_id}", json=body))  # noqa: B023
        done = [answer for answer in answers if answer.status_code == 200]
        assert done
        assert {answer.status_code for answer in answers} <= {200, 503}, [answer.text for answer in answers]
        assert len({answer.json()["profileId"] for answer in done}) == 1
        assert len(clients[1].get(f"/profiles?filter[firstName]={mark}{number}").json()) == 1


def test_figures_are_exact_under_writers_at_all_nodes(clients: list[httpx.Client], mark: str) -> None:
    link_id = clients[0].post("/links", json={"code": mark}).json()["linkId"]

    def write(client: httpx.Client) -> None:
        for number in range(20):
            body = CLICK | {"ip": f"8.8.8.{number % 7}", "uri": f"https://x.example/?referral={mark}"}
            assert client.post("/clicks", json=body).status_code == 201

    everywhere(clients, 2, write)
    metrics = clients[1].get(f"/links/{link_id}/metrics").json()
    assert (metrics["clicks"], metrics["uniqueClicks"]) == (80, 7)


def test_a_cluster_that_cannot_be_used_is_refused_and_left_alone(
    machines: Machines, new_database: Callable[[], str]
) -> None:
    for url, word in ((machines.create(workers=0), "citus_add_node"), (new_database(), "extension")):
        refused = run("migrate", "--citus", database=url)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert word in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "missing 0001" in run("migrate", "--check", database=url).stdout


def count_shards(url: str) -> int:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'clicks'::regclass")
        return int(rows.fetchall()[0][0])


def test_the_number_of_shards_is_for_good(machines: Machines, database: str) -> None:
    assert count_shards(database) == 8
    again = run("migrate", "--citus", database=database)
    assert (again.returncode, again.stdout) == (0, "The store is up to date.\n")
    other = run("migrate", "--citus", "--shards", "6", database=database)
    assert (other.returncode, "8 shards" in other.stderr) == (1, True)
    url = machines.create()
    assert run("migrate", "--citus", "--shards", "6", database=url).returncode == 0
    assert count_shards(url) == 6


def test_a_worker_is_no_place_for_a_server(machines: Machines, database: str, tmp_path: Path) -> None:
    url = machines.workers[0].url(database.rpartition("/")[2])
    refused = run("serve", "--data", str(tmp_path / "data"), "--port", str(free_port()), database=url)
    assert (refused.returncode, "coordinator" in refused.stderr) == (1, True), refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_store_with_clicks_is_spread_while_a_server_runs(machines: Machines, tmp_path: Path) -> None:
    url = machines.create()
    with serving(tmp_path / "data", database=url) as node, node.client() as client:
        body = {**CLICK, **TEXTS}
        before = [client.post("/clicks", json=body | {"uuid": f"u{n}"}).json()["clickId"] for n in range(20)]
        done = run("migrate", "--citus", database=url)
        assert done.returncode == 0, done.stderr
        until(lambda: client.get("/clicks?filter[referrer]=stra").status_code == 200, "it is found")
        assert client.post("/clicks", json=body | {"uuid": "u0"}).json()["clickId"] == before[0]
        assert client.post("/clicks", json=body | {"uuid": "new"}).status_code == 201
        assert len(client.get("/clicks", params={"limit": 50, "filter[referrer]": "straße/äöü"}).json()) == 21
    with psycopg.connect(url) as connection:  # the rows have left the coordinator's own tables
        sizes = (
            "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relname ~ '^click(s_|_uuids$)'"
        )
        assert {size for _, size in connection.execute(sizes)} == {0}


def test_a_spread_store_of_an_earlier_version_is_brought_up_to_date(machines: Machines) -> None:
    """With what was spread then; new tables are spread as well. Months come and go."""
    engine = PostgresEngine(machines.create())
    engine.run(make_old_store)
    engine.run(fill)
    engine.run(spread_as_then, Kind.SCHEMA)
    engine.migrate(migrate)
    fill_columns(engine)
    assert engine.run(list_missing) == []
    listed = "SELECT logicalrelid::TEXT FROM pg_dist_partition"
    assert {row[0] for row in engine.run(lambda session: session.rows(sql(listed)))} >= {*REFERENCE, *DISTRIBUTED}
    assert engine.run(lambda session: session.rows(sql("SELECT fold('ÄRGER') FROM clicks"))) == [("ärger",)]
    engine.keep_months([(2010, 1), (2021, 1)])  # the month of the click that is there, which lay in no partition
    engine.fill(lambda session: session.figures.settle(session))
    figures = "SELECT clicks, unique_clicks FROM link_figures"
    assert engine.run(lambda session: session.rows(sql(figures))) == [(1, 1)]
    assert engine.run(lambda session: drop_months(session, (2021, 2)), Kind.SCHEMA) == [(2010, 1), (2021, 1)]
    assert engine.run(lambda session: session.rows(sql("SELECT click_id FROM clicks"))) == []
    engine.close()


def spread_as_then(session: Session) -> None:
    session.rows(sql("SET LOCAL citus.shard_count = 4"))
    found = {row[0] for row in session.rows(sql("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))}
    for table in REFERENCE:
        if table in found:
            session.rows(sql("SELECT create_reference_table({})", table))
    for table, column in DISTRIBUTED.items():
        session.rows(sql("SELECT create_distributed_table({}, {})", table, column))


def record_while(node: Serving, event: Callable[[], None]) -> tuple[list[str], list[httpx.Response]]:
    """Clicks of four clients before, during and after `event`: the ids of those promised, and the other answers."""
    promised: list[str] = []
    refused: list[httpx.Response] = []
    is_over = threading.Event()

    def work(number: int) -> None:
        with node.client() as client:
            while not is_over.is_set():
                body = {"ip": f"8.8.{number}.8", "uri": "https://x.example/?referral=kept"}
                answer = client.post("/clicks", json=body)
                if answer.status_code == 201:
                    promised.append(answer.json()["clickId"])
                else:
                    refused.append(answer)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(work, number) for number in range(4)]
        try:
            until(lambda: len(promised) > 40, "clicks come")
            event()
            more = len(promised) + 20
            until(lambda: len(promised) > more, "more clicks come")
        finally:
            is_over.set()
        for each in clients:
            each.result()
    return promised, refused


def list_ids(client: httpx.Client) -> set[str]:
    found: set[str] = set()
    path: str | None = "/clicks?limit=1000"
    while path is not None:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found |= {click["clickId"] for click in answer.json()}
        path = answer.links.get("next", {}).get("url")
    return found


def replace_worker(machines: Machines) -> None:
    machines.workers[0].kill()
    time.sleep(0.5)  # clicks come meanwhile
    machines.workers[0].start()


def test_no_promised_click_is_lost_with_a_worker(tmp_path: Path) -> None:
    """A worker dies while clicks come: they are 503 until it is back, and all that were 201 are there."""
    with (
        own_cluster() as machines,
        serving(tmp_path / "data", database=machines.create_store()) as node,
        node.client() as client,
    ):
        link_id = client.post("/links", json={"code": "kept"}).json()["linkId"]
        promised, refused = record_while(node, lambda: replace_worker(machines))
        assert {answer.status_code for answer in refused} == {503}
        until(lambda: set(promised) <= list_ids(client), "all that was promised is there")
        stored = list_ids(client)
        metrics = client.get(f"/links/{link_id}/metrics").json()
        assert metrics["clicks"] == len(stored) <= len(promised) + len(refused)
