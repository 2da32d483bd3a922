"""The files of other projects are those that `make vendor` made, and NOTICE names each project."""

import hashlib
import tomllib
from pathlib import Path

from clicktrail.http.resources.system import ASSETS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "src" / "clicktrail" / "web" / "vendor"
TABLE = tomllib.loads((FOLDER / "VENDOR.toml").read_text())


def test_no_file_was_changed() -> None:
    for file in TABLE["file"]:
        assert hashlib.sha256((FOLDER / file["path"]).read_bytes()).hexdigest() == file["sha256"], file["path"]


def test_every_file_is_listed() -> None:
    found = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    entries = {file["entry"] for file in TABLE["file"] if "entry" in file}
    assert found == {file["path"] for file in TABLE["file"]} | entries | {"VENDOR.toml"}
    assert {file["path"] for file in TABLE["file"]} >= {f"swagger-ui/{name}" for name in ASSETS}


def test_every_package_has_an_integrity_and_a_licence() -> None:
    for package in TABLE["package"]:
        assert package["integrity"].startswith("sha512-")
        assert package["licence"] in ("MIT", "Apache-2.0", "ISC")
