"""Several servers on one database: what one writes all know, what two write at once is there once."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.serving import Serving, clients_of, run, serving, serving_nodes, start
from tests.waiting import until

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}
WITHIN_S = 5.0  # a second is what is promised; the rest is for a machine with much else to do


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture(scope="module")
def nodes(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Serving]]:
    with serving_nodes(tmp_path_factory.mktemp("nodes"), database, 3) as running:
        yield running


@pytest.fixture(scope="module")
def clients(nodes: list[Serving]) -> Iterator[list[httpx.Client]]:
    with clients_of(nodes, 30) as made:
        yield made


def everywhere(clients: list[httpx.Client], times: int, call: Callable[[httpx.Client], Any]) -> list[Any]:
    """The answers of all nodes, asked at once."""
    with ThreadPoolExecutor(len(clients) * times) as pool:
        return list(pool.map(call, clients * times))


def test_a_link_counts_at_every_node_at_once(clients: list[httpx.Client], mark: str) -> None:
    """Not within a second but at once: a click that came first would be nobody's."""
    for number in range(40):
        link = clients[number % 3].post("/links", json={"code": f"{mark}{number}"}).json()
        body = CLICK | {"uri": f"https://x.example/?referral={mark}{number}"}
        for client in clients:
            assert client.post("/clicks", json=body).json()["linkId"] == link["linkId"]
        metrics = clients[0].get(f"/links/{link['linkId']}/metrics").json()
        assert (metrics["clicks"], metrics["uniqueClicks"]) == (3, 1)


def test_one_uuid_is_one_click_at_all_nodes(clients: list[httpx.Client], mark: str) -> None:
    for number in range(5):
        body = CLICK | {"uuid": f"{mark}-{number}"}
        answers = everywhere(clients, 4, lambda client: client.post("/clicks", json=body))  # noqa: B023
        assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
        assert len({answer.json()["clickId"] for answer in answers}) == 1


def test_one_click_has_one_client_at_all_nodes(clients: list[httpx.Client], mark: str) -> None:
    for number in range(3):
        click_id = clients[0].post("/clicks", json=CLICK).json()["clickId"]
        body = {"firstName": f"{mark}{number}", "contacts": [{"key": "email", "value": "a@email.com"}]}
        answers = everywhere(clients, 3, lambda client: client.patch(f"/clicks/{click_id}", json=body))  # noqa: B023
        done = [answer for answer in answers if answer.status_code == 200]
        assert done
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert len({answer.json()["profileId"] for answer in done}) == 1
        assert len(clients[1].get(f"/profiles?filter[firstName]={mark}{number}").json()) == 1


def test_one_code_is_one_link_at_all_nodes(clients: list[httpx.Client], mark: str) -> None:
    answers = everywhere(clients, 4, lambda client: client.post("/links", json={"code": mark}))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11


def test_tokens_and_revocations_are_known_everywhere(
    nodes: list[Serving], clients: list[httpx.Client], database: str
) -> None:
    made = run("token", "create", database=database)
    token, token_id = made.stdout.splitlines()[-1], made.stderr.split()[1]
    headers = {"Authorization": f"Bearer {token}"}
    assert [httpx.get(f"{node.url}/clicks", headers=headers).status_code for node in nodes] == [200] * 3
    clients[0].post("/tokens/revocations", json={"tokenId": token_id})

    def statuses() -> list[int]:
        return [httpx.get(f"{node.url}/clicks", headers=headers).status_code for node in nodes]

    until(lambda: statuses() == [401] * 3, "every node refuses the token", WITHIN_S)


def waiting_changes(database: str) -> int:
    """Changes of figures that no node has added up so far."""
    with psycopg.connect(database) as connection:
        [[number]] = connection.execute("SELECT count(*) FROM link_changes").fetchall()
    return int(number)


