"""How a command finds the running server of a data directory: by a small file next to the store."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from clicktrail.settings import Settings
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.migrations.shared import all_names

ADDRESS_FILE = "server.json"
MIGRATIONS = all_names(DuckdbSession.dialect)
"""The migrations of this version for the embedded store. A server applies them at its start."""


class Running(NamedTuple):
    pid: int
    url: str
    """The base URL."""
    migrations: tuple[str, ...]
    """The migrations of the server's version. Empty if the server is too old to publish them."""


@contextlib.contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Publishes the server's address and migrations until the block ends."""
    path = Path(settings.data) / ADDRESS_FILE
    path.write_text(json.dumps(Running(os.getpid(), url, MIGRATIONS)._asdict()) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def browser_url(settings: Settings) -> str:
    """The base URL for a browser: the public one, else one on this machine if the server listens on all addresses."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared only
    own = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    return (settings.public_url or own) + settings.base_path.rstrip("/")


def find_running(settings: Settings) -> Running | None:
    """The running server of this data directory."""
    try:
        content = json.loads((Path(settings.data) / ADDRESS_FILE).read_text())
        found = Running(content["pid"], str(content["url"]), tuple(content.get("migrations", ())))
        with contextlib.suppress(PermissionError):  # it runs, as another user
            os.kill(found.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def find_server(settings: Settings) -> str | None:
    """The base URL of the running server of this data directory."""
    found = find_running(settings)
    return found.url if found is not None else None
