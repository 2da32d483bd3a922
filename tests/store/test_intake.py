"""Clicks that were answered are in the store once, whatever ends the process, and whatever fails on the way."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import duckdb
import numpy as np
import pytest

from clicktrail.errors import StoreInUse, Unavailable
from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.model.visitors import visitor_of
from clicktrail.store.clicks.click_deletes import delete_click
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.clicks.newest import load_tail
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.journal import intake
from clicktrail.store.engines.duckdb.journal.segments import paths_of
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.runs import Run
from clicktrail.store.session.sql import sql
from tests.waiting import until

SECONDS = 1_700_000_000
new_number = count().__next__


def open_store(folder: Path) -> DuckdbEngine:
    engine = DuckdbEngine(folder / "s.duckdb")
    engine.migrate(migrate)
    engine.run(load_tail)
    return engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckdbEngine]:
    opened = open_store(tmp_path / "live")
    yield opened
    opened.close()


def make(uuid: str | None = None, visitor: int = 1) -> Click:
    number = new_number()
    ip, agent, time = f"4:08080{visitor:03x}", "a", (SECONDS + number) * 1_000_000
    return Click(
        click_id=IdGenerator(lambda: SECONDS + number).new(),
        time=time,
        referrer=None,
        ip=ip,
        uri=f"https://x.example/{number}?\U0001f600",
        user_agent=agent,
        utm_campaign=None,
        utm_content=None,
        utm_medium=None,
        utm_source=None,
        utm_term=None,
        profile_id=None,
        link_id=None,
        banner_id=None,
        latitude=1.5,
        longitude=None,
        country_code=None,
        update_time=time,
        uuid=uuid,
        locale=None,
        visitor=visitor_of(ip, agent, time),
    )


def record(engine: DuckdbEngine, *clicks: Click) -> dict[str, Click]:
    return engine.record(partial(insert_clicks, clicks=clicks)).repeated


def list_ids(session: Session) -> list[str]:
    return [row[0] for row in session.rows(sql("SELECT click_id FROM clicks ORDER BY click_id"))]


def list_first(session: Session) -> list[str]:
    return [row[0] for row in session.rows(sql("SELECT click_id FROM clicks WHERE is_first ORDER BY click_id"))]


@contextmanager
def killed(engine: DuckdbEngine, folder: Path) -> Iterator[DuckdbEngine]:
    """The store as a process would find it that starts after this one was killed now."""
    folder.mkdir()
    for path in engine._path.parent.iterdir():
        shutil.copyfile(path, folder / path.name)
    opened = open_store(folder)
    yield opened
    opened.close()


def test_what_is_in_the_journal_alone_is_taken_in_at_the_next_start(engine: DuckdbEngine, tmp_path: Path) -> None:
    clicks = [make(visitor=number % 3) for number in range(20)]
    with engine._intake.not_flushing():
        for start in range(0, 20, 4):
            record(engine, *clicks[start : start + 4])
        with killed(engine, tmp_path / "at once") as after:
            assert after.run(list_ids) == [click.click_id for click in clicks]
            first = after.run(list_first)
    assert engine.run(list_ids) == [click.click_id for click in clicks]
    assert engine.run(list_first) == first == [click.click_id for click in clicks[:3]]
    with killed(engine, tmp_path / "later") as after:
        assert after.run(list_ids) == [click.click_id for click in clicks]


def test_a_start_that_is_killed_is_made_good_by_the_next(
    engine: DuckdbEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clicks = [make() for _ in range(10)]
    with engine._intake.not_flushing():
        for click in clicks:
            record(engine, click)
        with killed(engine, tmp_path / "one") as first, killed(first, tmp_path / "two") as second:
            assert second.run(list_ids) == [click.click_id for click in clicks]

    def stop(session: Session, *_: object) -> None:
        session.rows(sql("DELETE FROM clicks"))
        raise Unavailable("killed")

    record(engine, more := make())
    with engine._intake.not_flushing():
        record(engine, last := make())
        shutil.copytree(engine._path.parent, tmp_path / "third")
    with monkeypatch.context() as patched:
        patched.setattr(intake, "_take_in", stop)
        with pytest.raises(Unavailable):
            open_store(tmp_path / "third")
    opened = open_store(tmp_path / "third")
    assert opened.run(list_ids) == [click.click_id for click in (*clicks, more, last)]
    opened.close()


def test_rows_of_a_commit_whose_answer_was_lost_are_not_added_again(
    engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = engine._run

    def lose_the_answer(*args: object, **kwargs: object) -> object:
        monkeypatch.undo()
        original(*args, **kwargs)  # type: ignore[arg-type]
        raise Unavailable("The answer was lost.")

    monkeypatch.setattr(engine._intake, "_run", lose_the_answer)
    record(engine, click := make())
    until(lambda: not engine._intake._flusher.rows, "it is taken in")
    assert engine.run(list_ids) == [click.click_id]


def test_a_uuid_is_one_click_before_and_after_it_is_taken_in(engine: DuckdbEngine) -> None:
    """Also before the uuids of the store are in memory, and after."""
    engine.begin(lambda _: None, lambda _, error: pytest.fail(str(error)))
    first = make("u")
    assert record(engine, first) == {}
    again, other = make("u"), make("v")
    assert record(engine, again, other)[again.click_id].click_id == first.click_id
    until(lambda: not engine.memory.uuids.find(["w"]), "the uuids are in memory")
    third = make("u")
    assert record(engine, third)[third.click_id].click_id == first.click_id
    assert engine.run(list_ids) == [first.click_id, other.click_id]


def test_a_change_sees_what_was_recorded_before(engine: DuckdbEngine) -> None:
    record(engine, make("u"), gone := make("v"))
    engine._run_write(lambda session: delete_click(session, SYSTEM, gone.click_id))
    assert gone.click_id not in engine.run(list_ids)
    assert record(engine, make("v")) == {}


def test_while_nothing_can_be_taken_in_recording_is_refused_and_reading_goes_on(
    engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(engine, first := make())
    assert engine.run(list_ids) == [first.click_id]

    def fail(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(intake, "_take_in", fail)
    record(engine, second := make())
    until(engine._intake._flusher.has_trouble, "it was tried")
    with pytest.raises(Unavailable):
        record(engine, make())
    with pytest.raises(Unavailable):
        engine.run(list_ids)
    assert asyncio.run(engine.read(list_ids)) == [first.click_id]
    monkeypatch.undo()
    record(engine, third := make())
    assert engine.run(list_ids) == [first.click_id, second.click_id, third.click_id]


def test_a_query_sees_what_was_recorded_before_and_waits_in_no_thread(engine: DuckdbEngine) -> None:
    async def work() -> None:
        record(engine, first := make())
        with engine._intake.not_flushing():
            settling = [asyncio.ensure_future(engine.settle()) for _ in range(3 * engine.readers)]
            assert await engine.ask(list_ids, Run()) == []  # a reader is free
            assert not any(each.done() for each in settling)
        await asyncio.gather(*settling)
        assert await engine.ask(list_ids, Run()) == [first.click_id]
        await engine.settle()  # nothing to wait for

    asyncio.run(work())


def test_a_disk_that_does_not_answer_ends_the_waiting(engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    record(engine, first := make())
    monkeypatch.setattr(intake, "_SETTLE_S", 0.1)
    with engine._intake.not_flushing(), pytest.raises(Unavailable):
        asyncio.run(engine.settle())
    assert engine.run(list_ids) == [first.click_id]


def test_a_failed_attempt_ends_the_waiting(engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    async def work() -> None:
        with engine._intake.not_flushing():
            settling = asyncio.ensure_future(engine.settle())
            await asyncio.sleep(0)
            assert not settling.done()
        await settling
        assert engine._intake._flusher.has_trouble()
        await engine.settle()  # the store is read without the click
        assert await engine.ask(list_ids, Run()) == []

    record(engine, make())
    monkeypatch.setattr(intake, "_take_in", fail)
    asyncio.run(work())


def test_a_copy_is_a_store_of_its_own(engine: DuckdbEngine, tmp_path: Path) -> None:
    record(engine, first := make())
    copy = tmp_path / "copy" / "s.duckdb"
    copy.parent.mkdir()
    engine._copy_to(copy)
    opened = open_store(copy.parent)
    record(opened, second := make())
    opened.close()
    assert len(paths_of(copy)) == 1
    opened = open_store(copy.parent)
    assert opened.run(list_ids) == [first.click_id, second.click_id]
    opened.close()
    copy.unlink()
    engine._copy_to(copy)
    with pytest.raises(StoreInUse, match="another store"):
        DuckdbEngine(copy)


def test_a_damaged_journal_is_told_and_what_is_left_of_it_can_be_taken_in(engine: DuckdbEngine, tmp_path: Path) -> None:
    clicks = [make() for _ in range(3)]
    with engine._intake.not_flushing():
        for click in clicks:
            record(engine, click)
        shutil.copytree(engine._path.parent, tmp_path / "damaged")
    store = tmp_path / "damaged" / "s.duckdb"
    [path] = paths_of(store)
    content = path.read_bytes()
    path.write_bytes(content.replace(clicks[1].uri.encode(), b"?" * len(clicks[1].uri.encode())))
    with pytest.raises(StoreInUse, match=r"damaged from byte \d+ to \d+.*clicktrail recover"):
        DuckdbEngine(store)
    opened = DuckdbEngine(store, skips_damage=True)
    assert "damaged from byte" in opened.damage
    assert opened.run(list_ids) == [clicks[0].click_id, clicks[2].click_id]
    opened.close()
    assert not open_store(store.parent).damage


def test_a_repeat_of_a_new_click_is_known_before_it_is_taken_in(engine: DuckdbEngine) -> None:
    """Whoever repeats a uuid makes nobody wait for the disk; a click that was changed or deleted is known as it is."""
    engine.memory.uuids.begin(np.array([], dtype=np.int64))
    record(engine, first := make("u"), gone := make("v"))
    with engine._intake.not_flushing():
        again = make("u")
        assert record(engine, again)[again.click_id].click_id == first.click_id
    engine._run_write(lambda session: delete_click(session, SYSTEM, gone.click_id))
    assert record(engine, new := make("v")) == {}
    assert engine.run(list_ids) == [first.click_id, new.click_id]


def test_a_stop_does_not_wait_for_a_disk_that_stays_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for at the end is refused, and the next start takes the clicks in."""
    engine = open_store(tmp_path)

    def fail(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(intake, "_take_in", fail)
        record(engine, click := make())
        engine._intake.close()
        with pytest.raises(Unavailable):
            engine.run(list_ids)
        engine.close()
    opened = open_store(tmp_path)
    assert opened.run(list_ids) == [click.click_id]
    opened.close()
