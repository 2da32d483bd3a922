"""First clicks: the marks in the store equal the rule in plain Python, and figures equal the sums of the marks."""

from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.model.kept_uris import UriRule
from clicktrail.model.privacy import KEEP_ALL, Ip, Policy
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import visit_key, visitor_of
from clicktrail.query.fields import CLICK, LINK
from clicktrail.query.parse import parse_query
from clicktrail.query.removals import read_removal, removing_of
from clicktrail.store.clicks.click_deletes import delete_click, remove_piece
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.clicks.newest import load_tail
from clicktrail.store.counting import marks
from clicktrail.store.engines.duckdb import filling
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres import figures as table_figures
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.memory.key_set import KeySet
from clicktrail.store.migrations.fills import fill
from clicktrail.store.objects.catalogue import create_item, load_catalogue
from clicktrail.store.reads.metrics import link_metrics
from clicktrail.store.reads.statements import COLUMNS
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import NewStore, engine_of, open_engine

AGENTS = (None, "", "0", "1", "robot")
SECONDS = 1_700_000_000
POLICIES = (
    KEEP_ALL,
    Policy(ip=Ip.TRUNCATED),
    Policy(ip=Ip.HASHED, keeps_agent=False),
    Policy(ip=Ip.NONE, uri=UriRule(form="origin")),
    Policy(keeps_agent=False),
    Policy(ip_after_days=1, old_ip=Ip.TRUNCATED),
)
"""Marks do not depend on what is kept of a click."""


class Rule:
    """The rule, click by click: what is stored first is marked; a deleted mark goes to the earliest click that is
    left."""

    def __init__(self) -> None:
        self.clicks: dict[str, Click] = {}
        self.first: dict[tuple[Any, ...], str] = {}

    def add(self, click: Click) -> None:
        self.clicks[click.click_id] = click
        if not click.bot:
            self.first.setdefault(visit_of(click), click.click_id)

    def remove(self, click_ids: list[str]) -> None:
        gone = [self.clicks.pop(click_id) for click_id in click_ids]
        for click in gone:
            if self.first.get(visit_of(click)) == click.click_id:
                del self.first[visit_of(click)]
        for visit in {visit_of(click) for click in gone if not click.bot} - self.first.keys():
            left = [(each.time, each.click_id) for each in self.clicks.values() if visit_of(each) == visit]
            left = [each for each in left if not self.clicks[each[1]].bot]
            if left:
                self.first[visit] = min(left)[1]


def visit_of(click: Click) -> tuple[Any, ...]:
    return click.link_id, click.ip, click.user_agent, click.time // DAY_US


class Changes:
    """Random changes of a store that is opened again from time to time."""

    def __init__(self, folder: Path, store: dict[str, str], seed: int, policy: Policy = KEEP_ALL) -> None:
        self.policy = policy
        self.folder, self.store, self.random, self.numbers = folder, store, Random(seed), count()
        self.engine, ids = open_engine(folder, store), IdGenerator()
        links = [self.engine.run(lambda s: create_item(s, ids, LINK, {}))[0].link_id for _ in range(3)]
        self.links = [*links, None]
        self.rule = Rule()
        self.open()

    def open(self) -> None:
        self.engine.memory.visits.window_us = 20
        self.engine.memory.policy, self.engine.memory.salts.by_day = self.policy, {0: b"salt"}
        self.engine.memory.published.catalogue = self.engine.run(load_catalogue)

    def make(self) -> Click:
        values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
        day = self.random.choice((-40, -1, 0, 0, 0, 1))  # history comes out of order, and before 1970
        values |= {
            "click_id": f"{SECONDS + self.random.randrange(9):08x}{next(self.numbers):016x}",
            "time": day * DAY_US + self.random.choice((0, 1, DAY_US - 1, self.random.randrange(60))),
            "ip": f"40102030{self.random.randrange(3)}",
            "uri": "https://x.example/",
            "user_agent": (agent := self.random.choice(AGENTS)),
            # the same agent may have been a robot's by an earlier rule
            "bot": self.random.choice(("", "a rule")) if agent == "robot" else None if agent is None else "",
            "link_id": self.random.choice(self.links),
            "update_time": 0,
        }
        values |= {"visitor": visitor_of(values["ip"], agent, values["time"]), "is_first": False}
        return Click(**values)

    def step(self) -> None:
        kind = self.random.choice(("batch", "batch", "single", "history", "delete", "remove", "restart"))
        if kind == "restart":
            self.engine.close()
            self.engine = engine_of(self.folder, self.store)
            if isinstance(self.engine, DuckdbEngine):
                self.engine.run(load_tail)
                self.engine.begin(lambda _: None, print)
            self.open()
        elif kind in ("batch", "single", "history"):
            clicks = [self.make() for _ in range(1 if kind == "single" else self.random.randrange(2, 30))]
            linked = {click.click_id for click in clicks} if kind == "history" else None
            self.engine.run(lambda session: insert_clicks(session, clicks, linked=linked))
            for click in clicks:
                self.rule.add(click)
        elif kind == "delete" and self.rule.clicks:
            chosen = self.random.choice(sorted(self.rule.clicks))
            self.engine.run(lambda session: delete_click(session, SYSTEM, chosen))
            self.rule.remove([chosen])
        elif self.rule.clicks:
            some = self.random.sample(sorted(self.rule.clicks), min(len(self.rule.clicks), 12))
            query = read_removal(parse_query(removing_of(CLICK, 100), b"filter[uri]=x&limit=100"))
            assert self.engine.run(lambda session: remove_piece(session, SYSTEM, query, some)) == len(some)
            self.rule.remove(some)


