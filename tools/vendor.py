"""Fetches the files of other projects from npm, as `VENDOR.toml` names them, and writes their hashes into it.

For developers alone (`make vendor`): the files are committed, and an installation fetches and builds nothing. Needs
npm and a connection. For a new version change it in `VENDOR.toml`, delete its `integrity`, and run it.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools import world

FOLDER = Path(__file__).parent.parent / "src" / "clicktrail" / "web" / "vendor"
TABLE = FOLDER / "VENDOR.toml"
HEADER = (
    "# The files of other projects in this folder. `make vendor` fetches them, "
    "and writes `integrity` (npm's own) and `sha256`.\n"
)


def main() -> None:
    table = tomllib.loads(TABLE.read_text())
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        _install(work, {each["name"]: each["version"] for each in [*table["package"], *table["tool"]]})
        for package in table["package"]:
            package["integrity"] = _check_integrity(work, package)
        for file in table["file"]:
            _make(work, file)
    for file in table["file"]:
        file["sha256"] = hashlib.sha256((FOLDER / file["path"]).read_bytes()).hexdigest()
    TABLE.write_text(HEADER + "".join(_render(table)))


def _install(work: Path, versions: Mapping[str, str]) -> None:
    """Installs exact versions; no package runs a script."""
    (work / "package.json").write_text(json.dumps({"private": True, "dependencies": versions}))
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-audit"], cwd=work, check=True)  # noqa: S607


def _check_integrity(work: Path, package: Mapping[str, Any]) -> str:
    """The integrity of what was installed. Raises SystemExit if it differs from the one that is written down."""
    lock = json.loads((work / "package-lock.json").read_text())
    found: str = lock["packages"][f"node_modules/{package['name']}"]["integrity"]
    if package.get("integrity", found) != found:
        raise SystemExit(f"{package['name']} {package['version']}: the registry has other content than before.")
    return found


def _make(work: Path, file: Mapping[str, str]) -> None:
    """Copies a file of a package, makes a map of it, or bundles the file of this folder that names what is used."""
    target = FOLDER / file["path"]
    target.parent.mkdir(exist_ok=True)
    if "map" in file:
        target.write_text(world.make(json.loads((work / "node_modules" / file["map"]).read_text())))
        return
    if "source" in file:
        shutil.copyfile(work / "node_modules" / file["source"], target)
        return
    entry = work / Path(file["entry"]).name
    shutil.copyfile(FOLDER / file["entry"], entry)
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none"]
    command = ["node_modules/.bin/esbuild", entry.name, *options, f"--outfile={target}"]
    subprocess.run(command, cwd=work, check=True)  # noqa: S603


def _render(table: Mapping[str, list[Mapping[str, str]]]) -> Iterator[str]:
    for kind, items in table.items():
        for item in items:
            yield f"\n[[{kind}]]\n"
            yield from (f"{name} = {json.dumps(value)}\n" for name, value in item.items())


if __name__ == "__main__":
    main()
