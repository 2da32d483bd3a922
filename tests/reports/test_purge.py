"""The retention by days: a report after it says what it said before, or is refused. Never less."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clicktrail.errors import Conflict
from clicktrail.model.access import SYSTEM
from clicktrail.store.counting import totals
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.privacy import retention
from clicktrail.store.privacy.retention import STEPS, Days, Purged, count_due
from clicktrail.store.session.dropped import find_raw_from
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine, NewStore, open_engine
from tests.reports.test_totals import DAYS, FIRST, Programme, ask

AGE = (datetime.now(UTC) - FIRST).days
"""Days since the first day of the programme."""


def purge(engine: AnyEngine, days: Days) -> Purged:
    done, skipped = Purged(), set[str]()
    for name, step in STEPS.items():
        while count := engine.run(partial(_run, step, days, skipped)):
            setattr(done, name, getattr(done, name) + count)
    return done


def _run(step: Callable[[Session, Days, set[str]], int], days: Days, skipped: set[str], session: Session) -> int:
    return step(session, days, skipped)


def answer(engine: AnyEngine, query: str, viewer: Any) -> Any:
    """The answer, or None for a refusal that says since when clicks are kept."""
    try:
        found = engine.run(partial(ask, query=query, viewer=viewer))
    except Conflict as refused:
        assert "rawFrom" in refused.detail
        return None
    return replace(found, raw_from=None)


def count_clicks(session: Session) -> int:
    count: int = session.rows(sql("SELECT count(*) FROM clicks"))[0][0]
    return count


@pytest.mark.parametrize("seed", range(3))
def test_a_report_after_a_purge_says_the_same_or_nothing(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for name in ("PIECE", "PIECE_OF_NODES"):
        monkeypatch.setattr(retention, name, 7)
    engine = open_engine(tmp_path, new_store(engine_kind))
    made = Programme(engine, seed)
    for _ in range(40):
        made.step()
    asked = [made.draw() for _ in range(60)]
    asked.append(
        (
            f"metrics=clicks,registrations&group_by=link&from={FIRST.date()}&to={(FIRST + timedelta(DAYS)).date()}",
            SYSTEM,
        )
    )
    before = [answer(engine, *each) for each in asked]
    figures = engine.run(lambda session: engine.figures.find(session, made.links))
    clicks = engine.run(count_clicks)
    for days in (Days(clicks=AGE - 9), Days(clicks=AGE - 20, client_clicks=AGE - 15)):
        due = engine.run(partial(count_due, days=days))
        done = purge(engine, days)
        assert (done.clicks, done.client_clicks) == (due.clicks, due.client_clicks)
        assert done.clicks > 0
        clicks -= done.clicks + done.client_clicks
        assert engine.run(count_clicks) == clicks
        after = [answer(engine, *each) for each in asked]
        assert [one for one, other in zip(after, before, strict=True) if one is not None and one != other] == []
        assert after[-1] == before[-1]
        assert None in after
        assert engine.run(lambda session: engine.figures.find(session, made.links)) == figures
        if not isinstance(engine, DuckdbEngine):
            assert engine.run(engine.figures.compare) == {}
        raw_from = engine.run(find_raw_from)
        assert engine.run(lambda session, since=raw_from: list(totals.find_differences(session, since))) == []  # type: ignore[misc]
        engine.run(lambda session: totals.add_up(session, 1))
        engine.run(totals.recount)
        assert [answer(engine, *each) for each in asked] == after
    engine.close()


KILLED = """
import os, signal, sys
from functools import partial
from pathlib import Path
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.session import PostgresSession
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.privacy.retention import Days, purge_clicks

def dying(rows):
    def run(self, statement):
        if statement.text.startswith("DELETE FROM clicks"):
            os.kill(os.getpid(), signal.SIGKILL)
        return rows(self, statement)
    return run

for session in (DuckdbSession, PostgresSession):
    session.rows = dying(session.rows)
place = sys.argv[1]
engine = PostgresEngine(place) if "://" in place else DuckdbEngine(Path(place))
engine.migrate(migrate)
engine.run(partial(purge_clicks, days=Days(clicks=int(sys.argv[2])), skipped=set()))
"""
"""Kills itself when all is folded and nothing is deleted."""


def test_a_purge_that_is_killed_counts_nothing_twice(engine_kind: str, new_store: NewStore, tmp_path: Path) -> None:
    store = new_store(engine_kind)
    engine = open_engine(tmp_path, store)
    made = Programme(engine, 5)
    for _ in range(12):
        made.add()
    query = f"metrics=clicks,uniqueClicks&group_by=link&from={FIRST.date()}&to={(FIRST + timedelta(DAYS)).date()}"
    before = answer(engine, query, SYSTEM)
    figures = engine.run(lambda session: engine.figures.find(session, made.links))
    clicks = engine.run(count_clicks)
    engine.close()
    place = store.get("database", str(tmp_path / "clicktrail.duckdb"))
    days = AGE - 20
    ended = subprocess.run([sys.executable, "-c", KILLED, place, str(days)], env=dict(os.environ), check=False)
    assert ended.returncode == -signal.SIGKILL
    engine = open_engine(tmp_path, store)
    assert engine.run(count_clicks) == clicks
    assert answer(engine, query, SYSTEM) == before
    assert purge(engine, Days(clicks=days)).clicks > 0
    assert answer(engine, query, SYSTEM) == before
    assert engine.run(lambda session: engine.figures.find(session, made.links)) == figures
    engine.close()
