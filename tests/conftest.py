"""Fixtures: one real server for all tests that look from outside, and a real engine for those that look inside."""

import os
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path

import httpx
import psycopg
import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from httpx._transports import default as transports
from hypothesis import HealthCheck, settings

from clicktrail.store.clicks.newest import load_tail
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.migrations.shared import migrate
from tests import citus, containers
from tests.citus import Machines
from tests.cluster import cluster, create_database
from tests.serving import Serving, serving

# In CI the same examples every time: new ones are looked for at the desk, where a failure can be looked at.
settings.register_profile(
    "shared machine", derandomize="CI" in os.environ, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")

# Each client, and each `httpx.get`, would read the certificates of all authorities, which takes 23 ms.
transports.create_ssl_context = cache(httpx.create_ssl_context)  # type: ignore[attr-defined]
# Five seconds, the default, may be too short for an answer where a machine has much else to do.
DEFAULT_TIMEOUT_CONFIG.connect = DEFAULT_TIMEOUT_CONFIG.read = 30.0

MAY_BE_SKIPPED = "no disk can be mounted here"
"""What may be skipped in CI: only root mounts disks."""
NEEDS = {"nodes/test_citus.py": citus.BINARIES is not None, "deploy/test_containers.py": containers.has_engine()}
"""Files of tests that no package can prepare a machine for, and whether this one is prepared: no package brings Citus,
and a container engine needs rights that a CI seldom has (the Dockerfile is linted everywhere)."""
collect_ignore = [name for name, is_prepared in NEEDS.items() if not is_prepared]
LONG = (
    "cli/test_whole.py",
    "test_schemathesis.py",
    "crash/test_crash.py",
    "nodes/test_failures.py",
    "crash/test_postbacks.py",
    "store/test_bytes_gone.py",
    "clients/test_generated.py",
    "reports/test_totals.py",
    "cli/test_export.py",
    "cli/test_commands.py",
    "operating/test_trouble.py",
    "api/test_postbacks.py",
    "api/test_slow_exports.py",
    "api/test_slow_readers.py",
    "cli/test_tokens.py",
    "test_docs_run.py",
    "cli/test_moving_in.py",
    "api/test_matrix.py",
    "query/test_filters.py",
    "browser/test_docs_page.py",
    "cli/test_endings.py",
    "nodes/test_storage.py",
    "nodes/test_nodes.py",
    "test_load.py",
    "cli/test_mistakes.py",
    "store/test_memory.py",
    "api/test_questions.py",
    "api/test_restarts.py",
    "store/test_statements.py",
    "api/test_redirects.py",
    "cli/test_demo.py",
    "cli/test_import.py",
    "store/test_erased_again.py",
)
"""The files that take longest. They come first, so that no worker has one left when the others are done."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI what a test needs is installed: a skipped test is a failed one."""
    report = yield
    if report.skipped and "CI" in os.environ and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if MAY_BE_SKIPPED not in reason:
            report.outcome, report.longrepr = "failed", f"skipped, which no test may be in CI: {reason}"
    return report


@pytest.fixture(autouse=True)
def usual_file_modes() -> None:
    """Commands that a test runs in this process change the umask; the next test begins with the usual one."""
    os.umask(0o022)


ENGINES = ("duckdb", "postgres")
SERVED = (*ENGINES, "citus") if citus.BINARIES else ENGINES
"""What the tests of the API look at: a cluster as well, where there is one."""
AnyEngine = DuckdbEngine | PostgresEngine
NewStore = Callable[[str], dict[str, str]]
"""By the kind of an engine."""


@pytest.fixture(scope="session")
def copy_database() -> Iterator[Callable[[str], str]]:
    """Makes a new PostgreSQL database, a copy of another, and returns its URL: on a server of the tests' own, or on
    the one that is set."""
    numbers = count()
    given = os.environ.get("CLICKTRAIL_TEST_POSTGRES_URL")
    if given is None:
        with cluster() as server:
            yield lambda template: server.create(f"test_{next(numbers)}", template)
        return
    made: list[str] = []
    base = given.rpartition("/")[0]

    def create(template: str) -> str:
        made.append(f"clicktrail_test_{os.getpid()}_{next(numbers)}")
        create_database(given, made[-1], template)
        return f"{base}/{made[-1]}"

    yield create
    with psycopg.connect(given, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def new_database(copy_database: Callable[[str], str]) -> Callable[[], str]:
    """Makes a database with nothing in it, and returns its URL."""
    return lambda: copy_database("template0")


@pytest.fixture(scope="session")
def migrated(new_database: Callable[[], str]) -> str:
    """The name of a database that has all tables and no rows, to be copied: that is quicker than to make them anew."""
    url = new_database()
    engine = PostgresEngine(url)
    engine.migrate(migrate)
    engine.close()
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def new_store(request: pytest.FixtureRequest) -> NewStore:
    """Makes a new store with its tables on an engine, and returns the settings of a server that is to use it."""

    def make(kind: str) -> dict[str, str]:
        if kind == "postgres":
            copy, migrated = (request.getfixturevalue(name) for name in ("copy_database", "migrated"))
            return {"database": copy(migrated)}
        if kind == "citus":
            return {"database": request.getfixturevalue("machines").create_store()}
        return {}  # the server makes one in its data directory

    return make


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """A Citus cluster: a coordinator and two workers."""
    with citus.machines() as made:
        yield made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine_kind" in metafunc.fixturenames:
        kinds = SERVED if "servers" in metafunc.fixturenames else ENGINES
        if chosen := metafunc.definition.get_closest_marker("engines"):
            kinds = chosen.args
        metafunc.parametrize("engine_kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine_kind(request: pytest.FixtureRequest) -> str:
    """The engine: whatever is tested through `server`, `api` or `engine` is tested on each."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> Iterator[Callable[[str], tuple[Serving, httpx.Client]]]:
    """One server on each engine, from the first test that wants it to the last of all, with a client of its admin."""
    with ExitStack() as stack:

        @cache
        def of_kind(kind: str) -> tuple[Serving, httpx.Client]:
            running = stack.enter_context(serving(tmp_path_factory.mktemp("server") / "data", **new_store(kind)))
            return running, stack.enter_context(running.client())

        yield of_kind


@pytest.fixture(scope="session")
def server(engine_kind: str, servers: Callable[[str], tuple[Serving, httpx.Client]]) -> Serving:
    return servers(engine_kind)[0]


@pytest.fixture(scope="session")
def api(engine_kind: str, servers: Callable[[str], tuple[Serving, httpx.Client]]) -> httpx.Client:
    return servers(engine_kind)[1]


@pytest.fixture
def mark() -> str:
    """A word that no other test uses, to tell this test's clicks from all others."""
    return f"m{uuid.uuid4().hex[:12]}"


def engine_of(folder: Path, store: Mapping[str, str]) -> AnyEngine:
    """The engine of a server with this data directory and these settings."""
    return PostgresEngine(store["database"]) if store else DuckdbEngine(folder / "clicktrail.duckdb")


def open_engine(folder: Path, store: Mapping[str, str]) -> AnyEngine:
    """The engine of a new store, ready for use."""
    opened = engine_of(folder, store)
    if isinstance(opened, DuckdbEngine):
        opened.run(migrate)
        opened.run(load_tail)
        opened.begin(lambda _: None, print)
    return opened


@pytest.fixture
def engine(engine_kind: str, tmp_path: Path, new_store: NewStore) -> Iterator[AnyEngine]:
    opened = open_engine(tmp_path, new_store(engine_kind))
    yield opened
    opened.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[AnyEngine]:
    """The engine that remembers what it stores."""
    opened = open_engine(tmp_path, {})
    yield opened
    opened.close()
