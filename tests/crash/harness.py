"""A real server under load from several processes, killed at random moments, and the comparison afterwards.

Run by hand: `python -m tests.crash.harness ROUNDS [disk|clock]`. Each worker process writes down what it is about to
send and what it was promised, a line each, flushed before it goes on: what stands there after the kill is what the
store must hold.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.crash.clients import CONTACT, processes, work
from tests.serving import Serving, start
from tests.waiting import until

WORKERS = 4


class Promises:
    """What the journals of all rounds add up to."""

    def __init__(self) -> None:
        self.clicks: dict[str, dict[str, Any]] = {}
        self.ids: set[str] = set()
        self.uncertain: set[str] = set()
        """Clicks of requests that were not answered: they may be as before or as asked for, never by half."""
        self.deleted: set[str] = set()
        self.refused = 0
        """Requests answered with 503."""

    def read(self, journal: Path) -> None:
        pending: list[Any] | None = None
        for line in journal.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # torn by the end of the process
                continue
            if "intent" in entry:
                self.refused += pending is not None
                self.doubt(pending)
                pending = entry["intent"]
            else:
                pending = None
                self.fulfil(*entry["done"])
        self.doubt(pending)

    def doubt(self, pending: list[Any] | None) -> None:
        """A request that was not answered, or with 503."""
        if pending is not None and pending[0] in ("PATCH", "DELETE"):
            self.uncertain.add(pending[1].rpartition("/")[2])

    def fulfil(self, method: str, path: str, answer: Any) -> None:
        click_id = path.rpartition("/")[2]
        if method == "DELETE":
            self.deleted.add(click_id)
            self.ids.discard(click_id)
            self.clicks.pop(click_id, None)
        elif path == "/clicks/batch":
            self.ids.update(answer["clickIds"])
        else:
            self.clicks[answer["clickId"]] = answer
            self.ids.add(answer["clickId"])


def stored_clicks(client: httpx.Client) -> Iterator[dict[str, Any]]:
    with client.stream("GET", "/clicks/export?format=ndjson") as answer:
        for line in answer.iter_lines():
            if line:
                yield json.loads(line)


def compare(client: httpx.Client, promises: Promises, links: dict[str, str]) -> int:
    """Raises AssertionError where the store breaks a promise; returns how many clicks it holds."""
    rows = list(stored_clicks(client))
    stored = {row["clickId"]: row for row in rows}
    assert len(stored) == len(rows), "a click is there twice"
    missing = promises.ids - stored.keys() - promises.uncertain
    assert not missing, f"{len(missing)} clicks that were promised are gone: {sorted(missing)[:3]}"
    assert not (promises.deleted & stored.keys()), "a deleted click came back"
    uuids = [row["uuid"] for row in rows if row["uuid"]]
    assert len(uuids) == len(set(uuids)), "a uuid is there twice"
    for click_id, click in promises.clicks.items():
        if click_id not in promises.uncertain:
            assert stored[click_id] == click, click_id
    compare_profiles(client, stored)
    compare_metrics(client, rows, links)
    return len(rows)


def compare_profiles(client: httpx.Client, stored: dict[str, dict[str, Any]]) -> None:
    """Every client of a click is there with its contact, and no profile is there by half."""
    url, profiles = "/profiles?limit=1000", dict[str, Any]()
    while url:
        answer = client.get(url)
        profiles |= {profile["profileId"]: profile for profile in answer.json()}
        url = answer.links.get("next", {}).get("url", "")
    for click in stored.values():
        if click["profileId"]:
            assert [contact["value"] for contact in profiles[click["profileId"]]["contacts"]] == [CONTACT]
    assert all(len(profile["contacts"]) == 1 for profile in profiles.values()), "a profile is there by half"


def compare_metrics(client: httpx.Client, rows: list[dict[str, Any]], links: dict[str, str]) -> None:
    """The figures of every link equal a recount."""
    for link_id in links.values():
        own = [row for row in rows if row["linkId"] == link_id]
        times = sorted(row["time"] for row in own)
        figures = client.get(f"/links/{link_id}/metrics").json()
        assert (
            figures.items()
            >= {
                "clicks": len(own),
                "uniqueClicks": len({(row["ip"], row["userAgent"], row["time"][:10]) for row in own}),
                "registrations": sum(1 for row in own if row["profileId"]),
                "firstClickTime": times[0] if times else None,
                "lastClickTime": times[-1] if times else None,
            }.items()
        )


def run_rounds(folder: Path, rounds: int, seed: int = 1, faults: str = "") -> int:
    """Kills a server `rounds` times on one growing store; returns the clicks that are there at the end.

    `faults`: `disk` or `clock`, as in `faulty`. The machine is sound while a server starts and while it is compared.
    """
    random, promises, count = Random(seed), Promises(), 0
    mark = folder / "faults"
    command = [sys.executable, "-m", "tests.crash.faulty", faults, str(mark)] if faults else None
    server = start(folder / "data", command=command)
    with server.client() as client:
        links = {f"c{n}": client.post("/links", json={"code": f"c{n}"}).json()["linkId"] for n in range(4)}
    context = processes()
    for number in range(rounds):
        token = server.token()
        journals = [folder / f"journal-{number}-{worker}" for worker in range(WORKERS)]
        workers = [
            context.Process(target=work, args=(server.url, token, journal, number * WORKERS + place))
            for place, journal in enumerate(journals)
        ]
        mark.touch()
        for worker in workers:
            worker.start()
        wait_for(journals)
        time.sleep(random.random() * 0.8)  # the random moment is the point
        server.kill()
        mark.unlink()
        for worker in workers:
            worker.join(30)
        for journal in journals:
            promises.read(journal)
        server = start(folder / "data", command=command)
        with server.client() as client:
            count = compare(client, promises, links)
    finish(server)
    assert bool(promises.refused) == (faults == "disk"), f"{promises.refused} refusals"
    return count


def wait_for(journals: list[Path]) -> None:
    until(lambda: all(each.exists() and each.stat().st_size for each in journals), "the workers begin")


def finish(server: Serving) -> None:
    assert server.stop() == 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        faults = sys.argv[2] if len(sys.argv) > 2 else ""
        count = run_rounds(Path(scratch), int(sys.argv[1]), faults=faults)
        print(f"{sys.argv[1]} rounds, {count} clicks, nothing lost")  # noqa: T201
