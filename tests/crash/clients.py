"""What the client processes of the crash tests do. It imports little: many such processes are started."""

import json
import multiprocessing
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random
from typing import Any

import httpx

CONTACT = "client@email.com"


def processes() -> ForkServerContext:
    """Starts processes as copies of one that has imported this module and nothing else of the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def work(url: str, token: str, journal: Path, seed: int, seconds: float = 60) -> None:
    """One client process: creates, registers, sends batches, deletes, until the server or the time is gone."""
    random, known, number = Random(seed), list[str](), 0
    with (
        journal.open("a") as out,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client,
    ):

        def call(method: str, path: str, **content: Any) -> Any:
            note(out, intent=[method, path, content.get("json")])
            answer = client.request(method, path, **content)
            if answer.status_code >= 500:
                return None
            note(out, done=[method, path, answer.json() if answer.content else None])
            return answer.json() if answer.content else None

        deadline = time.monotonic() + seconds  # now that it can begin: whoever started it waits for its first request
        while time.monotonic() < deadline:
            number += 1
            body = {"ip": f"8.8.8.{random.randrange(9)}", "uri": f"https://x.example/?referral=c{random.randrange(5)}"}
            if random.random() < 0.3:
                body["uuid"] = f"{seed}-{number}"
            kind = random.random()
            try:
                if kind < 0.6 or not known:
                    made = call("POST", "/clicks", json=body)
                    known += [made["clickId"]] if made else []
                elif kind < 0.8:
                    contacts = [{"key": "email", "value": CONTACT}]
                    call("PATCH", f"/clicks/{random.choice(known)}", json={"firstName": "Mary", "contacts": contacts})
                elif kind < 0.9:
                    rows = [body | {"uuid": f"{seed}-{number}-{n}"} for n in range(20)]
                    made = call("POST", "/clicks/batch", json=rows)
                    known += made["clickIds"] if made else []
                else:
                    call("DELETE", f"/clicks/{known.pop(random.randrange(len(known)))}")
            except httpx.TransportError:
                return


def note(out: Any, **line: Any) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()
