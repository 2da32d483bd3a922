"""How a command finds the server that runs on the same data: a small file beside the store."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from clicktrail.settings import Settings

ADDRESS_FILE = "server.json"


@contextlib.contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Says where the server is, for as long as the block lasts."""
    path = Path(settings.data) / ADDRESS_FILE
    path.write_text(json.dumps({"pid": os.getpid(), "url": url}) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find_server(settings: Settings) -> str | None:
    """The base URL of the server that runs on this data, as far as it said."""
    try:
        content = json.loads((Path(settings.data) / ADDRESS_FILE).read_text())
        os.kill(content["pid"], 0)
    except PermissionError:  # it runs, as another user
        pass
    except (OSError, ValueError, KeyError, TypeError):
        return None
    url: str = content["url"]
    return url
