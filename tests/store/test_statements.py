"""How many statements a page costs, and that all is done or nothing."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, cast, get_type_hints

import duckdb
import pytest
from msgspec.structs import replace

from clicktrail.errors import StoreInUse
from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.query.fields import CLICK, LINK
from clicktrail.query.parse import parse_list
from clicktrail.query.questions import ListQuery
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.migrations.shared import FIGURES_KEPT, FILL, TOTALS, all_migrations, migrate
from clicktrail.store.objects.catalogue import create_item, load_catalogue
from clicktrail.store.reads.clicks import get_click, list_clicks
from clicktrail.store.registrations.register import register_through
from clicktrail.store.session.protocol import Row, Rows, Session
from clicktrail.store.session.sql import Sql, sql
from clicktrail.store.session.transactions import transaction_of
from tests.conftest import AnyEngine

EXPANSIONS = "query[link]=1&query[profile]=1&query[contacts]=1&query[metrics]=1"


class Counting:
    """A session that counts the statements that go through it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.statements: list[str] = []

    def rows(self, statement: Sql) -> list[Row]:
        self.statements.append(statement.text)
        return self.session.rows(statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def make_click(ids: IdGenerator | None, **fields: Any) -> Click:
    values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
    values |= {
        "click_id": ids.new() if ids else None,
        "time": 0,
        "ip": "401020304",
        "uri": "https://x.example/",
        "update_time": 0,
    }
    return Click(**(values | fields))


def fill(engine: AnyEngine, clicks: int) -> None:
    ids = IdGenerator()

    def work(session: Session) -> None:
        links = [create_item(session, ids, LINK, {})[0].link_id for _ in range(20)]
        made = [make_click(ids, link_id=links[number % 20]) for number in range(clicks)]
        session.memory.published.catalogue = load_catalogue(session)
        insert_clicks(session, made)
        for click in made[:: clicks // 20]:
            values = {"contacts": [{"key": "email", "value": "a@email.com", "uuid": None}], "tags": ["a"]}
            register_through(session, ids, SYSTEM, click.click_id, values)

    engine.run(work)


def test_a_page_costs_a_fixed_number_of_statements(engine: AnyEngine, engine_kind: str) -> None:
    fill(engine, 1000)

    def count(limit: int) -> int:
        def work(session: Session) -> int:
            counting = Counting(session)
            query = parse_list(f"limit={limit}&{EXPANSIONS}".encode(), CLICK, wants_count=True)
            assert len(list_clicks(cast(Session, counting), SYSTEM, query).items) == limit
            return len(counting.statements)

        return engine.run(work)

    if engine_kind == "duckdb":
        # Count, links, profiles with contacts and tags, contacts, links with metrics; the page is in memory.
        assert count(1000) == 7
        engine.memory.newest.begin(engine.memory.newest.tail[-2:], is_whole=False)
    assert count(1000) == {"duckdb": 8, "postgres": 9}[engine_kind]  # where figures are in tables, one more
    assert count(1000) >= count(1)


def test_a_failure_half_way_leaves_nothing(engine: AnyEngine) -> None:
    ids = IdGenerator()
    click = make_click(ids)

    def fail(session: Session) -> None:
        insert_clicks(session, [click])
        register_through(session, ids, SYSTEM, click.click_id, {"first_name": "Mary"})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        engine.run(fail)
    assert engine.run(lambda session: session.rows(sql("SELECT count(*) FROM clicks"))) == [(0,)]
    assert engine.run(lambda session: session.rows(sql("SELECT count(*) FROM profiles"))) == [(0,)]


def test_every_field_of_a_click_is_read_back(engine: AnyEngine) -> None:
    ids = IdGenerator()
    values = {
        name: f"{name} \"'\\,[]{{}}\n\t ä 日本 𝄞 \x01"
        for name, kind in get_type_hints(Click).items()
        if kind == str | None and name not in ("link_id", "banner_id", "partner_id")
    }
    numbers = {"time": -1, "update_time": 2**60, "latitude": -0.000001, "longitude": 179.999999, "visitor": -(2**63)}
    click = make_click(ids, **values, **numbers, is_data_centre=True, is_prefetch=False, is_first=False)
    engine.run(lambda session: insert_clicks(session, [click]))
    assert engine.run(lambda session: get_click(session, SYSTEM, click.click_id)) == click


def test_one_uuid_is_one_click_also_within_a_batch(engine: AnyEngine) -> None:
    ids = IdGenerator()
    first, second, third = (make_click(ids, uuid="u") for _ in range(3))
    assert engine.run(lambda session: insert_clicks(session, [first, second])).repeated == {second.click_id: first}
    stored = replace(first, is_first=True)
    assert engine.run(lambda session: insert_clicks(session, [third])).repeated == {third.click_id: stored}


def test_a_click_never_points_to_a_link_or_banner_that_is_gone(engine: AnyEngine) -> None:
    click = make_click(IdGenerator(), link_id="a" * 24, banner_id="b" * 24)
    engine.run(lambda session: insert_clicks(session, [click]))
    stored = engine.run(lambda session: get_click(session, SYSTEM, click.click_id))
    assert (stored.link_id, stored.banner_id) == (None, None)


def test_migrations_are_applied_once(engine: AnyEngine) -> None:
    assert engine.run(migrate) == []
    applied = engine.run(lambda session: [row[0] for row in session.rows(sql("SELECT name FROM migrations"))])
    names = engine.run(lambda session: [name for name, _ in all_migrations(session.dialect)])
    assert sorted(applied) == sorted([*names, FILL, FIGURES_KEPT, TOTALS])
    assert len(set(names)) == len(names)


def test_what_is_no_store_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreInUse, match=r"x\.duckdb cannot be opened"):
        DuckdbEngine(path)


@pytest.mark.parametrize("more", ["", "&query[visitor]=1", "&query[link]=1", "&query[metrics]=1"])
@pytest.mark.parametrize("sort", CLICK.sorts)
def test_what_asks_more_than_once_asks_of_one_snapshot(embedded: DuckdbEngine, sort: str, more: str) -> None:
    """A list that declares itself a single statement is one; any other has a transaction around it."""
    fill(embedded, 40)
    for conditions in ("", "&filter[registration]=1", "&filter[tag]=a", "&filter[utmSource]=x"):
        for is_counted in (False, True):
            asked = parse_list(f"sort_by={sort}{more}{conditions}".encode(), CLICK, "en", is_counted)
            counting: list[Counting] = []

            def work(session: Session, asked: ListQuery = asked, counting: list[Counting] = counting) -> None:
                counting.append(Counting(session))
                list_clicks(cast(Session, counting[0]), SYSTEM, asked)

            embedded.run(work)
            if transaction_of(list_clicks).is_single(SYSTEM, asked):
                assert len(counting[0].statements) <= 1


def test_what_declares_a_single_insert_makes_no_second_one(embedded: DuckdbEngine) -> None:
    def twice(session: Session) -> None:
        for number in (1, 2):
            session.insert("languages", ("language_id", "language_name", "update_time"), [(str(number), "x", 0)])

    with pytest.raises(RuntimeError, match="single insert"):
        embedded.run(twice, is_single=True)
    embedded.run(twice)


def test_a_question_cannot_write(engine: AnyEngine) -> None:
    def forget(session: Session) -> None:
        session.rows(sql("DELETE FROM languages"))

    with pytest.raises(Exception, match=r"read-only|cannot take"):
        asyncio.run(engine.read(forget))


def test_rows_of_several_tables_are_added_together(embedded: DuckdbEngine) -> None:
    def add(session: Session, name: str | None) -> None:
        columns = ("language_id", "language_name", "update_time")
        session.insert_together(
            Rows("languages", columns, [("a", "x", 0)]), Rows("languages", columns, [("b", name, 0)])
        )

    with pytest.raises(duckdb.ConstraintException):
        embedded.run(partial(add, name=None), is_single=True)
    count = sql("SELECT count(*) FROM languages")
    assert embedded.run(lambda session: session.rows(count)) == [(0,)]
    embedded.run(partial(add, name="y"), is_single=True)
    assert embedded.run(lambda session: session.rows(count)) == [(2,)]
