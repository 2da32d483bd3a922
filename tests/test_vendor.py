"""The files of other projects are those that `make vendor` copied."""

import hashlib
import re
from pathlib import Path

from clicktrail.http.resources.system import ASSETS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "src" / "clicktrail" / "web" / "vendor" / "swagger-ui"


def test_no_file_was_changed() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in map(str.split, lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir()}
    found.pop("SHA256SUMS")
    assert found == sums
    assert found.keys() >= ASSETS.keys()


def test_the_version_is_the_one_that_the_makefile_names() -> None:
    [version] = re.findall(r"^SWAGGER_UI := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f'"{version}"' in (FOLDER / "swagger-ui-bundle.js").read_text()