def read_marks(session: Session) -> set[str]:
    return {row[0] for row in session.rows(sql("SELECT click_id FROM clicks WHERE is_first"))}


def read_clicks(session: Session) -> list[Click]:
    return [Click(*row) for row in session.rows(sql(f"SELECT {', '.join(COLUMNS)} FROM clicks"))]


@pytest.mark.parametrize("seed", range(6))
def test_marks_and_figures_follow_the_rule(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(marks, "_MOST", 30 if seed % 2 else 20_000_000)
    changes = Changes(tmp_path, new_store(engine_kind), seed, POLICIES[seed])
    for _ in range(50):
        changes.step()
        marked = changes.engine.run(read_marks)
        assert marked == set(changes.rule.first.values())
        remembered = {click.click_id for click in changes.engine.memory.newest.tail if click.is_first}
        assert remembered == marked & {click.click_id for click in changes.engine.memory.newest.tail}
    links = [link_id for link_id in changes.links if link_id is not None]
    figures = changes.engine.run(lambda session: link_metrics(session, SYSTEM, links))
    sums = [sum(visit[0] == link_id for visit in changes.rule.first) for link_id in links]
    assert [figures[link_id].unique_clicks for link_id in links] == sums
    assert sum(sums) > 0
    changes.engine.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_fill_marks_what_the_rule_marks(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Clicks without marks, of days of which some are marked already: the earliest of a visit without a mark is
    marked."""
    monkeypatch.setattr(filling, "_PIECE", 20)
    monkeypatch.setattr(table_figures, "_PIECE", 7)
    changes = Changes(tmp_path, new_store(engine_kind), seed)
    old = [changes.make() for _ in range(60)]
    changes.engine.run(lambda session: insert_clicks(session, old))
    changes.engine.run(forget_marks)
    new = [changes.make() for _ in range(30)] if not changes.engine.is_owned else []
    changes.engine.run(lambda session: insert_clicks(session, new))
    told: list[tuple[int, int]] = []
    fill(changes.engine, lambda *each: told.append(each))
    for click in (*new, *sorted(old, key=lambda click: (click.time, click.click_id))):
        changes.rule.add(click)
    assert changes.engine.run(read_marks) == set(changes.rule.first.values())
    assert all(click.is_first is not None for click in changes.engine.run(read_clicks))
    assert len(told) > 1
    assert told[-1] == (60, 60)
    if isinstance(changes.engine, PostgresEngine):
        links = [link_id for link_id in changes.links if link_id is not None]
        figures = changes.engine.run(lambda session: link_metrics(session, SYSTEM, links))
        sums = [sum(visit[0] == link_id for visit in changes.rule.first) for link_id in links]
        assert [figures[link_id].unique_clicks for link_id in links] == sums
        keys = {(visit_key(click),) for click in (*old, *new)}
        assert changes.engine.run(lambda s: set(s.rows(sql("SELECT visitor FROM link_visitors")))) == keys
    changes.engine.close()


def forget_marks(session: Session) -> None:
    """The clicks as an earlier version left them."""
    session.rows(sql("UPDATE clicks SET is_first = NULL"))
    if not session.dialect.is_owned:
        session.rows(sql("TRUNCATE link_visitors"))


def test_days_are_dropped_from_memory_when_there_are_too_many_visits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_MOST", 10)
    changes = Changes(tmp_path, {}, 1)
    for _ in range(20):
        clicks = [changes.make() for _ in range(5)]
        changes.engine.run(lambda session, clicks=clicks: insert_clicks(session, clicks))  # type: ignore[misc]
    assert isinstance(changes.engine, DuckdbEngine)
    kept = changes.engine.figures._first._days
    assert len(kept) == 1
    for day, visits in kept.items():
        assert isinstance(visits, KeySet)
        marked = [click for click in changes.engine.run(read_clicks) if click.is_first]
        assert len(visits) == sum(day <= click.time < day + DAY_US for click in marked)
    changes.engine.close()


def test_a_mark_is_kept_in_memory_only_after_the_commit(tmp_path: Path) -> None:
    changes = Changes(tmp_path, {}, 1)
    click = changes.make()

    def fail(session: Session) -> None:
        insert_clicks(session, [click])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        changes.engine.run(fail)
    changes.engine.run(lambda session: insert_clicks(session, [click]))
    assert changes.engine.run(read_marks) == (set() if click.bot else {click.click_id})
    changes.engine.close()
