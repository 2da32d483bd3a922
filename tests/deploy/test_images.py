"""The Dockerfile and the compose file, as text: test_containers.py builds and starts the image."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"


def copied() -> set[str]:
    """What the Dockerfile takes from the checkout."""
    lines = re.findall(r"^COPY (?!--)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    return {name for line in lines for name in line.split()}


def test_the_dockerfile_is_clean() -> None:
    linter = Path(shutil.which("hadolint") or ROOT / ".venv" / "bin" / "hadolint")
    if not linter.exists():
        pytest.skip("there is no hadolint for this system")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_build_finds_what_it_copies_and_takes_nothing_else() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {name.split("/")[0] for name in copied()} == set(allowed)
    assert all((ROOT / name).exists() for name in copied())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {project["readme"], *project["license-files"]} <= copied()  # the build backend reads them


def test_the_compose_file_is_whole() -> None:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in content["services"].items():
        assert "image" in service or (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        assert {volume.split(":")[0] for volume in service["volumes"]} <= content["volumes"].keys(), name
        assert all(other in content["services"] for other in service.get("depends_on", ()))
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))  # TLS stands in front
    server = content["services"]["clicktrail"]["environment"]
    assert content["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"] == server["PGPASSWORD"]