def test_figures_are_exact_under_writers_at_all_nodes(clients: list[httpx.Client], database: str, mark: str) -> None:
    link_id = clients[0].post("/links", json={"code": mark}).json()["linkId"]

    def write(client: httpx.Client) -> None:
        for number in range(30):
            body = CLICK | {"ip": f"8.8.8.{number % 7}", "uri": f"https://x.example/?referral={mark}"}
            click_id = client.post("/clicks", json=body).json()["clickId"]
            if number % 10 == 0:
                assert client.delete(f"/clicks/{click_id}").status_code == 204
            elif number % 10 == 1:
                client.patch(f"/clicks/{click_id}", json={"firstName": "Mary"})

    everywhere(clients, 2, write)
    metrics = clients[1].get(f"/links/{link_id}/metrics").json()
    registered = len(clients[1].get(f"/clicks?limit=1000&filter[linkId]={link_id}&filter[registration]=1").json())
    assert (metrics["clicks"], metrics["uniqueClicks"], metrics["registrations"]) == (162, 7, registered)
    until(lambda: not waiting_changes(database), "a node adds up what came, which must change nothing")
    assert clients[2].get(f"/links/{link_id}/metrics").json() == metrics


def test_ten_servers_may_migrate_at_once(new_database: Callable[[], str]) -> None:
    url = new_database()
    check = run("migrate", "--check", database=url)
    assert (check.returncode, "missing 0001" in check.stdout) == (1, True)
    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda _: run("migrate", database=url), range(10)))
    assert [each.returncode for each in done] == [0] * 10, [each.stderr for each in done]
    assert sum("applied 0001" in each.stdout for each in done) == 1
    assert run("migrate", "--check", database=url).returncode == 0


def test_workers_share_a_port_and_are_replaced(new_database: Callable[[], str], tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--workers", "2", database=new_database()) as server, server.client() as client:
        children = Path("/proc") / str(server.process.pid) / "task" / str(server.process.pid) / "children"
        first = {int(pid) for pid in children.read_text().split() if _is_worker(int(pid))}
        assert len(first) == 2
        answers = everywhere([client], 8, lambda each: _post_anew(server, each))
        assert {answer.status_code for answer in answers} == {201}
        line = 'clicktrail_clicks_total{outcome="recorded"} 8.0'
        until(lambda: line in client.get("/metrics").text, "all workers count together")
        os.kill(min(first), signal.SIGKILL)
        until(lambda: _workers(children) - first != set(), "another worker comes")
        until(lambda: _answers(server), "it serves")
        assert "and is replaced" in server.log.read_text()
    assert server.process.returncode == 0


def test_workers_end_with_their_parent(new_database: Callable[[], str], tmp_path: Path) -> None:
    server = start(tmp_path / "data", "--workers", "2", settings={"database": new_database()})
    workers = _workers(Path("/proc") / str(server.process.pid) / "task" / str(server.process.pid) / "children")
    server.kill()
    assert len(workers) == 2
    until(lambda: not any(_is_worker(pid) for pid in workers), "the workers end")


def _post_anew(server: Serving, client: httpx.Client) -> httpx.Response:
    """On a connection of its own, which any worker may take."""
    return httpx.post(f"{server.url}/clicks", json=CLICK, headers={"Authorization": client.headers["Authorization"]})


def _answers(server: Serving) -> bool:
    try:
        return all(httpx.get(f"{server.url}/health").status_code == 200 for _ in range(4))
    except httpx.TransportError:
        return False


def _workers(children: Path) -> set[int]:
    return {int(pid) for pid in children.read_text().split() if _is_worker(int(pid))}


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_database_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    done = run("serve", "--data", str(tmp_path), "--port", "0", database="postgresql://127.0.0.1:1/none")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_no_password_is_shown(database: str, tmp_path: Path) -> None:
    url = database.replace("postgres@", "postgres:secret-word@")
    server = start(tmp_path / "data", settings={"database": url})
    server.stop()
    shown = run("settings", database=url)
    assert "secret-word" not in server.log.read_text() + shown.stdout + shown.stderr


def test_partitions_are_there_ahead_of_time(database: str, clients: list[httpx.Client]) -> None:
    assert clients[0].get("/health").status_code == 200
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT inhrelid::regclass::text FROM pg_inherits")
        names = {row[0] for row in found if row[0].startswith("clicks_") and row[0].count("_") < 3}
    month = time.strftime("clicks_%Y_%m", time.gmtime())
    assert {month, "clicks_default"} < names
    assert sum(name > month for name in names if name != "clicks_default") >= 2
