"""A Citus cluster of the tests' own, from the programs of a PostgreSQL that has the extension.

No package brings them: `CLICKTRAIL_TEST_CITUS_BIN` names the folder with `postgres`, `initdb` and the others.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

from tests.cluster import Cluster, cluster
from tests.serving import run

BINARIES = os.environ.get("CLICKTRAIL_TEST_CITUS_BIN")
WORKERS = 2
SETTINGS = {
    "shared_preload_libraries": "citus",
    "citus.node_conninfo": "sslmode=prefer",
    "citus.recover_2pc_interval": "1s",
}
"""What a worker did not hear of a commit before it died it is told within a second, and not within a minute."""


@dataclass
class Machines:
    """The machines of a cluster."""

    coordinator: Cluster
    workers: list[Cluster]
    _names: Iterator[int] = field(default_factory=count)

    def create(self, workers: int = WORKERS) -> str:
        """A new database with the extension, in which the coordinator knows so many workers; returns its URL."""
        name = f"test_{next(self._names)}"
        for machine in (self.coordinator, *self.workers):
            with psycopg.connect(machine.create(name), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION citus")
        with psycopg.connect(self.coordinator.url(name), autocommit=True) as connection:
            connection.execute("SELECT citus_set_coordinator_host('127.0.0.1', %s)", [self.coordinator.port])
            for worker in self.workers[:workers]:
                connection.execute("SELECT citus_add_node('127.0.0.1', %s)", [worker.port])
        return self.coordinator.url(name)

    def create_store(self) -> str:
        """A new database in which the store is spread."""
        url = self.create()
        done = run("migrate", "--citus", database=url)
        assert done.returncode == 0, done.stderr
        return url


@contextmanager
def machines() -> Iterator[Machines]:
    """A coordinator and its workers, running."""
    assert BINARIES is not None, "CLICKTRAIL_TEST_CITUS_BIN names no programs of a PostgreSQL with Citus"
    with ExitStack() as stack:
        made = [stack.enter_context(cluster(Path(BINARIES), **SETTINGS)) for _ in range(WORKERS + 1)]
        yield Machines(made[0], made[1:])
