"""The lock files say what `pyproject.toml` asks for, and nothing about the machine that wrote them."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = {
    "run.txt": [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]],
    "dev.txt": PROJECT["project"]["optional-dependencies"]["dev"],
    "bench.txt": PROJECT["project"]["optional-dependencies"]["bench"],
}
WITHIN = (("run.txt", "dev.txt"), ("dev.txt", "bench.txt"))
"""The first is installed first; the second must not change what is there."""
ENTRY = re.compile(r"^(\S+ ?(?:;[^\\]+)?) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
PYTHONS = [{"python_version": version, "python_full_version": f"{version}.0"} for version in ("3.11", "3.12", "3.13")]


@cache
def entries(name: str) -> tuple[Requirement, ...]:
    """What a lock file pins; every line of it must belong to an entry with a hash, or be a comment."""
    text = (ROOT / "requirements" / name).read_text()
    assert re.fullmatch(r"(#.*\n)*", ENTRY.sub("", text)), "a line without a hash, or an option"
    return tuple(Requirement(found.group(1)) for found in ENTRY.finditer(text))


def pinned(name: str, python: dict[str, str]) -> dict[str, Version]:
    """What is installed on a Python of a version, on this system: name -> version."""
    return {
        canonicalize_name(entry.name): Version(next(iter(entry.specifier)).version)
        for entry in entries(name)
        if entry.marker is None or entry.marker.evaluate(python)
    }


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python["python_version"])
@pytest.mark.parametrize("name", WANTED)
def test_the_lock_has_all_that_is_asked_for(name: str, python: dict[str, str]) -> None:
    pins = pinned(name, python)
    for wanted in map(Requirement, WANTED[name]):
        if wanted.marker is None or wanted.marker.evaluate(python):
            version = pins.get(canonicalize_name(wanted.name))
            assert version is not None, f"{wanted.name} is not in requirements/{name}: run `make lock`"
            assert version in wanted.specifier, f"requirements/{name} has {wanted.name} {version}: run `make lock`"


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python["python_version"])
@pytest.mark.parametrize(("first", "then"), WITHIN)
def test_what_is_installed_first_stays(first: str, then: str, python: dict[str, str]) -> None:
    assert pinned(first, python).items() <= pinned(then, python).items(), "run `make lock`"


@pytest.mark.parametrize("name", WANTED)
def test_a_version_is_pinned_by_its_number(name: str) -> None:
    for entry in entries(name):
        assert entry.url is None
        assert [pin.operator for pin in entry.specifier] == ["=="], entry
