"""Thirty-two clients at once: nothing but documented answers, and the table equals what the answers promised."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.serving import Serving, serving

CLIENTS, SECONDS = 32, 12
CLIENT = {"firstName": "Mary", "contacts": [{"key": "email", "value": "client@email.com"}]}


class Worker(threading.Thread):
    """Creates, registers, lists, gets and deletes its own clicks, and remembers what it was promised."""

    def __init__(self, server: Serving, number: int, token: str) -> None:
        super().__init__()
        self.random = Random(number)
        self.number = number
        self.http = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        self.promised: dict[str, dict[str, Any]] = {}
        self.strange: list[str] = []
        self.calls = 0

    def run(self) -> None:
        actions: list[Callable[[], None]] = (
            [self.create] * 5 + [self.register] * 2 + [self.list_clicks, self.delete, self.repeat]
        )
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            self.random.choice(actions)()
            self.calls += 1
        self.http.close()

    def expect(self, answer: httpx.Response, *statuses: int) -> Any:
        if answer.status_code not in statuses:
            self.strange.append(
                f"{answer.request.method} {answer.request.url} {answer.status_code} {answer.text[:200]}"
            )
        return answer.json() if answer.content else None

    def create(self, **fields: str) -> None:
        body = {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source=w{self.number}", **fields}
        click = self.expect(self.http.post("/clicks", json=body), 201)
        self.promised[click["clickId"]] = click

    def repeat(self) -> None:
        uuid = f"u{self.number}-{self.calls}"
        self.create(uuid=uuid)
        body = {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source=w{self.number}", "uuid": uuid}
        again = self.expect(self.http.post("/clicks", json=body), 200)
        assert again["clickId"] in self.promised

    def pick(self) -> str | None:
        return self.random.choice(list(self.promised)) if self.promised else None

    def register(self) -> None:
        click_id = self.pick()
        if click_id:
            self.promised[click_id] = self.expect(self.http.patch(f"/clicks/{click_id}", json=CLIENT), 200)

    def list_clicks(self) -> None:
        query = f"/clicks?filter[utmSource]=w{self.number}&limit=1000&query[profile]=1&query[metrics]=1"
        found = self.expect(self.http.get(query), 200)
        assert {click["clickId"] for click in found} <= self.promised.keys()

    def delete(self) -> None:
        click_id = self.pick()
        if click_id:
            self.expect(self.http.delete(f"/clicks/{click_id}"), 204)
            del self.promised[click_id]


@pytest.mark.slow
def test_the_table_equals_what_was_promised(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server, server.client() as admin:
        token = server.token()
        workers = [Worker(server, number, token) for number in range(CLIENTS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [line for worker in workers for line in worker.strange] == []
        promised = {click_id: click for worker in workers for click_id, click in worker.promised.items()}
        stored: dict[str, dict[str, Any]] = {}
        url = "/clicks?limit=1000&query[profile]=1"
        while url:
            answer = admin.get(url)
            stored |= {click["clickId"]: click for click in answer.json()}
            url = answer.links.get("next", {}).get("url", "")
        profiles = {click_id: click.pop("profile") for click_id, click in stored.items()}
        assert stored == promised
        for click_id, click in stored.items():
            profile = profiles[click_id]
            assert (click["profileId"] is None) == (profile is None)
            assert profile is None or [contact["value"] for contact in profile["contacts"]] == ["client@email.com"]
        assert len({click["uuid"] for click in stored.values() if click["uuid"]}) == sum(
            1 for click in stored.values() if click["uuid"]
        )


def test_pages_under_inserts_neither_skip_nor_repeat(api: httpx.Client, mark: str) -> None:
    def post(number: int) -> str:
        body = {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}&utm_term={number % 7}"}
        click_id: str = api.post("/clicks", json=body).json()["clickId"]
        return click_id

    before = [post(number) for number in range(40)]
    for sort, order in (("createTime", "desc"), ("createTime", "asc"), ("utmTerm", "desc"), ("uri", "asc")):
        url = f"/clicks?filter[utmSource]={mark}&limit=3&sort_by={sort}&sort_order={order}"
        seen: list[str] = []
        while url and len(seen) < 400:
            answer = api.get(url)
            seen += [click["clickId"] for click in answer.json()]
            if len(seen) < 60:
                post(len(seen))
            url = answer.links.get("next", {}).get("url", "")
        assert len(seen) == len(set(seen))
        assert set(before) <= set(seen)
