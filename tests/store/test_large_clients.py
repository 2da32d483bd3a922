"""The retention erases a large client in pieces: the same clicks as one transaction would, and nothing counts less."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from clicktrail.model.access import SYSTEM
from clicktrail.model.attribution import Model, Touch
from clicktrail.model.click import Click
from clicktrail.model.erasure import NO_ONE, Key, Named
from clicktrail.retention import purge
from clicktrail.store.privacy import in_pieces, retention
from clicktrail.store.privacy.persons import Person, find_person
from clicktrail.store.privacy.retention import Days
from clicktrail.store.registrations.candidates import Registration
from clicktrail.store.registrations.identities import add_identity
from clicktrail.store.registrations.register import register_client, register_through
from clicktrail.store.session.protocol import list_values
from clicktrail.store.session.relations import RELATIONS
from clicktrail.store.session.sql import named, sql
from clicktrail.store.store import Store
from tests.conftest import AnyEngine, NewStore, open_engine
from tests.reports.test_totals import DAYS, FIRST, Programme, ask

MODEL = Model(Touch.LAST, DAYS)
OWN, SHARED = "browser-of-mary", "browser-of-the-library"
REPORT = (
    "metrics=clicks,uniqueClicks,duplicates,visitors,browsers,registrations,clients,registered&group_by=link"
    f"&from={FIRST.date()}&to={(FIRST + timedelta(DAYS)).date()}"
)
DISTINCT = "SELECT count(*), {} FROM clicks c WHERE c.visitor_id IS NOT NULL OR c.profile_id IS NOT NULL"
MERGED = "60" + "ab" * 11
HAD_MERGED = "INSERT INTO merged_profiles (merged_id, profile_id, time) VALUES ({}, {}, 1)"
CHANGED = (
    "INSERT INTO changes (kind, object_id, time, actor_kind, actor, reason, field, old_value, new_value) "
    "VALUES ('click', 'c', 1, 'system', '', 'merged', 'profile_id', {}, {})"
)
COLUMNS = ("visitor", "visitor_id", "profile_id", "ip")


class Visits(Programme):
    """Clicks of some browsers, and two clients: Mary and Bob, who share a browser."""

    def make(self) -> Click:
        made, draw = super().make(), self.random
        browser = draw.choice((*(f"{OWN}-{number}" for number in range(5)), SHARED, "of-no-one", None, None))
        uuid = f"event-{made.click_id}" if draw.random() < 0.2 else None
        return replace(made, ip=f"4010203{draw.randrange(10, 40)}", visitor_id=browser, uuid=uuid)

    def fill(self) -> str:
        for _ in range(8):
            self.add()
        mary, bob = {"uuid": "uuid-of-mary", "first_name": "Mary"}, {"uuid": "uuid-of-bob", "first_name": "Bob"}
        for client, browser in ((bob, SHARED), *((mary, f"{OWN}-{number}") for number in range(4)), (mary, SHARED)):
            said = Registration(visitor_id=browser, profile=client, time=self.make().time)
            register = partial(register_client, ids=self.ids, viewer=SYSTEM, said=said, model=MODEL)
            profile_id = str(self.engine.run(register)[0].profile_id)
        for click in self.some(20, f"c.profile_id IS NULL AND (c.visitor_id IS NULL OR c.visitor_id LIKE '{OWN}%')"):
            self.engine.run(
                partial(register_through, ids=self.ids, viewer=SYSTEM, click_id=click.click_id, values=mary)
            )
        self.engine.run(partial(add_identity, visitor_id=f"{OWN}-4", uuid="uuid-of-mary"))
        its = sql("UPDATE attributions SET time = 1 WHERE profile_id = {}", profile_id)
        self.engine.run(lambda session: session.rows(its))
        self.engine.run(lambda session: session.rows(sql(HAD_MERGED, MERGED, profile_id)))
        self.engine.run(lambda session: session.rows(sql(CHANGED, MERGED, profile_id)))
        return profile_id


def count(engine: AnyEngine) -> Any:
    """What must be the same, without ids."""
    columns = ", ".join(f"count(DISTINCT c.{column})" for column in COLUMNS)
    rows = engine.run(lambda session: session.rows(sql(DISTINCT.replace("{}", columns))))
    firsts = engine.run(lambda session: session.rows(sql("SELECT count(*) FROM clicks c WHERE c.is_first")))
    links = engine.run(lambda session: list_values(session, sql("SELECT link_id FROM links")))
    figures = engine.run(lambda session: engine.figures.find(session, links)).values()
    clients = "SELECT count(*), count(DISTINCT profile_id), count(click_id) FROM attributions"
    asked = engine.run(partial(ask, query=REPORT, viewer=SYSTEM))
    groups = [str(group.now) for group in (asked.total, *asked.rows)]
    return (
        rows,
        firsts,
        sorted(map(str, figures)),
        engine.run(lambda session: session.rows(sql(clients))),
        sorted(groups),
    )


def find_texts(engine: AnyEngine, *texts: str) -> set[str]:
    """The tables with one of the texts."""

    def find(session: Any) -> set[str]:
        shown = {
            each.table: session.rows(sql("SELECT * FROM {}", named(each.table))) for each in RELATIONS if each.is_moved
        }
        return {table for table, rows in shown.items() if any(text in str(rows) for text in texts)}

    return engine.run(find)


def list_stripped(engine: AnyEngine) -> set[str]:
    its = sql(f"SELECT click_id FROM clicks WHERE ip LIKE '{NO_ONE}%'")
    return set(engine.run(lambda session: list_values(session, its)))


def whole(engine: AnyEngine, profile_id: str) -> Person:
    return engine.run(partial(find_person, asked=Named(Key.PROFILE_ID, (profile_id,))))


def check_gone(engine: AnyEngine, person: Person, expected: Any) -> None:
    assert list_stripped(engine) == {click.click_id for click in person.clicks}
    assert count(engine) == expected
    assert len(person.visitor_ids) > 2
    assert find_texts(engine, MERGED, *person.profile_ids, *person.uuids, *person.visitor_ids) == set()
    assert find_texts(engine, SHARED) == {"clicks", "identities", "attributions"}
    assert engine.run(lambda session: session.rows(sql("SELECT * FROM erasing"))) == []


def count_whole(folder: Path, store: dict[str, str], seed: int) -> Any:
    """What is counted after one transaction."""
    folder.mkdir()
    engine = open_engine(folder, store)
    profile_id = Visits(engine, seed).fill()
    person, before = whole(engine, profile_id), count(engine)
    assert engine.run(partial(retention.purge_clients, days=Days(clients=10_000), skipped=set())) == 1
    after = count(engine)
    assert after[1:-1] == before[1:-1]
    check_gone(engine, person, after)
    engine.close()
    return after


@pytest.mark.parametrize("piece", [2])
def test_pieces_erase_what_one_transaction_would(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    expected = count_whole(tmp_path / "whole", new_store(engine_kind), 3)
    monkeypatch.setattr(in_pieces, "PIECE", piece)
    monkeypatch.setattr(in_pieces, "_REGISTRATIONS", 2)
    store = new_store(engine_kind)
    engine = open_engine(tmp_path, store)
    profile_id = Visits(engine, 3).fill()
    person = whole(engine, profile_id)
    assert len(person.clicks) > 60
    assert len(person.attribution_ids) > 20
    assert engine.run(partial(retention.purge_clients, days=Days(clients=10_000), skipped=set())) == 1
    assert engine.run(partial(retention.purge_clients, days=Days(clients=10_000), skipped=set())) == 0
    stripped = [0]
    while engine.run(in_pieces.erase_piece):
        stripped.append(len(list_stripped(engine)))
        assert stripped[-1] - stripped[-2] <= 3 * piece
        if len(stripped) in (2, 7, 20):  # the next process goes on
            engine.close()
            engine = open_engine(tmp_path, store)
    check_gone(engine, person, expected)
    engine.close()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from clicktrail.retention import purge
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.session import PostgresSession
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.privacy import in_pieces
from clicktrail.store.privacy.retention import Days
from clicktrail.store.store import Store

left = int(sys.argv[2])

def dying(rows):
    def run(self, statement):
        global left
        found = rows(self, statement)
        left -= statement.text.startswith(("UPDATE clicks SET", "UPDATE attributions SET", "DELETE FROM erasing"))
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return run

for session in (DuckdbSession, PostgresSession):
    session.rows = dying(session.rows)
in_pieces.PIECE, in_pieces._REGISTRATIONS = 5, 2
engine = PostgresEngine(sys.argv[1]) if "://" in sys.argv[1] else DuckdbEngine(Path(sys.argv[1]))
engine.migrate(migrate)
asyncio.run(purge(Store(engine), Days(clients=10_000)))
"""
"""Kills itself inside of a piece."""


def test_a_run_that_is_killed_goes_on(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = count_whole(tmp_path / "whole", new_store(engine_kind), 4)
    store = new_store(engine_kind)
    engine = open_engine(tmp_path, store)
    profile_id = Visits(engine, 4).fill()
    person = whole(engine, profile_id)
    place = store.get("database", str(tmp_path / "clicktrail.duckdb"))
    for last in (1, 3, 6, 4):
        engine.close()
        ended = subprocess.run([sys.executable, "-c", KILLED, place, str(last)], env=dict(os.environ), check=False)
        assert ended.returncode == -signal.SIGKILL
        engine = open_engine(tmp_path, store)
        assert 0 <= len(list_stripped(engine)) < len(person.clicks)
    monkeypatch.setattr(in_pieces, "PIECE", 5)
    assert asyncio.run(purge(Store(engine), Days())).clients == 0  # it was counted when it began
    check_gone(engine, person, expected)
    engine.close()
