"""Checkpoints of the embedded store: how often one joins small row groups, which makes every question wait."""

from functools import partial
from pathlib import Path

from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.memory.memory import Memory
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.clock import SetClock

GROUP = 20_000


def add(session: Session, first: int) -> None:
    rows = "INSERT INTO revoked_tokens SELECT CAST(i AS VARCHAR), i FROM range({}, {}) r(i)"
    session.rows(sql(rows, first, first + GROUP))


def count_groups(session: Session) -> int:
    counted = "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('revoked_tokens')"
    return int(session.rows(sql(counted))[0][0])


def test_row_groups_are_joined_once_in_five_minutes(tmp_path: Path) -> None:
    clock = SetClock()
    engine = DuckdbEngine(tmp_path / "s.duckdb", memory=Memory(clock))
    engine.run(migrate)

    def grow(number: int) -> int:
        """Row groups after one more."""
        engine.run(partial(add, first=number * GROUP))
        engine.checkpoint()
        return engine.run(count_groups)

    assert [grow(number) for number in range(4)] == [1, 2, 3, 4]  # the first one had nothing to join
    clock.ahead_s += 299
    assert grow(4) == 5
    clock.ahead_s += 1
    assert grow(5) == 1
    assert [grow(number) for number in range(6, 8)] == [2, 3]
    engine.close()
