"""Fixtures: one real server for all tests that look from outside, and a real engine for those that look inside."""

import os
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, settings

from clicktrail.store.clicks import load_tail
from clicktrail.store.duckdb import DuckdbEngine
from clicktrail.store.postgres.engine import PostgresEngine
from clicktrail.store.schema import migrate
from tests.cluster import cluster
from tests.serving import Serving, serving

# In CI the same examples every time: new ones are looked for at the desk, where a failure can be looked at.
settings.register_profile(
    "shared machine", derandomize="CI" in os.environ, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


ENGINES = ("duckdb", "postgres")
AnyEngine = DuckdbEngine | PostgresEngine


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], str]]:
    """Makes a new PostgreSQL database and returns its URL: on a server of the tests' own, or on the one that is set."""
    numbers = count()
    given = os.environ.get("CLICKTRAIL_TEST_POSTGRES_URL")
    if given is None:
        with cluster() as server:
            yield lambda: server.create(f"test_{next(numbers)}")
        return
    made: list[str] = []
    base = given.rpartition("/")[0]

    def create() -> str:
        made.append(f"clicktrail_test_{os.getpid()}_{next(numbers)}")
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{made[-1]}" TEMPLATE template0')
        return f"{base}/{made[-1]}"

    yield create
    with psycopg.connect(given, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session", params=ENGINES)
def engine_kind(request: pytest.FixtureRequest) -> str:
    """The engine: whatever is tested through `server`, `api` or `engine` is tested on each."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server(
    engine_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Serving]:
    more = {"database": request.getfixturevalue("new_database")()} if engine_kind == "postgres" else {}
    with serving(tmp_path_factory.mktemp("server") / "data", **more) as running:
        yield running


@pytest.fixture(scope="session")
def api(server: Serving) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def mark() -> str:
    """A word that no other test uses, to tell this test's clicks from all others."""
    return f"m{uuid.uuid4().hex[:12]}"


def open_engine(kind: str, folder: Path, request: pytest.FixtureRequest) -> AnyEngine:
    """A new store with its tables."""
    if kind == "postgres":
        nodes = PostgresEngine(request.getfixturevalue("new_database")())
        nodes.migrate(migrate)
        return nodes
    opened = DuckdbEngine(folder / "clicktrail.duckdb")
    opened.run(migrate)
    opened.run(load_tail)
    opened.begin(lambda _: None, print)
    return opened


@pytest.fixture
def engine(engine_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AnyEngine]:
    opened = open_engine(engine_kind, tmp_path, request)
    yield opened
    opened.close()


@pytest.fixture
def embedded(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AnyEngine]:
    """The engine that remembers what it stores."""
    opened = open_engine("duckdb", tmp_path, request)
    yield opened
    opened.close()
