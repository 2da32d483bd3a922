"""The server's own OpenAPI document against the server: every check of schemathesis, over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Serving, serving

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CONFIG = f"""
hooks = "{HOOKS}"

[checks]
# A body can be in order by its schema and still name an object that is not there, or a time in the future.
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "422"]
# A path that is no id is answered as any object that is not there.
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "406", "415", "422"]
"""


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path / "data", lockout_failures="1000000", send_postbacks="false") as running:
        yield running


@pytest.mark.slow
def test_the_server_keeps_its_own_schema(fuzzed: Serving, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(tmp_path / "schemathesis.toml"),
            "run",
            f"{fuzzed.url}/openapi.json",
            "--header",
            f"Authorization: Bearer {fuzzed.token()}",
            "--checks=all",
            "--max-examples=25",
            "--generation-deterministic",
            "--workers=2",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=480,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
