"""A damaged log is not taken for its end: it is set aside, and told of. A torn one is what SIGKILL leaves."""

import shutil
from functools import partial
from pathlib import Path

import duckdb
import pytest

from clicktrail.errors import StoreInUse
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.log import list_set_aside, read_log
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql

ROWS = 40


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a store as SIGKILL leaves them: what was stored is in the log."""
    folder = tmp_path_factory.mktemp("crashed")
    engine = DuckdbEngine(folder / "live.duckdb")
    engine.run(migrate)
    engine.checkpoint()
    for number in range(ROWS):
        engine.run(partial(add, number=number))
    for ending in ("duckdb", "duckdb.wal"):
        shutil.copyfile(folder / f"live.{ending}", folder / f"kept.{ending}")
    engine.close()
    return folder


def add(session: Session, number: int) -> None:
    session.insert("revoked_tokens", ["token_id", "revoke_time"], [[f"{number:016x}", number]])
    session.rows(sql("INSERT INTO languages VALUES ({}, {}, 0, NULL)", f"{number:024x}", "n" * number))


def damage(crashed: Path, folder: Path, content: bytes) -> Path:
    store = folder / "s.duckdb"
    shutil.copyfile(crashed / "kept.duckdb", store)
    (folder / "s.duckdb.wal").write_bytes(content)
    return store


def numbers(engine: DuckdbEngine) -> list[int]:
    found = [row[0] for row in engine.run(lambda s: s.rows(sql("SELECT revoke_time FROM revoked_tokens ORDER BY 1")))]
    assert len(found) == engine.run(lambda session: session.rows(sql("SELECT count(*) FROM languages")))[0][0]
    return found


def log_of(crashed: Path) -> bytes:
    return (crashed / "kept.duckdb.wal").read_bytes()


def test_a_log_of_the_engine_that_is_installed_is_read_whole(crashed: Path) -> None:
    found = read_log(crashed / "kept.duckdb.wal")
    assert duckdb.__version__.startswith("2.0."), "see that the log has the format of engines/duckdb/log.py"
    assert (found.whole, found.trouble, found.lost) == (len(log_of(crashed)), "", 0)


def test_a_log_that_is_cut_anywhere_is_torn_and_no_trouble(crashed: Path, tmp_path: Path) -> None:
    content = log_of(crashed)
    cut = tmp_path / "cut"
    for size in [*range(200), *range(200, len(content), 7)]:
        cut.write_bytes(content[:size])
        assert read_log(cut).trouble == "", size
    engine = DuckdbEngine(damage(crashed, tmp_path, content[:-30]))
    assert (engine.damage, numbers(engine)) == ("", list(range(ROWS - 1)))
    engine.close()


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


def test_every_flipped_bit_but_the_databases_name_is_found(crashed: Path, tmp_path: Path) -> None:
    """That is 16 bytes without a checksum; DuckDB refuses a log with another name, in words."""
    content, path = log_of(crashed), tmp_path / "log"
    head = content.index(b"\xff\xff") + 2
    for place in [*range(head, 600), *range(600, len(content), 101), *range(len(content) - 25, len(content))]:
        path.write_bytes(flip(content, place))
        assert read_log(path).trouble, place


@pytest.mark.parametrize("where", ["length", "content", "head", "wiped", "zeros"])
def test_damage_is_set_aside_and_what_came_before_is_there(crashed: Path, tmp_path: Path, where: str) -> None:
    content = log_of(crashed)
    commits = [place for place in range(len(content)) if content.startswith(b"\x64\x00\x64\xff\xff", place)]
    middle = commits[ROWS // 2] + 5  # where the next transaction begins
    bad = {
        "length": flip(content, middle + 1),
        "content": flip(content, middle + 40),
        "head": flip(content, content.index(b"\xff\xff")),
        "wiped": b"\0" * 4096 + content[4096:],
        "zeros": content[:middle] + b"\0" * (len(content) - middle),
    }[where]
    store = damage(crashed, tmp_path, bad)
    engine = DuckdbEngine(store)
    before = numbers(engine)
    engine.run(lambda session: add(session, 1000))
    shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-again"))
    engine.close()
    assert before == ([] if where in ("head", "wiped") else list(range(ROWS // 2 + 1)))
    [kept] = list_set_aside(store)
    assert kept.read_bytes() == bad
    assert kept.name in engine.damage
    assert ("power failure" in engine.damage) == (where == "zeros")
    if where in ("length", "content"):
        assert f"at least {ROWS - ROWS // 2 - 1} transactions" in engine.damage
    again = DuckdbEngine(tmp_path.with_name(f"{tmp_path.name}-again") / "s.duckdb")  # killed after the next commit
    assert (again.damage, numbers(again)) == ("", [*before, 1000])
    again.close()


def test_a_log_of_another_database_is_refused_with_what_to_do(crashed: Path, tmp_path: Path) -> None:
    store = damage(crashed, tmp_path, flip(log_of(crashed), 9))
    with pytest.raises(StoreInUse, match=r"s\.duckdb\.wal away"):
        DuckdbEngine(store)
    assert not list_set_aside(store)
