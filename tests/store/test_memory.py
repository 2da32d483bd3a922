"""What is kept in memory equals what the store says, after any sequence of changes."""

from functools import partial
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicktrail.model.access import SYSTEM, Scope, Viewer
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import visitor_of
from clicktrail.query.fields import CLICK, LINK, PROFILE
from clicktrail.query.parse import parse_list, parse_query
from clicktrail.query.questions import ListQuery
from clicktrail.query.removals import read_removal, removing_of
from clicktrail.store.clicks import newest as reading
from clicktrail.store.clicks.click_deletes import delete_click, find_removable, remove_piece
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.clicks.object_deletes import delete_object
from clicktrail.store.memory import key_set
from clicktrail.store.memory import newest as newest_module
from clicktrail.store.memory.key_set import KeySet
from clicktrail.store.objects.catalogue import create_item, load_catalogue
from clicktrail.store.reads.clicks import get_click, list_clicks
from clicktrail.store.reads.metrics import link_metrics
from clicktrail.store.reads.pages import recall_click, recall_page
from clicktrail.store.reads.records import Page
from clicktrail.store.reads.statements import COLUMNS
from clicktrail.store.registrations.register import register_through
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine


class Changes:
    """Random changes to a real engine."""

    def __init__(self, engine: AnyEngine, seed: int) -> None:
        self.engine, self.random, self.ids = engine, Random(seed), IdGenerator()
        self.links = [engine.run(lambda session: create_item(session, self.ids, LINK, {}))[0].link_id for _ in range(4)]
        engine.memory.published.catalogue = engine.run(load_catalogue)
        self.known: list[str] = []
        self.removed: list[str] = []

    def make(self) -> Click:
        values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
        values |= {
            "click_id": self.ids.new()
            if self.random.random() < 0.8
            else f"{self.random.randrange(1 << 30):08x}{'0' * 16}",
            "time": self.random.randrange(100) + self.random.randrange(-1, 2) * DAY_US,
            "ip": f"40102030{self.random.randrange(4)}",
            "uri": "https://x.example/",
            "user_agent": (agent := self.random.choice([None, "0", "1", "", "robot"])),
            "bot": {None: None, "robot": "a rule"}.get(agent, ""),
            "link_id": self.random.choice([*self.links, None]),
            "update_time": 0,
        }
        values["visitor"] = visitor_of(values["ip"], agent, values["time"])
        return Click(**values)

    def step(self) -> None:
        kind = self.random.choice(["insert"] * 5 + ["register", "register", "delete", "remove", "forget"])
        if kind == "insert":
            batch = [self.make() for _ in range(self.random.randrange(1, 9))]
            batch = [click for click in batch if click.click_id not in self.known]
            self.engine.run(lambda session: insert_clicks(session, batch))
            self.known += [click.click_id for click in batch]
        elif self.known:
            chosen = self.random.choice(self.known)
            if kind == "register":
                self.engine.run(lambda session: register_through(session, self.ids, SYSTEM, chosen, {}))
            elif kind == "delete":
                self.engine.run(lambda session: delete_click(session, SYSTEM, chosen))
                self.known.remove(chosen)
                self.removed.append(chosen)
            elif kind == "remove":
                self.remove(self.random.sample(self.known, min(len(self.known), self.random.randrange(2, 12))))
            else:
                profile_id = self.engine.run(lambda session: get_click(session, SYSTEM, chosen)).profile_id
                if profile_id:
                    self.engine.run(lambda session: delete_object(session, SYSTEM, PROFILE, profile_id))

    def remove(self, chosen: list[str]) -> None:
        """Many at once: those of them on one link, as a filter would find them."""
        link_id = self.random.choice([*self.links, None])
        where = f"filter[linkId]={link_id}" if link_id else "filter[linkId][null]=1"
        query = read_removal(parse_query(removing_of(CLICK, 100), f"{where}&limit=100".encode()))
        wanted = [click for click in self.engine.run(stored) if click.link_id == link_id]
        found = self.engine.run(lambda session: find_removable(session, query))
        assert found == (sorted(click.click_id for click in wanted)[:100], len(wanted))
        removed = self.engine.run(lambda session: remove_piece(session, SYSTEM, query, chosen))
        gone = [click.click_id for click in wanted if click.click_id in chosen]
        assert removed == len(gone)
        self.known = [click_id for click_id in self.known if click_id not in gone]
        self.removed += gone


def stored(session: Session) -> list[Click]:
    return [Click(*row) for row in session.rows(sql(f"SELECT {', '.join(COLUMNS)} FROM clicks ORDER BY click_id DESC"))]


