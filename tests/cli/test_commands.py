"""The command line, as an operator uses it."""

import json
import os
import re
import signal
import socket
import stat
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.asking import count_clicks
from tests.serving import Serving, free_port, run, serving, start
from tests.waiting import until


def test_a_token_is_the_last_line_and_works_while_the_server_runs(server: Serving) -> None:
    done = run(
        "token",
        "create",
        "--data",
        str(server.data),
        "--scope",
        "read",
        "--name",
        "board",
        "--expires",
        "1h",
        **server.store,
    )
    token = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token)
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{server.url}/clicks", headers=headers).status_code == 200
    assert httpx.post(f"{server.url}/clicks", headers=headers, json={}).status_code == 403


def test_a_token_made_before_the_first_start_works(tmp_path: Path) -> None:
    token = run("token", "create", "--data", str(tmp_path / "data")).stdout.splitlines()[-1]
    with serving(tmp_path / "data") as server:
        assert httpx.get(f"{server.url}/clicks", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_an_expired_token_ends(server: Serving) -> None:
    done = run("token", "create", "--data", str(server.data), "--expires", "3s", **server.store)
    token = done.stdout.splitlines()[-1]
    middle = token.split(".")[1]
    content = json.loads(urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert content["exp"] - content["iat"] == 3
    expired, _ = server.sign("read", lifetime_s=-1)
    assert httpx.get(f"{server.url}/clicks", headers={"Authorization": f"Bearer {expired}"}).status_code == 401


def test_a_rotated_key_ends_the_tokens_that_are_not_kept(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with serving(tmp_path / "data") as server:
        headers = {"Authorization": f"Bearer {server.token()}"}
        assert run("token", "rotate-key", "--data", data).returncode == 0
        assert httpx.get(f"{server.url}/clicks", headers=headers).status_code == 200
        assert run("token", "rotate-key", "--data", data, "--keep", "0").returncode == 0
        until(lambda: httpx.get(f"{server.url}/clicks", headers=headers).status_code != 200, "it is refused")
        with server.client() as client:
            assert client.get("/clicks").status_code == 200
    assert stat.S_IMODE((tmp_path / "data" / "signing.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "create", "--scope", "partner"),
        ("token", "create", "--partner", "6006dda272f002519c3eb505"),
        ("token", "create", "--scope", "partner", "--partner", "me"),
        ("token", "create", "--expires", "soon"),
        ("token", "create", "--scope", "root"),
        ("client", "create", "--scope", "partner"),
        ("serve", "--port", "99999"),
        ("serve", "--port", "http"),
        ("serve", "--workers", "2"),
        ("serve", "--database", "mysql://x"),
        ("serve", "--base-path", "x"),
        ("serve", "--geo", "/nowhere.mmdb"),
    ],
)
def test_wrong_options_end_in_words(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--data", str(tmp_path / "data"))
    assert done.returncode != 0
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_come_from_the_environment_and_options_win(tmp_path: Path) -> None:
    done = run("settings", "--port", "9", port="8", token_lifetime_s="60", data=str(tmp_path))
    assert "* port = 9" in done.stdout
    assert "* token_lifetime_s = 60" in done.stdout
    assert "  host = '127.0.0.1'" in done.stdout
    wrong = run("settings", token_lifetime_s="soon")
    assert wrong.returncode != 0
    assert "--token-lifetime-s (CLICKTRAIL_TOKEN_LIFETIME_S) must be a whole number" in wrong.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("erasures", "export", "{}"),
        ("erasures", "export", "--force", "{}"),
        ("export", "--force", "--format", "ndjson", "{}"),
        ("import", "--rejects", "{}", "in.ndjson"),
        ("backup", "{}"),
    ],
    ids=" ".join,
)
def test_no_command_writes_over_a_store_or_its_keys(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Nor over what it reads. A file beside the store may be replaced."""
    data = tmp_path / "data"
    assert run("migrate", "--data", str(data)).returncode == 0
    assert run("token", "create", "--scope", "admin", "--data", str(data)).returncode == 0
    row = {"clickId": "5f5e1000aaaaaaaaaa000001", "time": "2020-09-13T12:26:40+00:00", "ip": "x", "uri": "y"}
    rows = tmp_path / "in.ndjson"
    rows.write_text(json.dumps(row))
    (tmp_path / "link").symlink_to(data / "signing.key")
    own = [data / "clicktrail.duckdb", data / "signing.key", tmp_path / "link", *data.glob("*.journal-*"), rows]
    before = {path: path.read_bytes() for path in own}
    for path in own:
        if path == rows and "--force" in command:
            continue
        words = [str(rows) if word == "in.ndjson" else word.format(path) for word in command]
        done = run(*words, "--data", str(data))
        assert done.returncode != 0
        assert path.read_bytes() == before[path]
        assert str(path) in done.stderr


def test_a_store_in_use_ends_in_one_sentence(servers: Callable[[str], tuple[Serving, httpx.Client]]) -> None:
    """The embedded one: any number of servers may use one database."""
    server, _ = servers("duckdb")
    done = run("serve", "--data", str(server.data), "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"in use by process {server.process.pid}" in done.stderr


def test_a_port_in_use_ends_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        done = run("serve", "--data", str(tmp_path / "data"), "--port", str(holder.getsockname()[1]))
    assert done.returncode == 1
    assert "Cannot listen" in done.stderr
    assert done.stderr.endswith("set another port by --port or CLICKTRAIL_PORT. Example: --port 8001.\n")
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_by_the_own_server_names_its_process(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        done = run("serve", "--data", str(tmp_path / "data"), "--port", server.url.rpartition(":")[2])
    assert f"The server of this data directory is running already, and uses it: {server.url}" in done.stderr
    assert done.stderr.endswith(f", process {server.process.pid}.\n")


class TestClients:
    def life(self, data: Path, **store: str) -> None:
        made = run("client", "create", "--data", str(data), "--scope", "read", "--name", "board", **store)
        assert made.returncode == 0, made.stderr
        client_id = made.stdout.split()[1]
        head, *lines = run("client", "list", "--data", str(data), **store).stdout.splitlines()
        assert head.split() == ["id", "state", "scope", "partner", "name"]
        assert [line for line in lines if line.startswith(f"{client_id}  enabled  read")]
        rotated = run("client", "rotate", "--data", str(data), client_id, **store)
        assert rotated.stdout.split()[1] == client_id
        assert rotated.stdout.split()[3] != made.stdout.split()[3]
        assert run("client", "revoke", "--data", str(data), client_id, **store).returncode == 0
        assert f"{client_id}  revoked" in run("client", "list", "--data", str(data), **store).stdout
        unknown = run("client", "revoke", "--data", str(data), "000000000000000000000000", **store)
        assert unknown.returncode == 1
        assert "There is no client" in unknown.stderr

    def test_with_a_running_server(self, server: Serving) -> None:
        self.life(server.data, **server.store)

    def test_without_one(self, tmp_path: Path) -> None:
        assert run("migrate", "--data", str(tmp_path / "data")).returncode == 0
        self.life(tmp_path / "data")

    def test_tokens_are_revoked_either_way(self, server: Serving, tmp_path: Path) -> None:
        assert run("migrate", "--data", str(tmp_path / "data")).returncode == 0
        for data, store in ((server.data, server.store), (tmp_path / "data", {})):
            assert run("token", "revoke", "--data", str(data), "0123456789abcdef", **store).returncode == 0


class TestDoctor:
    def test_finds_nothing_wrong_before_during_and_after_a_server(self, tmp_path: Path) -> None:
        data, port = tmp_path / "data", str(free_port())
        assert run("doctor", "--data", str(data), "--port", port).returncode == 0
        with serving(data):
            during = run("doctor", "--data", str(data), "--port", port)
            assert during.returncode == 0, during.stdout
            assert "healthy" in during.stdout
        assert "0 clicks" in run("doctor", "--data", str(data)).stdout

    def test_says_what_is_wrong_and_how_to_mend_it(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        run("token", "create", "--data", str(data))
        (data / "signing.key").chmod(0o644)
        (data / "clicktrail.duckdb").write_bytes(b"no database" * 1000)
        (tmp_path / "x.mmdb").write_bytes(b"no database")
        done = run("doctor", "--data", str(data), "--geo", str(tmp_path / "x.mmdb"), prot="1", port=str(free_port()))
        assert done.returncode == 1
        assert done.stdout.count("WRONG") == 4
        assert done.stdout.count("->") == 4
        assert "CLICKTRAIL_PROT is not a setting" in done.stdout
        assert "chmod 600" in done.stdout

    def test_says_whether_postbacks_can_get_through(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data = str(tmp_path / "data")
        assert "CLICKTRAIL_SEND_POSTBACKS is off" in run("doctor", "--data", data, send_postbacks="false").stdout
        (tmp_path / "own.pem").touch()
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
        assert f"certificates are verified with {tmp_path / 'own.pem'}" in run("doctor", "--data", data).stdout
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
        assert "no trusted certificates" in run("doctor", "--data", data).stdout


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of the server that went
def test_sigterm_answers_what_is_open_and_loses_nothing(tmp_path: Path) -> None:
    server = start(tmp_path / "data")
    stop, promised = threading.Event(), []

    def send() -> None:
        with server.client() as client:
            while not stop.is_set():
                try:
                    answer = client.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"})
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    promised.append(answer.json()["clickId"])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(promised) >= 200, "clicks come")
    assert server.stop() == 0
    stop.set()
    for thread in threads:
        thread.join()
    with serving(tmp_path / "data") as again, again.client() as client:
        assert count_clicks(client) >= len(promised)
        for click_id in promised[-50:]:
            assert client.get(f"/clicks/{click_id}").status_code == 200


def test_the_server_says_how_to_begin_and_where_it_is(tmp_path: Path) -> None:
    with serving(tmp_path / "data", base_path="/api/v1") as server:
        said = server.log.read_text()
        assert f"{server.url}/api/v1/docs" in said
        assert "token create" in said
        assert json.loads((tmp_path / "data" / "server.json").read_text())["pid"] == server.process.pid
        with server.client() as client:
            made = client.post("/api/v1/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"})
            assert made.headers["Location"].startswith(f"{server.url}/api/v1/clicks/")
            assert client.get("/clicks").status_code == 404
        os.kill(server.process.pid, signal.SIGTERM)
        server.process.wait(20)
        assert not (tmp_path / "data" / "server.json").exists()
