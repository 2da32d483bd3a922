"""Every shell block of the docs runs, in the order in which they are read, in one shell on one server.

What a reader has and a test has not (port 8000, the old server's name, a tracker's) is replaced, and nothing else. An
answer that a block shows, in comments directly below a command, must be what comes of it.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_moving_in import make_history
from tests.receiver import receiving
from tests.reference import CLIENT_ID, CLIENT_SECRET, reference_server
from tests.serving import COMMAND, environment, serving

ROOT = Path(__file__).parent.parent
NOT_RUN = {
    "README.md": ["make run", "clicktrail demo"],
    "docs/operating.md": ["clicktrail serve", "export CLICKTRAIL_PARTNER_ORIGINS"],
    "docs/operating/deploying.md": ["useradd", "docker build", "cd deploy"],
    "docs/operating/upgrading.md": ["git pull", "git pull", "git pull"],
}
"""Document -> the beginnings of its blocks marked `sh no-run`: they install, serve, or need systemd, docker or a link
that is printed once."""
AGAIN = ("README.md", "docs/first-link.md")
"""Documents that readers may follow twice, after a pause: the blocks between take longer than `REPEAT_S`."""
REPEAT_S = "2"
NOT_WRITTEN = ("/answers/", "/said/", "/bin/", "/.venv/", "/data/", "/data.log")
"""Made by the test, or ignored by a line without a slash before it."""
LANGUAGES = {"sh", "sh no-run", "html", "json", "nginx", "python", "text", "yaml"}
ADDRESS, OLD = "http://127.0.0.1:8000", "https://your.base-url.here"
CREDENTIALS = "CLIENT_ID=… CLIENT_SECRET=…"
DATABASE = "postgresql://clicktrail@db.example.org/clicktrail"
TRACKER = "tracker.example.org"
CURL = """#!/bin/bash
set -o pipefail
answer=$(mktemp "$ANSWERS/$BLOCK.XXXXXX")
{curl} -D "$answer.headers" "$@" | tee "$answer"
"""
"""curl, which writes down every answer, also one that goes into a pipe or a file."""
_fences = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE).finditer


@dataclass(frozen=True)
class Block:
    """A shell block: its document, and the line where it begins."""

    document: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """README, what it says to read on, and everything else, each once."""
    readme = ROOT / "README.md"
    named = re.findall(r"\]\((docs/[^)#]+\.md)\)", readme.read_text().partition("## Read on")[2])
    return list(dict.fromkeys([readme, *(ROOT / name for name in named), *sorted((ROOT / "docs").rglob("*.md"))]))


def fences() -> Iterator[Block]:
    for path in documents():
        text = path.read_text()
        for match in _fences(text):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(str(path.relative_to(ROOT)), line, match[1], match[2])


BLOCKS = [block for block in fences() if block.info == "sh"]
BLOCKS += [block for block in BLOCKS if block.document in AGAIN]


def test_every_fence_says_what_it_holds() -> None:
    assert {str(block): block.info for block in fences() if block.info not in LANGUAGES} == {}


def test_few_blocks_are_not_run_and_their_names_are_known() -> None:
    marked = [(block.document, block.text) for block in fences() if block.info == "sh no-run"]
    known = [(document, beginning) for document, beginnings in NOT_RUN.items() for beginning in beginnings]
    assert [document for document, _ in marked] == [document for document, _ in known]
    for (_, text), (_, beginning) in zip(marked, known, strict=True):
        assert text.startswith(beginning)


@dataclass(frozen=True)
class Played:
    """The folder in which all blocks have run, and what was replaced in them."""

    folder: Path
    replaced: Mapping[str, str]

    def put(self, text: str) -> str:
        for name, value in self.replaced.items():
            text = text.replace(name, value)
        return text

    def answers(self, number: int) -> list[Path]:
        """What curl got in a block."""
        return sorted(path for path in (self.folder / "answers").glob(f"{number}.*") if path.suffix != ".headers")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[Played]:
    curl = shutil.which("curl")
    assert curl is not None, "the docs need curl"
    folder = tmp_path_factory.mktemp("docs")
    for name, content in (("bin/curl", CURL.format(curl=curl)), (".venv/bin/clicktrail", own_command())):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    for name in ("answers", "said"):
        (folder / name).mkdir()
    with receiving(tmp_path_factory.mktemp("tracker")) as (tracker, trusted), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        with (
            serving(folder / "data", postback_networks="127.0.0.1/32", duplicate_window_s=REPEAT_S) as server,
            reference_server(make_history("m0123456789ab")) as old,
        ):
            credentials = f"CLIENT_ID={CLIENT_ID} CLIENT_SECRET={CLIENT_SECRET}"
            replaced = {
                ADDRESS: server.url,
                OLD: old,
                CREDENTIALS: credentials,
                DATABASE: new_database(),
                TRACKER: f"127.0.0.1:{tracker.port}",
            }
            result = Played(folder, replaced)
            play(result)
            yield result


def own_command() -> str:
    return f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n'


def play(played: Played) -> None:
    """All blocks in one shell, which ends at the first command that fails."""
    lines = ["set -euo pipefail"]
    for number, block in enumerate(BLOCKS):
        lines += [f"export BLOCK={number}; exec > said/{number}.out 2> said/{number}.err", played.put(block.text)]
        lines.append(f"touch said/{number}.done")
    own = {
        "ANSWERS": str(played.folder / "answers"),
        "PATH": f"{played.folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT / "src")),
    }
    subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=played.folder, env=environment() | own, timeout=300, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=map(str, BLOCKS))
def test_a_block_does_what_it_says(played: Played, number: int) -> None:
    block, said = BLOCKS[number], played.folder / "said"
    assert (said / f"{number}.err").exists(), "an earlier block ended the shell"
    assert (said / f"{number}.done").exists(), (said / f"{number}.err").read_text()
    for path in played.answers(number):
        statuses = re.findall(r"^HTTP/\S+ (\d+)", Path(f"{path}.headers").read_text(), re.MULTILINE)
        assert statuses, f"no answer in {block}"
        assert int(statuses[-1]) < 400, path.read_text()
    told = (said / f"{number}.out").read_text()
    documents = [json_of(path.read_bytes()) for path in played.answers(number)]
    for shown in shown_answers(played.put(block.text)):
        check_shown(shown, told, [each for each in documents if each is not None])


@pytest.mark.slow
def test_git_ignores_what_the_blocks_write_into_a_checkout(played: Played) -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    made = [f"/{path.name}{'/' * path.is_dir()}" for path in sorted(played.folder.iterdir())]
    written = [name for name in made if name not in NOT_WRITTEN]
    assert len(written) > 10
    assert [name for name in written if not any(fnmatchcase(name, line) for line in ignored)] == []


def test_what_is_replaced_is_there() -> None:
    text = "".join(block.text for block in BLOCKS)
    assert [name for name in (ADDRESS, OLD, CREDENTIALS, DATABASE, TRACKER) if name not in text] == []


def json_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def shown_answers(text: str) -> Iterator[list[str]]:
    """The comments that stand directly below a command; those below an empty line say what comes next."""
    group: list[str] = []
    is_below = False
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            if is_below:
                group.append(line[1:].strip())
            continue
        if group:
            yield group
            group = []
        is_below = bool(line.strip())


def check_shown(lines: list[str], told: str, documents: list[Any]) -> None:
    text = " ".join(lines)
    if text.startswith(("{", "[")):
        expected = json.loads(re.sub(r",\s*…(?=\s*[}\]])", "", text))
        assert any(fits(expected, each) for each in documents), f"{text}\nis shown, and this came: {documents}"
        return
    for line in lines:
        assert any(is_like(line, each.strip()) for each in told.splitlines()), f"{line}\nis shown, not: {told}"


def fits(expected: Any, actual: Any) -> bool:
    """Whether an answer has all keys that are shown, and in them what is shown; figures may be others."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and fits(value, actual[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and all(any(fits(value, each) for each in actual) for value in expected)
    if expected is None or isinstance(expected, bool) or actual is None:
        return actual is expected or expected == "…" or (actual is None and isinstance(expected, int))
    if isinstance(expected, str):
        return isinstance(actual, str) and is_like(expected, actual)
    return isinstance(actual, type(expected))


def is_like(pattern: str, text: str) -> bool:
    """`6b04…` stands for any id, and `…` for anything."""
    regex = re.escape(pattern).replace("6b04…", "[0-9a-f]{24}").replace("…", ".*")
    return re.fullmatch(regex, text) is not None


@pytest.mark.parametrize(
    ("expected", "actual", "is_right"),
    [
        ({"a": "6b04…"}, {"a": "6006dda272f002519c3eb505", "b": 1}, True),
        ({"a": "6b04…"}, {"a": "x"}, False),
        ({"a": 1}, {"a": 2}, True),
        ({"a": 1}, {"a": "2"}, False),
        ({"a": {"b": True}}, {"a": {"b": False}}, False),
        ([{"a": "x…"}], [{"a": "y"}, {"a": "xy"}], True),
        ([{"a": 1}], [], False),
        ({"a": 1}, {}, False),
        ({"a": None}, {"a": 1}, False),
    ],
)
def test_the_comparison_tells_right_from_wrong(expected: Any, actual: Any, is_right: bool) -> None:
    assert fits(expected, actual) is is_right
