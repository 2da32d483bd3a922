"""Tokens from the command line: what is written down of them, and what is checked before one is made."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.serving import Serving, free_port, run, serving
from tests.waiting import until


def make(data: Path, *options: str, **store: str) -> tuple[str, str]:
    done = run("token", "create", "--data", str(data), *options, **store)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1], done.stderr


def id_of(said: str) -> str:
    found = re.search(r"Token ([0-9a-f]{16}) with", said)
    assert found is not None
    return found[1]


def states(data: Path, **store: str) -> dict[str, str]:
    done = run("token", "list", "--data", str(data), **store)
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["id", "state", "scope", "partner", "created", "expires", "name"]
    assert all(line.index(line.split()[2]) == head.index("scope") for line in lines if "no key" not in line)
    return {line[:16]: line[18:26].strip() for line in lines}


def test_tokens_are_listed_with_what_became_of_them(server: Serving) -> None:
    good, said = make(server.data, "--scope", "read", "--name", "board", **server.store)
    kept = id_of(said)
    expired = id_of(make(server.data, "--expires", "1s", **server.store)[1])
    token, said = make(server.data, **server.store)
    revoked = id_of(said)
    done = run("token", "revoke", "--data", str(server.data), revoked, **server.store)
    assert (done.returncode, done.stderr) == (0, "")
    listed = run("token", "list", "--data", str(server.data), **server.store).stdout
    assert "board" in next(line for line in listed.splitlines() if line.startswith(kept))
    assert good not in listed
    until(lambda: states(server.data, **server.store)[expired] != "valid", "a token expires")
    found = states(server.data, **server.store)
    assert (found[kept], found[expired], found[revoked]) == ("valid", "expired", "revoked")
    assert httpx.get(f"{server.url}/clicks", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_an_unknown_token_is_revoked_and_said_to_be_unknown(server: Serving) -> None:
    done = run("token", "revoke", "--data", str(server.data), "0123456789abcdef", **server.store)
    assert done.returncode == 0
    assert "no token 0123456789abcdef was made" in done.stderr
    with server.client() as client:
        assert {"tokenId": "0123456789abcdef"} in client.get("/tokens/revocations").json()


def test_a_partner_must_be_there(server: Serving) -> None:
    done = run(
        *("token", "create", "--data", str(server.data), "--scope", "partner", "--partner", "0" * 24), **server.store
    )
    assert done.returncode == 1
    assert f"There is no profile {'0' * 24}" in done.stderr
    with server.client() as client:
        profile = client.post("/profiles", json={"firstName": "Mary"}).json()["profileId"]
    assert make(server.data, "--scope", "partner", "--partner", profile, **server.store)


def test_tokens_of_a_key_that_is_gone_are_told_apart_without_a_server(tmp_path: Path) -> None:
    _, said = make(tmp_path / "data")
    assert "there is no store at" in said
    token_id = id_of(said)
    assert states(tmp_path / "data") == {token_id: "valid"}
    assert run("token", "rotate-key", "--keep", "0", "--data", str(tmp_path / "data")).returncode == 0
    assert states(tmp_path / "data") == {token_id: "no key"}
    assert (tmp_path / "data" / "tokens.ndjson").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "\n", "4f3a2b1c abcdefghijk\n", "4f3a2b1c\n", "\xff", "{}\n"])
def test_a_server_refuses_a_key_that_is_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "signing.key").write_text(content, "latin-1")
    done = run("serve", "--data", str(tmp_path / "data"), "--port", "1")
    assert done.returncode == 1
    done = run("token", "create", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "The signing key" in done.stderr
    assert "cannot be used" in done.stderr
    assert "abcdefghijk" not in done.stderr


@pytest.mark.parametrize(
    "command", [("serve", "--port", str(free_port())), ("token", "create")], ids=lambda words: words[0]
)
def test_a_data_directory_that_cannot_be_used_is_no_damaged_key(tmp_path: Path, command: tuple[str, ...]) -> None:
    """No one should remove a key because the user of the process may not write."""
    (tmp_path / "file").write_text("")
    done = run(*command, "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert "remove it" not in done.stderr
    assert f"The data directory {tmp_path / 'file' / 'data'} cannot be used: Not a directory" in done.stderr


def test_a_server_warns_of_a_key_that_others_can_read(tmp_path: Path) -> None:
    make(tmp_path / "data")
    (tmp_path / "data" / "signing.key").chmod(0o644)
    with serving(tmp_path / "data") as server:
        warnings = [line["event"] for line in server.log_lines() if line.get("level") == "warning"]
    assert [line for line in warnings if "chmod 600" in line]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nodes_refuse_a_key_that_is_damaged(tmp_path: Path, new_database: Callable[[], str], workers: str) -> None:
    """Also where workers serve: another one would fare no better, so none takes the place of the first."""
    database = new_database()
    make(tmp_path / "data", database=database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE signing_keys SET line = 'half'")
    done = run(
        *("serve", "--data", str(tmp_path / "data"), "--port", str(free_port()), "--workers", workers),
        database=database,
    )
    assert done.returncode == 1
    assert "The signing key in the database cannot be used: line 1 is not a complete key" in done.stderr
    assert "is replaced" not in done.stderr
    told = run("doctor", "--data", str(tmp_path / "data"), database=database)
    assert "the table signing_keys: line 1 is not a complete key" in told.stdout
