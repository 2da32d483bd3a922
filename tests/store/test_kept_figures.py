"""Figures of links that the embedded store keeps equal a recount of the clicks, whatever happened to these."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from msgspec import structs

from clicktrail.model.click import Click
from clicktrail.model.erasure import Strangers
from clicktrail.model.metrics import LinkMetrics
from clicktrail.store.clicks.change import drop, erase
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.clicks.newest import load_tail
from clicktrail.store.counting import totals
from clicktrail.store.counting.kept import KEPT, count_figures, read_figures
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.migrations.seconds import fill_seconds
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session import parts
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, number, sql
from tests.conftest import open_engine
from tests.reports.test_totals import CAUSE, FIRST_US, Programme, forget_totals

STEPS = (
    *["add"] * 6,
    *["add_up"] * 3,
    *("add_one", "register", "untie", "remove", "remove", "hand_over", "merge", "forget", "history", "drop", "erase"),
    *("restart", "crash"),
)

_WRONG_KEYS = (
    "SELECT count(*) FROM clicks WHERE uuid_number IS DISTINCT FROM md5_number_lower(uuid) "
    "AND (is_totalled OR uuid_number IS NOT NULL)"
)


class Kept(Programme):
    """With everything else that may happen to the clicks of an embedded store."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(open_engine(folder, {}), seed)
        self.folder = folder

    def step(self) -> None:
        getattr(self, self.random.choice(STEPS))()

    def make(self) -> Click:
        return structs.replace(super().make(), uuid=self.random.choice((None, f"u-{self.random.getrandbits(60)}")))

    def history(self) -> None:
        clicks = [self.make() for _ in range(self.random.randrange(2, 30))]
        self.engine.run(lambda session: insert_clicks(session, clicks, linked={click.click_id for click in clicks}))

    def drop(self) -> None:
        end = FIRST_US + self.random.randrange(10**12)
        its = sql("c.profile_id IS NULL AND c.time < {}", number(end))
        self.engine.run(lambda session: drop(session, its, end, self.random.randrange(1, 20), CAUSE))

    def erase(self) -> None:
        clicks = self.some(4)
        if clicks:
            strangers, deletes = Strangers(), self.random.random() < 0.5
            self.engine.run(lambda session: erase(session, clicks, strangers, {}, deletes, CAUSE))

    def restart(self) -> None:
        self.engine.close()
        self.open(self.folder)

    def crash(self) -> None:
        """What a killed process leaves on disk, with clicks that are in the journal alone."""
        engine, place = self.engine, self.folder.parent / f"{self.folder.name}x"
        assert isinstance(engine, DuckdbEngine)
        with engine._intake.not_flushing():
            clicks = [self.make() for _ in range(self.random.randrange(2, 30))]
            engine.record(lambda session: insert_clicks(session, clicks))
            shutil.copytree(self.folder, place)
        engine.close()
        self.open(place)

    def open(self, folder: Path) -> None:
        self.folder, window_us = folder, self.engine.memory.visits.window_us
        self.engine = DuckdbEngine(folder / "clicktrail.duckdb")
        self.engine.memory.visits.window_us, self.ids = window_us, self.engine.memory.ids
        self.engine.run(load_tail)
        self.engine.begin(lambda _: None, print)
        self.learn()

    def recount(self) -> dict[str, LinkMetrics]:
        """The figures of all links, by a recount. Those in memory and those kept are the same."""
        counted = self.engine.run(count_figures)
        known = self.engine.run(lambda session: session.figures.find(session, self.links))
        assert known == {link_id: counted.get(link_id, LinkMetrics()) for link_id in self.links}
        assert self.engine.run(lambda session: session.figures.compare(session)) == {}
        assert self.engine.run(parts.find_wrong_parts) == {}
        assert self.engine.run(lambda session: session.rows(sql(_WRONG_KEYS))) == [(0,)]
        uuids = {row[0] for row in self.engine.run(lambda s: s.rows(sql("SELECT uuid FROM clicks WHERE uuid <> ''")))}
        assert self.engine.memory.uuids.find(uuids) == uuids
        return counted


@contextmanager
def programme(folder: Path, seed: int) -> Iterator[Kept]:
    made = Kept(folder / "store", seed)
    try:
        yield made
    finally:
        made.engine.close()


@pytest.mark.parametrize("seed", range(6))
def test_kept_figures_equal_a_recount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(totals, "PIECE", 40)
    with programme(tmp_path, seed) as made:
        for _ in range(60):
            made.step()
            figures = made.recount()
        assert sum(each.clicks for each in figures.values()) > 100
        assert made.engine.run(lambda session: session.rows(sql("SELECT 1 FROM link_figures LIMIT 1")))


def test_a_start_counts_only_clicks_that_are_not_in_the_totals(tmp_path: Path) -> None:
    """So its time does not depend on how many clicks there are."""
    with programme(tmp_path, 1) as made:
        for _ in range(5):
            made.add()
        made.add_up()
        before = made.recount()
        made.engine.run(lambda session: session.rows(sql("UPDATE clicks SET time = 0")))
        assert made.engine.run(read_figures) == before


def test_a_recount_repairs_kept_figures(tmp_path: Path) -> None:
    with programme(tmp_path, 2) as made:
        for _ in range(5):
            made.add()
        made.add_up()
        made.register()
        before = made.recount()
        made.engine.run(lambda session: session.rows(sql("UPDATE link_figures SET clicks = clicks + 7, last_time = 9")))
        found = made.engine.run(lambda session: session.figures.compare(session))
        assert found.keys() == before.keys()
        assert all(stored.clicks == counted.clicks + 7 for stored, counted in found.values())
        made.engine.run(lambda session: session.figures.recount(session))
        assert made.recount() == before


@pytest.mark.parametrize("has_totals", [True, False])
def test_an_old_store_gets_its_figures(tmp_path: Path, has_totals: bool) -> None:
    """Of clicks in the totals, of such that are not, and of dropped ones."""
    with programme(tmp_path, 3) as made:
        for name in ("add", "add", "add_up", "add", "register", "remove", "drop", "register", "remove", "add_one"):
            getattr(made, name)()
        before = made.recount()
        made.engine.run(forget_figures)
        if not has_totals:
            made.engine.run(forget_totals)
        assert made.engine.run(migrate) == [KEPT[0]]
        while made.engine.fill(fill_seconds):
            pass
        assert made.recount() == before
        made.engine.run(partial(totals.add_up, least=1))
        assert made.recount() == before


def forget_figures(session: Session) -> None:
    """The store as an earlier version left it."""
    session.rows(Sql("DROP TABLE link_figures"))
    session.rows(Sql("DROP TABLE click_parts"))
    session.rows(sql("UPDATE clicks SET created_s = NULL, uuid_number = NULL"))
    session.rows(sql("DELETE FROM migrations WHERE name = {}", KEPT[0]))
