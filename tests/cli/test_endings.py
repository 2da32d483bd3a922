"""How a server begins and ends, and what doctor sees of a store without touching it."""

import hashlib
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner

from clicktrail import __version__
from clicktrail.cli import main
from clicktrail.cli.version import describe_version, find_commit
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.serving import Serving, free_port, run, serving, start
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_server_cleanly_with_one_line(tmp_path: Path, number: signal.Signals) -> None:
    server = start(tmp_path / "data")
    with server.client() as client:
        client.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"})
    server.process.send_signal(number)
    assert server.process.wait(30) == 0
    [line] = [line for line in server.log.read_text().splitlines() if "has stopped" in line]
    assert f"after {number.name}: 0 open requests answered, 0 clicks stored, " in line
    assert not (tmp_path / "data" / "clicktrail.duckdb.wal").exists()


@contextmanager
def half_a_click(server: Serving) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection whose request has begun, and the rest of the request."""
    body = b'{"ip": "8.8.8.8", "uri": "https://x.example/"}'
    head = f"POST /clicks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\n"
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), 20) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:9])
        yield connection, body[9:]


def stop_line(server: Serving) -> str:
    assert server.process.wait(30) == 0
    [line] = [line for line in server.log.read_text().splitlines() if "has stopped" in line]
    return line


def is_stopping(server: Serving) -> bool:
    try:
        socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), 1).close()
    except OSError:
        return True
    return False


def test_the_last_line_counts_what_was_finished_while_stopping(tmp_path: Path) -> None:
    server = start(tmp_path / "data")
    with half_a_click(server) as (connection, rest):
        until(lambda: httpx.get(f"{server.url}/health").status_code == 200, "the request has begun")
        server.process.terminate()
        until(lambda: is_stopping(server), "it stops")
        connection.sendall(rest)
        assert b" 201 " in connection.recv(100)
    assert "after SIGTERM: 1 open requests answered, 1 clicks stored, " in stop_line(server)


def test_the_last_line_does_not_count_what_was_closed(tmp_path: Path) -> None:
    server = start(tmp_path / "data", settings={"stop_s": "1"})
    with half_a_click(server) as (connection, _):
        until(lambda: httpx.get(f"{server.url}/health").status_code == 200, "the request has begun")
        server.process.terminate()
        line = stop_line(server)
        with suppress(ConnectionError):
            assert connection.recv(100) == b""
    assert "0 open requests answered, 1 connections closed before their answer, 0 clicks stored, " in line


def test_missing_migrations_are_listed_while_a_server_has_the_store(tmp_path: Path) -> None:
    def check() -> tuple[int, str]:
        done = run("migrate", "--check", "--data", str(tmp_path / "data"))
        return done.returncode, done.stdout + done.stderr

    with serving(tmp_path / "data"):
        published = tmp_path / "data" / "server.json"
        assert check() == (0, "The store is up to date.\n")
        said = json.loads(published.read_text())
        last = said["migrations"].pop()
        published.write_text(json.dumps(said | {"migrations": [*said["migrations"], "0999-to-come"]}))
        status, lines = check()
        assert (status, lines.splitlines()[:2]) == (1, [f"missing {last}", "newer 0999-to-come"])
        published.write_text(json.dumps({"pid": said["pid"], "url": said["url"]}))  # as servers did before
        status, lines = check()
        assert (status, f"in use by process {said['pid']}" in lines) == (1, True)


def test_doctor_says_unknown_where_it_has_seen_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def lines() -> list[list[str]]:
        done = run("doctor", "--data", str(data))
        assert done.returncode == 0, done.stdout
        return [line.split(maxsplit=2) for line in done.stdout.splitlines()]

    assert ["unknown", "proxies", "no server is running, so this cannot be checked"] in lines()
    with serving(data) as server:
        assert ["unknown", "proxies", "the server has had no visit since its start"] in lines()
        httpx.get(f"{server.url}/r/none")
        assert ["ok", "proxies", "no visit came through a proxy that is not trusted"] in lines()
    assert ["ok", "key", f"{data / 'signing.key'} is valid"] in lines()
    (data / "signing.key").unlink()
    assert [word for word, subject, *_ in lines() if subject == "key"] == ["unknown"]


def test_a_start_after_damage_says_so_and_doctor_too(tmp_path: Path) -> None:
    server = start(tmp_path / "data")
    with server.client() as client:
        for _ in range(5):
            assert client.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).status_code == 201
    server.kill()
    log = tmp_path / "data" / "clicktrail.duckdb.wal"
    log.write_bytes(b"\0" * 64 + log.read_bytes()[64:])
    before = run("doctor", "--data", str(tmp_path / "data"))
    assert before.returncode == 1
    assert "is damaged: its head is not readable" in before.stdout
    assert log.exists()
    again = start(tmp_path / "data")
    again.stop()
    [kept] = (tmp_path / "data").glob("clicktrail.duckdb.wal.damaged-*")
    said = again.log.read_text()
    assert f"WARNING: The log of the store was damaged: its head is not readable. It is kept as {kept.name}" in said
    assert [line for line in again.log_lines() if line.get("level") == "error" and kept.name in line["event"]]
    after = run("doctor", "--data", str(tmp_path / "data"))
    assert after.returncode == 1
    assert str(kept) in after.stdout


def prints(folder: Path) -> dict[str, tuple[str, int, int]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def add_salt(session: Session, day: int) -> None:
    session.rows(sql("INSERT INTO visitor_salts VALUES ({}, 'a')", day))


@pytest.mark.parametrize("kind", ["closed", "killed", "torn", "damaged", "old"])
def test_doctor_changes_no_file(tmp_path: Path, kind: str) -> None:
    engine = DuckdbEngine(tmp_path / "live" / "clicktrail.duckdb")
    engine.run(migrate)
    for number in range(3):
        engine.run(partial(add_salt, day=number))
    if kind == "old":
        engine.run(lambda session: session.rows(sql("DELETE FROM migrations WHERE name > '0008'")))
    if kind in ("closed", "old"):
        engine.close()
    data = tmp_path / "data"
    shutil.copytree(tmp_path / "live", data)
    log = data / "clicktrail.duckdb.wal"
    if kind == "torn":
        log.write_bytes(log.read_bytes()[:-9])
    elif kind == "damaged":
        content = bytearray(log.read_bytes())
        content[len(content) // 2] ^= 0x10
        log.write_bytes(content)
    before = prints(data)
    for command in (["doctor", "--port", str(free_port())], ["migrate", "--check"]):
        done = CliRunner().invoke(main, [*command, "--data", str(data)])
        assert done.exit_code == int(kind in ("damaged", "old")), done.output
        if command[0] == "doctor":
            assert {
                "closed": "opens, 0 clicks",
                "killed": "the next start will read its",
                "torn": "the next start will read its",
                "damaged": "is damaged",
                "old": "missing: 0008-name-spaces-of-uuids",
            }[kind] in done.output
    assert prints(data) == before
    if kind not in ("closed", "old"):
        engine.close()


def test_doctor_sees_a_clock_that_is_behind_and_a_port_in_use(tmp_path: Path, server: Serving) -> None:
    port = server.url.rpartition(":")[2]
    own = run("doctor", "--data", str(server.data), "--port", port, **server.store)
    assert f"127.0.0.1:{port} is used by the server of this data directory" in own.stdout
    other = run("doctor", "--data", str(tmp_path / "data"), "--port", port)
    assert f"Cannot listen on 127.0.0.1:{port}" in other.stdout
    assert other.returncode == 1
    engine = DuckdbEngine(tmp_path / "data" / "clicktrail.duckdb")
    engine.run(migrate)
    engine.run(
        lambda session: session.rows(
            sql(
                "INSERT INTO clicks (click_id, time, ip, uri, update_time) "
                "VALUES ({}, 0, '408080808', 'https://x/', 0)",
                f"{0xF0000000:08x}" + "0" * 16,
            )
        )
    )
    engine.close()
    assert "is in the future" in run("doctor", "--data", str(tmp_path / "data")).stdout


def test_doctor_reads_the_keys_of_nodes(server: Serving) -> None:
    said = run("doctor", "--data", str(server.data), **server.store).stdout
    assert ("number of keys in the table signing_keys: 1" in said) == bool(server.store)
    assert f"{__version__}" in said.splitlines()[0]


def test_versions_of_a_checkout_name_the_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@x.example")
        done = subprocess.run(
            ["git", "-C", str(tmp_path / "a"), *identity, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    (tmp_path / "a").mkdir()
    if shutil.which("git") is None:
        pytest.skip("git is not there to make a checkout")
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "a")
    commit = git("rev-parse", "HEAD")
    git("worktree", "add", "--quiet", str(tmp_path / "b"))
    assert find_commit(tmp_path / "a") == find_commit(tmp_path / "b") == commit
    git("pack-refs", "--all")
    assert find_commit(tmp_path / "a") == find_commit(tmp_path / "b") == commit
    git("checkout", "--quiet", "--detach")
    assert find_commit(tmp_path / "a") == commit
    assert describe_version(tmp_path / "a" / "src" / "clicktrail") == f"{__version__} ({commit[:7]})"
    assert find_commit(tmp_path / "nowhere") == ""
    assert describe_version(tmp_path / "site-packages" / "clicktrail") == __version__
