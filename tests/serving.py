"""A real server in a process of its own, for tests that look from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import randrange
from typing import Any

import httpx

from clicktrail.model.access import Scope
from clicktrail.opening import keys_of, open_engine
from clicktrail.settings import load_settings
from clicktrail.tokens import issue_token
from tests.forked import Forked

COMMAND = [sys.executable, "-m", "clicktrail"]
START_TIMEOUT_S = 60
DAY_S = 86_400


PORTS = 1_000
_numbers = count(randrange(PORTS))


def free_port() -> int:
    """Of a range from which no other worker of the tests takes one, nor the system for what it connects: the server
    listens there only when it has started."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    while True:
        port = 20_000 + worker * PORTS + next(_numbers) % PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(**settings: str) -> dict[str, str]:
    """Of a command with these settings alone; a port that is not given is a free one, as 8000 may be in use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLICKTRAIL_")}
    given = {"port": str(free_port()), **settings}
    return kept | {f"CLICKTRAIL_{name.upper()}": value for name, value in given.items()}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What a command wrote, and its exit status."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = Forked(arguments, environment(**settings), out, err)
        try:
            code = process.wait(120)
        finally:
            process.kill()
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess([*COMMAND, *arguments], code, out.read(), err.read())


@dataclass
class Serving:
    """A server that runs: its process, its address, its data."""

    process: subprocess.Popen[str] | Forked
    url: str
    data: Path
    log: Path
    settings: Mapping[str, str]

    @property
    def base_path(self) -> str:
        return self.settings.get("base_path", "")

    def token(self, scope: str = "admin", partner: str | None = None) -> str:
        """What `clicktrail token create` makes, without the start of a process (tests/cli has the command itself)."""
        return self.sign(scope, partner)[0]

    def sign(self, scope: str, partner: str | None = None, lifetime_s: int = DAY_S) -> tuple[str, str]:
        """A token and its id; one with a negative lifetime has expired."""
        settings = load_settings({"data": str(self.data), **self.store}, {})

        def make() -> tuple[str, str]:
            with ExitStack() as stack:
                engine = stack.enter_context(closing(open_engine(settings))) if self.store else None
                return issue_token(keys_of(settings, engine), Scope(scope), "cli:tests", lifetime_s, partner)

        with ThreadPoolExecutor(1) as elsewhere:  # the thread of a test may have an event loop: a browser's
            return elsewhere.submit(make).result()

    def client(self, scope: str = "admin", partner: str | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token(scope, partner)}"}, timeout=30
        )

    @property
    def store(self) -> dict[str, str]:
        return {name: self.settings[name] for name in ("database",) if name in self.settings}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def start(
    data: Path,
    *options: str,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> Serving:
    """`command`: another than that of this checkout."""
    settings = settings or {}
    port = port or free_port()
    data.parent.mkdir(parents=True, exist_ok=True)  # the directory itself is the server's to make
    log = data.parent / f"{data.name}.log"
    with log.open("a") as out:
        arguments = ["serve", "--data", str(data), "--port", str(port), *options]
        process: subprocess.Popen[str] | Forked
        if command is None:
            process = Forked(arguments, environment(**settings), out, out)
        else:
            process = subprocess.Popen(
                [*command, *arguments], stdout=out, stderr=out, text=True, env=environment(**settings)
            )
    serving = Serving(process, f"http://127.0.0.1:{port}", data, log, settings)
    try:
        wait_until_healthy(serving)
    except BaseException:
        serving.kill()  # else a later test would fail too: its warnings would be of this process
        raise
    return serving


def wait_until_healthy(serving: Serving) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if serving.process.poll() is not None:
            raise AssertionError(f"the server ended: {serving.log.read_text()[-2000:]}")
        try:
            if httpx.get(f"{serving.url}{serving.base_path}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError("the server did not become healthy")


@contextmanager
def serving(data: Path, *options: str, **settings: str) -> Iterator[Serving]:
    server = start(data, *options, settings=settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


@contextmanager
def serving_nodes(folder: Path, database: str, number: int) -> Iterator[list[Serving]]:
    """Servers on one database, each with its own data directory."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(folder / str(each), database=database)) for each in range(number)]


@contextmanager
def clients_of(nodes: list[Serving], timeout: float) -> Iterator[list[httpx.Client]]:
    """A client of each node; one token for all."""
    headers = {"Authorization": f"Bearer {nodes[0].token()}"}
    with ExitStack() as stack:
        yield [stack.enter_context(httpx.Client(base_url=node.url, headers=headers, timeout=timeout)) for node in nodes]
