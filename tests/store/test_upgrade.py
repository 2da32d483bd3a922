"""A store that an earlier version made, with rows in it, is brought up to date and keeps them."""

from functools import partial
from pathlib import Path

import pytest

from clicktrail.ingest.landing import find_landing
from clicktrail.model.access import SYSTEM
from clicktrail.model.ids import IdGenerator
from clicktrail.query.fields import LINK
from clicktrail.store.engines.postgres import citus
from clicktrail.store.exchange import move as moving
from clicktrail.store.migrations.shared import all_migrations, list_missing, migrate
from clicktrail.store.objects.catalogue import find_link, load_catalogue
from clicktrail.store.objects.profiles import create_profile, find_client, save_profile
from clicktrail.store.reads.records import find_repeat, get_record
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import BY_TABLE, RELATIONS
from clicktrail.store.session.sql import insert_into, sql
from tests.conftest import AnyEngine, engine_of

OLD = {
    "0000-postgres-functions",
    "0001-clicks-and-what-surrounds-them",
    "0002-hashes-of-what-is-looked-up",
    "0002-postgres-what-nodes-share",
    "0003-postgres-keys-and-indexes",
}
LINK_ID, CLICK_ID, ODD_LINK_ID, CLIENT_ID = (f"6006dda272f002519c3eb50{number}" for number in (5, 6, 7, 8))
ODD_CODE = "e\u0301\u202e"
"""A link as no one can make it any more."""
DERIVED = {
    "link_figures",
    "link_changes",
    "link_visitors",
    "click_uuids",
    "signing_keys",
    "issued_tokens",
    "catalogue_version",
}
"""Tables that are made anew from the clicks, or belong to the nodes."""


def make_old_store(session: Session) -> None:
    session.rows(sql("CREATE TABLE migrations (name TEXT NOT NULL, apply_time BIGINT NOT NULL)"))
    for name, statements in all_migrations(session.dialect):
        for statement in statements if name in OLD else ():
            session.rows(sql(session.dialect.translate(statement)))
        if name in OLD:
            session.rows(sql("INSERT INTO migrations (name, apply_time) VALUES ({}, {})", name, session.clock.now_us()))


def fill(session: Session) -> None:
    link = {"link_id": LINK_ID, "code": "a", "uri": "https://x.example/", "enabled": True, "update_time": 0}
    session.rows(insert_into("links", link))
    session.rows(
        sql(
            "INSERT INTO links (link_id, code, uri, enabled, update_time, uuid) VALUES ({}, {}, {}, TRUE, 0, 'u')",
            ODD_LINK_ID,
            ODD_CODE,
            "https://a.example\\@evil.example",
        )
    )
    session.rows(
        sql(
            "INSERT INTO clicks (click_id, time, ip, uri, link_id, update_time) "
            "VALUES ({}, 0, '408080808', 'https://x.example/', {}, 0)",
            CLICK_ID,
            LINK_ID,
        )
    )
    session.rows(
        sql(
            "INSERT INTO profiles (profile_id, enabled, first_name, last_name, middle_name, name, update_time, uuid) "
            "VALUES ({}, TRUE, '', '', '', '', 0, 'user-1')",
            CLIENT_ID,
        )
    )


@pytest.fixture
def old(engine_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> AnyEngine:
    is_embedded = engine_kind == "duckdb"
    return engine_of(tmp_path, {} if is_embedded else {"database": request.getfixturevalue("new_database")()})


def test_an_old_store_keeps_its_rows(old: AnyEngine) -> None:
    old.run(make_old_store)
    old.run(fill)
    assert set(old.migrate(migrate)).isdisjoint(OLD)
    assert old.run(list_missing) == []
    link = old.run(lambda session: get_record(session, SYSTEM, LINK, LINK_ID))
    assert (link.redirect_status, link.expire_time, link.fallback_uri) == (302, None, None)
    assert old.run(load_catalogue).links["a"].redirect_status == 302
    odd = old.run(lambda session: find_repeat(session, LINK, {"uuid": "u", "uri": "https://a.example/@evil.example"}))
    assert odd is not None
    assert (odd.code, odd.uri) == (ODD_CODE, "https://a.example/@evil.example")
    found = old.run(lambda session: find_link(session, ODD_CODE))
    assert found is not None
    assert find_landing(str(found.uri), "", "referral", "x").startswith("https://a.example/@evil.example?")
    rows = old.run(lambda session: session.rows(sql("SELECT click_id, link_id, visitor, bot, name_space FROM clicks")))
    assert rows == [(CLICK_ID, LINK_ID, None, None, None)]
    known = old.run(lambda session: find_client(session, None, "user-1"))
    assert known is not None
    assert known.profile_id == CLIENT_ID
    ids, values = IdGenerator(), {"uuid": "user-1"}
    said = old.run(lambda session: save_profile(session, ids, None, values, LINK_ID))
    assert old.run(lambda session: find_client(session, LINK_ID, "user-1")).profile_id == said  # type: ignore[union-attr]
    assert old.run(lambda session: create_profile(session, ids, values)) == (known, False)
    old.close()


def tables(session: Session) -> set[str]:
    found = session.rows(
        sql(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        )
    )
    return {row[0] for row in found if not row[0].startswith("clicks_")} - {"migrations"}


def test_every_table_is_moved_and_has_its_place_in_a_cluster(engine: AnyEngine) -> None:
    """What is not moved is made anew from the clicks, or belongs to the nodes."""
    found = engine.run(tables)
    assert found - DERIVED == moving.TABLES.keys()
    if not engine.is_owned:
        assert found == {*citus.REFERENCE, *citus.DISTRIBUTED}


def test_the_table_of_relations_names_columns_that_are_there(engine: AnyEngine) -> None:
    there = engine.run(tables)
    for relation in RELATIONS:
        columns = {*relation.key, *(each.column for each in relation.references)}
        columns |= {relation.shard_column} if relation.shard_column is not None else set()
        if relation.table in there:
            assert columns <= set(engine.run(partial(moving.columns_of, table=relation.table))), relation.table
        else:
            assert not relation.is_moved, relation.table
        assert {each.table for each in relation.references} <= BY_TABLE.keys()
