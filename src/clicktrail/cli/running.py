"""How a command finds the running server of a data directory: by a small file next to the store."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from clicktrail.settings import Settings

ADDRESS_FILE = "server.json"


@contextlib.contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Publishes the server's address until the block ends."""
    path = Path(settings.data) / ADDRESS_FILE
    path.write_text(json.dumps({"pid": os.getpid(), "url": url}) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find_server(settings: Settings) -> str | None:
    """The base URL of the running server of this data directory, or None."""
    try:
        content = json.loads((Path(settings.data) / ADDRESS_FILE).read_text())
        os.kill(content["pid"], 0)
    except PermissionError:  # it runs, as another user
        pass
    except (OSError, ValueError, KeyError, TypeError):
        return None
    url: str = content["url"]
    return url
