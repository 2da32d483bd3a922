"""`clicktrail compact`: the file gets smaller, and is whole at every moment."""

import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from clicktrail.cli.main import main
from clicktrail.store.engines.duckdb import compacting
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.exchange.move import TABLES, columns_of, count_rows
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Row, Session
from clicktrail.store.session.sql import sql
from tests.serving import COMMAND, Serving, environment, run, serving
from tests.waiting import until_later_than

FILE = "clicktrail.duckdb"


def fill(path: Path, clicks: int) -> None:
    """A store of so many clicks, of which every tenth stays."""
    engine = DuckdbEngine(path)
    engine.run(migrate)
    engine.run(
        lambda session: session.rows(
            sql(
                "INSERT INTO clicks (click_id, time, ip, uri, user_agent, update_time, ip_hash) "
                "SELECT lpad(to_hex(i), 24, '0'), i, '40102030' || i, 'https://x.example/' || hash(i) || hash(i + 1), "
                f"'agent ' || hash(i * 7), 0, i FROM range({clicks}) t(i)"
            )
        )
    )
    engine.run(lambda session: session.rows(sql("INSERT INTO visitor_salts (day, salt) VALUES (1, 'a')")))
    engine.checkpoint()
    engine.run(lambda session: session.rows(sql("DELETE FROM clicks WHERE time % 10 <> 0")))
    engine.close()


def read(session: Session, table: str, key: tuple[str, ...]) -> list[Row]:
    return session.rows(sql(f"SELECT {', '.join(columns_of(session, table))} FROM {table} ORDER BY {', '.join(key)}"))


def content(path: Path) -> dict[str, list[Row]]:
    """Every row of every table but the audit log, which says that the store was compacted."""
    engine = DuckdbEngine(path)
    try:
        assert sum(count_rows(engine).values()) > 0
        kept = {table: key for table, key in TABLES.items() if table != "audit"}
        return {table: engine.run(partial(read, table=table, key=key)) for table, key in kept.items()}
    finally:
        engine.close()


def test_what_was_deleted_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / FILE
    fill(path, 200_000)
    path.chmod(0o640)
    before, size = content(path), path.stat().st_size
    done = CliRunner().invoke(main, ["compact", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    after = path.stat().st_size
    assert after < size / 2
    assert f"{size} bytes before, " in done.output
    assert " after; 200" in done.output
    assert content(path) == before
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == [FILE]


def test_a_store_in_use_and_one_that_is_none_are_left_alone(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        done = run("compact", "--data", str(server.data))
        assert (done.returncode, "in use" in done.stderr) == (1, True)
        with server.client() as api:
            assert api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).status_code == 201
    for arguments, words in (
        (["--data", str(tmp_path / "nowhere")], "There is no store at"),
        (["--database", "postgresql://127.0.0.1:1/x"], "Check that PostgreSQL runs, and that --database"),
        (["--database", "mysql://127.0.0.1/x"], "--database must be"),
    ):
        refused = CliRunner().invoke(main, ["compact", *arguments])
        assert (refused.exit_code, words in refused.output) == (1, True)
    (tmp_path / FILE).write_text("no store")
    refused = CliRunner().invoke(main, ["compact", "--data", str(tmp_path)])
    assert (refused.exit_code, refused.output[:5], "Traceback" in refused.output) == (1, "Error", False)
    assert (tmp_path / FILE).read_text() == "no store"


def test_without_room_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / FILE, 1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    inode = (tmp_path / FILE).stat().st_ino
    done = CliRunner().invoke(main, ["compact", "--data", str(tmp_path)])
    assert (done.exit_code, "0 MiB are free" in done.output) == (1, True)
    assert (tmp_path / FILE).stat().st_ino == inode
    assert sorted(each.name for each in tmp_path.iterdir()) == [FILE]


def test_a_copy_that_differs_never_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / FILE, 1_000)
    sums = iter([{"clicks": (1, 2)}, {"clicks": (1, 3)}])
    monkeypatch.setattr(compacting, "_sum_up", lambda *_: next(sums))
    inode = (tmp_path / FILE).stat().st_ino
    done = CliRunner().invoke(main, ["compact", "--data", str(tmp_path)])
    assert (done.exit_code, "differs in clicks" in done.output) == (1, True)
    assert (tmp_path / FILE).stat().st_ino == inode


def is_reached(moment: str, path: Path, inode: int) -> bool:
    draft = path.with_name(f".{FILE}.compact")
    try:
        size = draft.stat().st_size
    except FileNotFoundError:  # not there yet, or renamed
        size = -1
    return path.stat().st_ino != inode or size >= {"begun": 0, "copying": 20_000, "copied": 500_000}.get(
        moment, 1 << 60
    )


def test_ended_at_any_moment_the_store_is_whole(tmp_path: Path) -> None:
    """SIGKILL while it copies, while it compares, and right after it replaced the file."""
    path = tmp_path / FILE
    fill(path, 60_000)
    before, replaced = content(path), 0
    for moment in ("begun", "copying", "copied", "replaced"):
        inode = path.stat().st_ino
        process = subprocess.Popen([*COMMAND, "compact", "--data", str(tmp_path)], env=environment())
        deadline = time.monotonic() + 60
        while process.poll() is None and not is_reached(moment, path, inode) and time.monotonic() < deadline:
            pass
        process.send_signal(signal.SIGKILL)
        assert process.wait(20) in (-signal.SIGKILL, 0)
        replaced += path.stat().st_ino != inode
        assert content(path) == before, moment
    assert 1 <= replaced <= 3  # both the old file and the new one were met
    assert CliRunner().invoke(main, ["compact", "--data", str(tmp_path)]).exit_code == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == [FILE]
    assert content(path) == before


def test_a_server_serves_what_was_compacted(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        made = record(server)
    assert run("compact", "--data", str(tmp_path / "data")).returncode == 0
    with serving(tmp_path / "data") as server, server.client() as api:
        assert api.get(f"/clicks/{made}").status_code == 200
        until_later_than(made)
        assert record(server) > made


def record(server: Serving) -> str:
    with server.client() as api:
        click_id: str = api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).json()["clickId"]
        return click_id