def recount(session: Session) -> dict[str, LinkMetrics]:
    """By hand what figures must be: robots count for nothing but the clients whom they brought."""
    rows = session.rows(sql("SELECT link_id, ip, user_agent, 0, bot, profile_id, time FROM clicks"))
    found = {}
    for link_id in {row[0] for row in rows if row[0] is not None}:
        people = [row for row in rows if row[0] == link_id and not row[4]]
        times = [row[-1] for row in people]
        found[link_id] = LinkMetrics(
            len(people),
            len({(*row[1:3], row[-1] // DAY_US) for row in people}),
            sum(row[0] == link_id and row[5] is not None for row in rows),
            min(times, default=None),
            max(times, default=None),
        )
    return found


@pytest.mark.parametrize("seed", range(12))
def test_memory_and_figures_equal_the_store(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(newest_module, "TAIL", 12)
    monkeypatch.setattr(newest_module, "REMEMBERED", 20)
    engine.memory.visits.window_us = 20
    changes, recalled = Changes(engine, seed), 0
    for _ in range(60):
        changes.step()
        clicks = engine.run(stored)
        assert {click.duplicate_of for click in clicks} <= {None, *changes.known}  # none repeats what is gone
        for query in ("limit=3", "limit=5&offset=2", "limit=1000", f"limit=4&sort_by=clickId&offset={seed}"):
            asked = parse_list(query.encode(), CLICK)
            page = recall_page(engine.memory, SYSTEM, asked)
            if page is not None:
                recalled += 1
                assert list(page.items) == clicks[asked.offset : asked.offset + asked.limit]
                assert (page.next is not None) == (len(clicks) > asked.offset + asked.limit)
        for click in clicks:
            assert recall_click(engine.memory, SYSTEM, click.click_id) in (None, click)
        assert [engine.memory.newest.find(click_id) for click_id in changes.removed] == [None] * len(changes.removed)
        found = engine.run(lambda session: link_metrics(session, SYSTEM, changes.links))
        counted = engine.run(recount)
        assert found == {link_id: counted.get(link_id, LinkMetrics()) for link_id in changes.links}
    assert (recalled > 0) is engine.is_owned, "what others may write to is never answered from memory"


def test_pages_by_cursor_go_from_memory_into_the_engine(embedded: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_module, "TAIL", 10)
    changes = Changes(embedded, 1)
    for _ in range(30):
        embedded.run(lambda session: insert_clicks(session, [changes.make()]))
    query, seen = parse_list(b"limit=4", CLICK), []
    while True:
        page = ask(embedded, query)
        seen += [getattr(item, "click", item).click_id for item in page.items]
        if page.next is None:
            break
        query = ListQuery(query.resource, query.sort, limit=4, after=page.next)
    assert len(seen) == 30
    assert seen == sorted(seen, reverse=True)


def ask(engine: AnyEngine, query: ListQuery) -> Page:
    recalled = recall_page(engine.memory, SYSTEM, query)
    return recalled or engine.run(lambda session: list_clicks(session, SYSTEM, query))


def test_partners_are_never_answered_from_memory(embedded: AnyEngine) -> None:
    changes, memory, query = Changes(embedded, 1), embedded.memory, parse_list(b"", CLICK)
    click = changes.make()
    embedded.run(lambda session: insert_clicks(session, [click]))
    page = recall_page(memory, SYSTEM, query)
    assert page is not None
    stored = msgspec.structs.replace(click, is_first=True)
    assert list(page.items) == [recall_click(memory, SYSTEM, click.click_id)] == [stored]
    partner = Viewer(Scope.PARTNER, "a" * 24, sees_contacts=False)
    assert recall_page(memory, partner, query) is None
    assert recall_click(memory, partner, click.click_id) is None


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=200), st.sets(st.integers(0, 60)))
def test_a_key_set_is_a_set(changes: list[tuple[bool, int]], start: set[int]) -> None:
    held, plain = KeySet(np.array(sorted(start), dtype=np.int64)), set(start)
    original = key_set._FRESH
    key_set._FRESH = 5
    try:
        for is_added, key in changes:
            assert held.find([key, -1]) == plain.intersection([key])
            if is_added and key not in plain:
                held.add([key])
                plain.add(key)
            elif not is_added and key in plain:
                held.discard(key)
                plain.remove(key)
            assert len(held) == len(plain)
    finally:
        key_set._FRESH = original


@pytest.mark.parametrize(("removed", "spans"), [(0, [3]), (0, [0, 1, 2]), (30, [1, 99, 1 << 30]), (55, [3]), (60, [3])])
def test_a_start_reads_the_newest_clicks_wherever_their_rows_are(
    embedded: AnyEngine, monkeypatch: pytest.MonkeyPatch, removed: int, spans: list[int]
) -> None:
    monkeypatch.setattr(reading, "TAIL", 10)
    monkeypatch.setattr(reading, "_SPANS_S", spans)
    changes = Changes(embedded, removed)
    clicks = [changes.make() for _ in range(60)]
    changes.random.shuffle(clicks)
    for click in clicks:
        embedded.run(partial(insert_clicks, clicks=[click]))
    for click in changes.random.sample(clicks, removed):
        embedded.run(partial(delete_click, viewer=SYSTEM, click_id=click.click_id))
    embedded.run(reading.load_tail)
    newest = embedded.memory.newest
    assert list(newest.tail) == embedded.run(stored)[:10][::-1]
    assert newest.is_whole == (removed > 50)


@pytest.mark.parametrize("seed", range(6))
def test_changes_wait_while_the_newest_clicks_are_read(
    embedded: AnyEngine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for module in (reading, newest_module):
        monkeypatch.setattr(module, "TAIL", 12)
    changes, newest = Changes(embedded, seed), embedded.memory.newest
    for _ in range(seed * 4):
        changes.step()
    newest.stop()
    newest.expect()
    read = embedded.run(reading.read_tail)
    for _ in range(12):
        changes.step()
        assert newest.tail == ()
    embedded.run(partial(reading.begin_tail, clicks=read))
    there = embedded.run(stored)
    assert list(newest.tail) == there[: len(newest.tail)][::-1]
    assert newest.tail or not there
    assert not newest.is_whole or len(newest.tail) == len(there)
    for click in there:
        assert newest.find(click.click_id) in (None, click)
    assert not any(map(newest.find, changes.removed))


@given(st.lists(st.integers(-3, 3)))
def test_distinct_keys_are_sorted_and_each_there_once(keys: list[int]) -> None:
    assert key_set.distinct(np.array(keys, dtype=np.int64)).tolist() == sorted(set(keys))
