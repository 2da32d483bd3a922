"""Users of two servers on one database: what ends on one has ended on the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.conftest import NewStore
from tests.people import PASSWORD, Person, make_person
from tests.serving import Serving, clients_of, serving_nodes


class Pair(NamedTuple):
    first: Serving
    second: Serving
    api: httpx.Client


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Pair]:
    folder, database = tmp_path_factory.mktemp("pair"), new_store("postgres")["database"]
    with serving_nodes(folder, database, 2) as nodes, clients_of(nodes, 30) as clients:
        make_person(nodes[0], clients[0], "the admin who stays")
        yield Pair(nodes[0], nodes[1], clients[0])


def there(pair: Pair, person: Person) -> Person:
    """The same browser at the other server."""
    return Person(pair.second, person.name, cookie=person.cookie)


def test_a_session_is_known_at_once_and_ends_at_once(pair: Pair, mark: str) -> None:
    person = make_person(pair.first, pair.api, mark)
    ends = {
        "disabled": lambda: pair.api.patch(f"/users/{person.user_id}", json={"enabled": False}),
        "password": lambda: person.post("/session/password", {"current": PASSWORD, "password": "x" * 12}),
        "everywhere": lambda: person.ask("DELETE", "/sessions"),
        "deleted": lambda: pair.api.delete(f"/users/{person.user_id}"),
    }
    for word in ("password", "everywhere", "disabled", "deleted"):
        other = there(pair, person)
        assert other.get("/session").status_code == 200
        assert ends[word]().is_success
        assert other.get("/session").status_code == 401, word
        pair.api.patch(f"/users/{person.user_id}", json={"enabled": True})
        person.password = "x" * 12
        assert person.sign_in().status_code == (401 if word == "deleted" else 201)


def test_one_invitation_is_one_password(pair: Pair, mark: str) -> None:
    made = pair.api.post("/users", json={"name": mark, "scope": "read"}).json()
    token = pair.api.post(f"/users/{made['userId']}/invitation").json()["url"].partition("#")[2]
    body = {"token": token, "password": PASSWORD}
    answers = [Person(node).post("/welcome", body).status_code for node in (pair.second, pair.first)]
    assert answers == [201, 401]


def test_rights_that_change_hold_at_once(pair: Pair, mark: str) -> None:
    other = there(pair, make_person(pair.first, pair.api, mark))
    assert other.get("/users").status_code == 200
    listed = pair.api.get(f"/users?filter[name]={mark}").json()
    pair.api.patch(f"/users/{listed[0]['userId']}", json={"scope": "read"})
    assert other.get("/users").status_code == 403


def test_each_server_offers_the_first_user_until_there_is_one(tmp_path: Path, new_store: NewStore) -> None:
    with serving_nodes(tmp_path, new_store("postgres")["database"], 2) as nodes:
        tokens = [node.log.read_text().partition("/welcome#")[2][:43] for node in nodes]
        assert len(set(tokens)) == 2
        body = {"name": "Mary", "password": PASSWORD}
        answers = [Person(nodes[1]).post("/welcome", {**body, "token": token}).status_code for token in tokens]
        assert answers == [201, 401]
