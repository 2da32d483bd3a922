"""The files of the dashboard, read once. Their path has a hash of all files, so that browsers may keep them."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import NamedTuple

ROOT = files("clicktrail") / "web"
FOLDERS = ("app", "vendor/preact", "vendor/uplot", "vendor/world")
MEDIA_TYPES: Mapping[str, str] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Files with other endings are not served."""
_imports = re.compile(r'^(?:import|export)\b[^;"=(]*"(\.[^"]+)"', re.MULTILINE).findall
"""The modules that a module needs before it runs. A dynamic `import()` is not one of them."""


class File(NamedTuple):
    """A file as it is sent."""

    body: bytes
    gzipped: bytes
    media_type: str


class Files(NamedTuple):
    """All files by their path below the folder `web`; `version` changes with any of them."""

    by_path: Mapping[str, File]
    version: str


@cache
def load_files() -> Files:
    found: dict[str, File] = {}
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path, entry in sorted(_walk(ROOT / folder, folder).items()):
            body = entry.read_bytes()
            digest.update(path.encode() + b"\0" + hashlib.sha256(body).digest())
            found[path] = File(body, gzip.compress(body, 9, mtime=0), MEDIA_TYPES[PurePosixPath(path).suffix])
    return Files(found, digest.hexdigest()[:16])


def _walk(folder: Traversable, path: str) -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            found |= _walk(entry, name)
        elif PurePosixPath(name).suffix in MEDIA_TYPES:
            found[name] = entry
    return found


def modules_of(path: str, by_path: Mapping[str, File]) -> list[str]:
    """The module and all modules that it imports, directly or through others: what a browser loads to run it."""
    found, waiting = [path], [path]
    while waiting:
        here = waiting.pop()
        for name in _imports(by_path[here].body.decode()):
            other = _resolve(PurePosixPath(here).parent / name)
            if other not in found:
                found.append(other)
                waiting.append(other)
    return found


def _resolve(path: PurePosixPath) -> str:
    """A path without `.` and `..`."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
