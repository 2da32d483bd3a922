"""Three servers on one PostgreSQL under load, and what happens to them: nothing that was promised may be lost.

Run by hand: `python -m tests.nodes.harness ROUNDS`.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import psycopg

from tests.cluster import Cluster, cluster
from tests.crash.clients import processes, work
from tests.crash.harness import Promises, compare, wait_for
from tests.serving import Serving, start
from tests.waiting import until

NODES, WORKERS_PER_NODE, SECONDS = 3, 2, 3.0


class House:
    """A database server and the nodes on it."""

    def __init__(self, folder: Path, database: Cluster, url: str) -> None:
        self.folder, self.database, self.url = folder, database, url
        self.nodes = [self.start_node(number) for number in range(NODES)]

    def start_node(self, number: int) -> Serving:
        return start(self.folder / f"node-{number}", settings={"database": self.url, "log": "off"})

    def kill_database(self) -> None:
        self.database.kill()
        self.database.start()

    def cut_connections(self) -> None:
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            for _ in range(5):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                time.sleep(0.1)

    def kill_node(self) -> None:
        self.nodes[0].kill()
        self.nodes[0] = self.start_node(0)

    def stop(self) -> None:
        for node in self.nodes:
            assert node.stop() == 0


EVENTS: dict[str, Callable[[House], None]] = {
    "the database is killed": House.kill_database,
    "connections are cut": House.cut_connections,
    "a node is killed": House.kill_node,
}


def run_rounds(house: House, rounds: int, seed: int = 1) -> int:
    """Something happens in every round; returns how many clicks there are at the end."""
    random, promises, count = Random(seed), Promises(), 0
    with house.nodes[0].client() as client:
        links = {f"c{n}": client.post("/links", json={"code": f"c{n}"}).json()["linkId"] for n in range(4)}
    for number in range(rounds):
        event = list(EVENTS.values())[number % len(EVENTS)]
        run_round(house, promises, number, lambda: event(house), random.random())  # noqa: B023
        with house.nodes[number % NODES].client() as client:
            count = compare(client, promises, links)
    return count


def run_round(house: House, promises: Promises, number: int, event: Callable[[], None], wait_s: float) -> None:
    """One load of every node, with an event in the midst of it."""
    token = house.nodes[1].token()
    context = processes()
    journals, workers = [], []
    for place in range(NODES * WORKERS_PER_NODE):
        journals.append(house.folder / f"journal-{number}-{place}")
        arguments = (house.nodes[place % NODES].url, token, journals[-1], number * 100 + place, SECONDS)
        workers.append(context.Process(target=work, args=arguments))
        workers[-1].start()
    wait_for(journals)
    time.sleep(0.3 + wait_s)  # the random moment is the point
    event()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive(), "a client still waits for its answer"
    for journal in journals:
        promises.read(journal)
    for node in house.nodes:
        wait_until_serving(node)


def wait_until_serving(node: Serving) -> None:
    until(lambda: httpx.get(f"{node.url}/health/ready", timeout=20).status_code == 200, "a node recovers")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, cluster() as server:
        made = House(Path(scratch), server, server.create("nodes"))
        print(f"{sys.argv[1]} rounds, {run_rounds(made, int(sys.argv[1]))} clicks, nothing lost")  # noqa: T201
        made.stop()
