"""How a server begins and ends, and what doctor sees of a store without touching it."""

import hashlib
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from clicktrail import __version__
from clicktrail.cli import main
from clicktrail.cli.version import describe_version, find_commit
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.serving import Serving, free_port, run, start

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
