"""`clicktrail user`, with a running server and without one."""

import re
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from clicktrail.cli.main import main
from tests.people import PASSWORD, Person, make_person
from tests.serving import Serving, free_port, run, serving

LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/welcome#([\w-]{43})", re.ASCII).fullmatch


def make_store(data: Path) -> None:
    assert CliRunner().invoke(main, ["migrate", "--data", str(data)]).exit_code == 0


def invite(data: Path, name: str, *options: str, **store: str) -> tuple[str, str]:
    """The base URL and the token of the link, which is the last line."""
    done = run("user", "invite", name, "--data", str(data), *options, **store)
    assert done.returncode == 0, done.stderr
    found = LINK(done.stdout.splitlines()[-1])
    assert found is not None, done.stdout
    return found[1], found[2]


def test_with_a_running_server(server: Serving, api: httpx.Client, mark: str) -> None:
    """On PostgreSQL the command changes the database itself."""
    port = server.url.rpartition(":")[2]
    url, token = invite(server.data, mark, "--scope", "admin", "--port", port, **server.store)
    assert url == server.url
    person = Person(server, mark)
    assert person.post("/welcome", {"token": token, "password": PASSWORD}).status_code == 201
    listed = run("user", "list", "--data", str(server.data), **server.store).stdout
    assert re.search(rf"^[0-9a-f]{{24}}  enabled   admin    -  +{mark}$", listed, re.MULTILINE)
    again = run("user", "invite", mark, "--data", str(server.data), **server.store)
    assert (again.returncode, "Another user has this name" in again.stderr) == (1, True)
    reset = run("user", "reset", mark.upper(), "--data", str(server.data), "--port", port, **server.store)
    found = LINK(reset.stdout.splitlines()[-1])
    assert found is not None
    assert person.get("/session").status_code == 401
    assert person.post("/welcome", {"token": found[2], "password": PASSWORD}).status_code == 201
    make_person(server, api, f"{mark}-other")  # so that the user is not the last admin
    done = run("user", "disable", mark, "--data", str(server.data), **server.store)
    assert done.returncode == 0, done.stderr
    assert person.get("/session").status_code == 401
    assert (
        f"disabled  admin    -                         {mark}"
        in run("user", "list", "--data", str(server.data), **server.store).stdout
    )
    for command in ("disable", "reset"):
        unknown = run("user", command, f"{mark}-nobody", "--data", str(server.data), **server.store)
        assert (unknown.returncode, "There is no user" in unknown.stderr) == (1, True)
    assert api.get(f"/users?filter[name][eq]={mark}").json()[0]["enabled"] is False


def test_before_the_first_start(tmp_path: Path) -> None:
    data, port = tmp_path / "data", str(free_port())
    make_store(data)
    nobody = run("user", "list", "--data", str(data))
    assert (nobody.stdout, "clicktrail user invite" in nobody.stderr) == ("", True)
    url, token = invite(data, "Mary", "--scope", "admin", port=port)
    assert url == f"http://127.0.0.1:{port}"
    _, lost = invite(data, "Ann")
    found = LINK(run("user", "reset", "ann", "--data", str(data)).stdout.splitlines()[-1])
    assert found is not None
    assert "invited   read " in run("user", "list", "--data", str(data)).stdout
    with serving(data) as server:
        assert "Set up the first user" not in server.log.read_text()
        mary = Person(server)
        assert mary.post("/welcome", {"token": token, "password": PASSWORD}).json()["scope"] == "admin"
        for link, status in ((lost, 401), (found[2], 201)):
            assert Person(server).post("/welcome", {"token": link, "password": PASSWORD}).status_code == status


def test_links_lead_where_browsers_come(tmp_path: Path) -> None:
    make_store(tmp_path / "data")
    public = {"public_url": "https://clicks.example.org", "base_path": "/ct"}
    for settings, start in (
        (public, "https://clicks.example.org/ct/welcome#"),
        ({"host": "0.0.0.0", "port": "8000"}, "http://127.0.0.1:8000/welcome#"),
        ({"host": "::1", "port": "8000"}, "http://[::1]:8000/welcome#"),
    ):
        name = f"user of {settings}"
        done = run("user", "invite", name, "--data", str(tmp_path / "data"), **settings)
        assert done.stdout.splitlines()[-1].startswith(start)


@pytest.mark.parametrize(
    "arguments",
    [
        ("invite",),
        ("invite", " "),
        ("invite", "x" * 256),
        ("invite", "Mary", "--scope", "write"),
        ("invite", "Mary", "--scope", "partner"),
        ("invite", "Mary", "--partner", "0" * 24),
        ("invite", "Mary", "--scope", "partner", "--partner", "0" * 24),
        ("disable", "Mary"),
        ("reset", "Mary"),
    ],
)
def test_mistakes_end_in_words(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    make_store(tmp_path / "data")
    done = run("user", *arguments, "--data", str(tmp_path / "data"))
    assert done.returncode != 0
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_last_admin_cannot_be_disabled(tmp_path: Path) -> None:
    make_store(tmp_path / "data")
    invite(tmp_path / "data", "Mary", "--scope", "admin")
    done = run("user", "disable", "Mary", "--data", str(tmp_path / "data"))
    assert (done.returncode, "last enabled user" in done.stderr) == (1, True)
