"""A server that learns the address of each browser, and users who are signed in there."""

from collections.abc import Iterator

import pytest

from tests.conftest import NewStore
from tests.people import PASSWORD, WRONG, House, Person, make_person, serving_people


@pytest.fixture(scope="session")
def house(engine_kind: str, new_store: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of an engine. At the end its log is searched for what nobody may read there."""
    folder = tmp_path_factory.mktemp("people")
    with serving_people(folder / "data", **new_store(engine_kind)) as server, server.client() as api:
        yield House(server, api)
        text = server.log.read_text()
    for secret in (PASSWORD, WRONG, "__Host-clicktrail="):
        assert secret not in text


@pytest.fixture
def person(house: House, mark: str) -> Person:
    """An admin who is signed in."""
    return make_person(house.server, house.api, mark)
