"""`clicktrail id`: ids out of answers, for scripts."""

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clicktrail.cli import main
from tests.serving import COMMAND

ID, OTHER = "6006dda272f002519c3eb505", "6006dda272f002519c3eb506"
HEAVY = {"duckdb", "numpy", "psycopg", "starlette", "granian", "clicktrail.app"}


def ask(given: Any, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["id", *arguments], input=given if isinstance(given, bytes) else json.dumps(given))


@pytest.mark.parametrize(
    ("answer", "arguments", "printed"),
    [
        ({"clickId": ID, "linkId": OTHER}, (), f"{ID}\n"),
        ({"name": "x", "profileId": ID}, (), f"{ID}\n"),
        ({"clickId": ID, "linkId": OTHER}, ("linkId",), f"{OTHER}\n"),
        ([{"clickId": ID}, {"clickId": OTHER}], (), f"{ID}\n{OTHER}\n"),
        ([], (), ""),
        ({"created": 2, "clickIds": [ID, OTHER]}, ("clickIds",), f"{ID}\n{OTHER}\n"),
        ({"access_token": "a.b"}, ("access_token",), "a.b\n"),
        ({"profileId": 17}, (), "17\n"),
    ],
)
def test_ids_are_printed(answer: Any, arguments: tuple[str, ...], printed: str) -> None:
    done = ask(answer, *arguments)
    assert (done.exit_code, done.stdout) == (0, printed)


@pytest.mark.parametrize(
    ("given", "arguments", "said"),
    [
        (b"", (), "nothing on standard input"),
        (b" \n", (), "nothing on standard input"),
        (b"<html>\xff", (), "There is no JSON on standard input, but: '<html>"),
        (b"[" * 100_000, (), "There is no JSON"),
        ({"name": "x"}, (), "There is no key that ends in Id; there are: name."),
        ({"clickId": ID}, ("linkId",), "There is no key linkId; there are: clickId."),
        ({"clickId": ID, "linkId": None}, ("linkId",), "linkId holds no text: null."),
        ({"clickId": ID, "profile": {}}, ("profile",), "profile holds no text: {}."),
        ({"clickId": ID, "enabled": True}, ("enabled",), "enabled holds no text: true."),
        ("text", (), 'There must be an object or a list of objects, not "text".'),
        ([{"clickId": ID}, {}], (), "There is no key that ends in Id"),
    ],
)
def test_what_has_no_id_is_said(given: Any, arguments: tuple[str, ...], said: str) -> None:
    done = ask(given, *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr


def test_a_refusal_is_explained() -> None:
    errors = [{"detail": "is required", "pointer": "/uri"}, {"detail": "is given twice", "parameter": "limit"}]
    problem = {"type": "x", "title": "Invalid content", "status": 422, "detail": "The body is not valid."}
    done = ask(problem | {"errors": errors})
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Error: 422 Invalid content: The body is not valid.",
        "  /uri is required",
        "  limit is given twice",
    ]


def test_it_loads_nothing_that_takes_time() -> None:
    script = (
        "import sys; sys.argv = ['clicktrail', 'id']\n"
        "from clicktrail.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input='{"linkId": "x"}', capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "x\n")
    assert not HEAVY & set(done.stderr.split())


def test_an_unknown_command_is_named() -> None:
    done = subprocess.run([*COMMAND, "nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "No such command 'nonsense'" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ({"aId": "\ud800"}, "\\ud800\n"),
        ({"aId": "x\ny"}, "x\\ny\n"),
        ({"aId": "\x1b]0;title\x07"}, "\\x1b]0;title\\x07\n"),
        ({"aId": "ä"}, "ä\n"),
    ],
)
def test_an_id_is_one_line_of_printable_letters(given: Any, printed: str) -> None:
    assert ask(given).stdout == printed


def test_a_refusal_of_a_foreign_server_is_explained_in_printable_letters() -> None:
    done = ask({"title": 1, "status": 2, "detail": "\x1b[31m", "errors": 5})
    assert (done.exit_code, done.stderr) == (1, "Error: 2 1: \\x1b[31m\n")
