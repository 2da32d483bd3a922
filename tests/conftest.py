"""Fixtures: one real server for all tests that look from outside, and a real engine for those that look inside."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings

from clicktrail.store.clicks import load_tail
from clicktrail.store.duckdb import DuckdbEngine
from clicktrail.store.schema import migrate
from tests.serving import Serving, serving

# In CI the same examples every time: new ones are looked for at the desk, where a failure can be looked at.
settings.register_profile(
    "shared machine", derandomize="CI" in os.environ, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def api(server: Serving) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def mark() -> str:
    """A word that no other test uses, to tell this test's clicks from all others."""
    return f"m{uuid.uuid4().hex[:12]}"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckdbEngine]:
    opened = DuckdbEngine(tmp_path / "clicktrail.duckdb")
    opened.run(migrate)
    opened.run(load_tail)
    opened.begin(lambda _: None, print)
    yield opened
    opened.close()
