"""What was promised to be told is told, whoever is killed meanwhile; and while nobody is, it is told once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.api.test_attribution import make_partner
from tests.asking import count_clicks
from tests.conftest import NewStore
from tests.receiver import Receiver, receiving
from tests.serving import Serving, serving, start
from tests.waiting import until

CLICKS, ROUNDS = 150, 3
LEASE_S = 15


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(tmp_path) as (receiver, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        receiver.pause_s = 0.02  # so that some are always under way
        yield receiver


SETTINGS = {"postback_networks": "127.0.0.1/32", "postback_timeout_s": "5"}
"""Nobody is to give up an attempt whose request came: it would be told again, and after a pause that grows."""


def prepare(client: httpx.Client, receiver: Receiver) -> None:
    partner = make_partner(client)
    client.post("/links", json={"code": "a", "profileId": partner})
    body = {"profileId": partner, "uri": receiver.url("/told?c={click_id}"), "events": ["click", "registration"]}
    assert client.post("/postbacks", json=body).status_code == 201


def record(server: Serving, token: str, promised: list[str], stop: threading.Event) -> None:
    body = {"ip": "8.8.8.8", "uri": "https://x.example/?referral=a"}
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        while not stop.is_set():
            try:
                promised.append(client.post("/clicks", json=body).json()["clickId"])
            except httpx.TransportError:
                return


def told(receiver: Receiver) -> Counter[str]:
    return Counter(each.query["c"] for each in receiver.at("/told"))


@pytest.mark.slow
def test_sigkill_leaves_nothing_untold(
    engine_kind: str, tmp_path: Path, receiver: Receiver, new_store: NewStore
) -> None:
    given = {**SETTINGS, **new_store(engine_kind)}
    promised: list[str] = []
    token = ""
    for number in range(ROUNDS):
        server = start(tmp_path / "data", settings=given)
        token = token or server.token()
        if number == 0:
            with server.client() as client:
                prepare(client, receiver)
        before, stop = len(promised), threading.Event()
        threads = [threading.Thread(target=record, args=(server, token, promised, stop)) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda before=before: len(promised) > before + CLICKS, "clicks")  # type: ignore[misc]
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()
    with serving(tmp_path / "data", **given) as server, server.client() as client:

        def count(**filters: str) -> int:
            query = {"limit": "1", **{f"filter[{name}]": value for name, value in filters.items()}}
            answer = client.get("/deliveries", params=query, headers={"Prefer": "count=exact"})
            return int(answer.headers["X-Total-Count"])

        until(lambda: count(status="waiting") == 0, "all told", LEASE_S + 90)
        stored = count_clicks(client)
        assert count(status="delivered") == stored, "a delivery for every click, none by half"
    found = told(receiver)
    assert set(promised) <= found.keys()
    assert len(found) == stored


@pytest.mark.slow
def test_two_nodes_tell_once_and_one_tells_for_the_other(
    new_store: NewStore, tmp_path: Path, receiver: Receiver
) -> None:
    given = {**SETTINGS, **new_store("postgres")}
    body = {"ip": "8.8.8.8", "uri": "https://x.example/?referral=a"}
    with ExitStack() as stack:
        nodes = [stack.enter_context(serving(tmp_path / str(number), **given)) for number in range(2)]
        clients = [stack.enter_context(node.client()) for node in nodes]
        prepare(clients[0], receiver)
        made = [clients[number % 2].post("/clicks", json=body).json()["clickId"] for number in range(CLICKS)]
        until(lambda: len(told(receiver)) == CLICKS, "all told")
        assert told(receiver) == Counter(made)
        rows = [body | {"uuid": f"u{number}"} for number in range(CLICKS)]
        more = clients[0].post("/clicks/batch", json=rows).json()["clickIds"]
        nodes[0].kill()
        until(lambda: told(receiver).keys() >= set(more), "the other node tells", LEASE_S + 60)
