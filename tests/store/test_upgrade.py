"""A store that an earlier version made, with rows in it, is brought up to date and keeps them."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from clicktrail.errors import Conflict, Unavailable
from clicktrail.ingest.landing import find_landing
from clicktrail.model.access import SYSTEM, Scope, Viewer
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.model.visitors import visit_key, visitor_of
from clicktrail.query.fields import LINK, PROFILE, Resource
from clicktrail.reports.totals import TABLES as TOTALS_TABLES
from clicktrail.store.engines.duckdb import filling
from clicktrail.store.engines.duckdb.looking import look
from clicktrail.store.engines.postgres import citus, rebuild
from clicktrail.store.engines.postgres import figures as table_figures
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.months import month_of, shift, start_of
from clicktrail.store.exchange import move as moving
from clicktrail.store.migrations.fills import fill as fill_columns
from clicktrail.store.migrations.shared import FIGURES_KEPT, FILL, TOTALS, all_migrations, list_missing, migrate
from clicktrail.store.objects.catalogue import find_link, load_catalogue
from clicktrail.store.objects.profiles import create_profile, find_client, save_profile
from clicktrail.store.reads.metrics import find_metrics, get_link_metrics
from clicktrail.store.reads.records import find_repeat, get_record
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import RELATIONS
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
    "audit_turn",
    "journal_position",
    *TOTALS_TABLES,
    "daily_changes",
    "daily_fills",
    "kept_totals",
    "link_figures",
    "click_parts",
    "link_changes",
    "link_visitors",
    "click_uuids",
    "signing_keys",
    "issued_tokens",
    "catalogue_version",
    "sessions",
    "invitations",
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
    assert old.run(list_missing) == [FILL, FIGURES_KEPT, TOTALS]
    fill_columns(old)
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
    rows = old.run(lambda session: session.rows(sql("SELECT click_id, link_id, bot, name_space FROM clicks")))
    assert rows == [(CLICK_ID, LINK_ID, None, None)]
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
    """What is not moved is made anew from the clicks, belongs to the nodes, or ends: sessions and invitations."""
    found = engine.run(tables)
    assert found - DERIVED == moving.TABLES.keys()
    if not engine.is_owned:
        local = {each.table for each in RELATIONS if each.is_local}
        assert found == {*citus.REFERENCE, *citus.DISTRIBUTED, *local}


def test_the_table_of_relations_names_columns_that_are_there(engine: AnyEngine) -> None:
    there = engine.run(tables)
    for relation in RELATIONS:
        columns = {*relation.key, *(each.column for each in relation.references)}
        columns |= {relation.shard_column} if relation.shard_column is not None else set()
        if relation.table in there:
            assert columns <= set(engine.run(partial(moving.columns_of, table=relation.table))), relation.table
        else:
            assert not relation.is_moved, relation.table
        assert {each.table for each in relation.references} <= {each.table for each in RELATIONS}


BEFORE_REPORTS = {
    "0010-what-reports-need",
    "0013-kept-figures",
    "0012-postgres-what-reports-need",
    "0016-postgres-faster-reports",
    "0017-postgres-kept-figures",
    "0019-postgres-daily-totals",
    "0018-postgres-visit-keys",
    "0021-duckdb-kept-counts",
}
PARTNER_ID, FREE_LINK_ID = "6006dda272f002519c3eb600", "6006dda272f002519c3eb601"
REFERRER = "https://u@WWW.Example.org:8443/page"


def make_store_before_reports(session: Session) -> None:
    session.rows(sql("CREATE TABLE migrations (name TEXT NOT NULL, apply_time BIGINT NOT NULL)"))
    for name, statements in all_migrations(session.dialect):
        if name not in BEFORE_REPORTS:
            for statement in statements:
                session.rows(sql(session.dialect.translate(statement)))
            session.rows(insert_into("migrations", {"name": name, "apply_time": 0}))
    for link_id, partner_id in ((LINK_ID, PARTNER_ID), (FREE_LINK_ID, None)):
        link = {"link_id": link_id, "code": link_id, "profile_id": partner_id, "enabled": True, "update_time": 0}
        session.rows(insert_into("links", link))


def old_click(number: int, **more: object) -> dict[str, object]:
    """A click of one visitor on one link: two a day, the later one first."""
    click = {"click_id": f"6006dda272f002519c3{number:05x}", "ip": "408080808", "uri": "https://x.example/"}
    time = number // 2 * DAY_US + 10 - number % 2
    return {**click, "time": time, "link_id": LINK_ID, "referrer": REFERRER, "update_time": 0, **more}


def registered(number: int, click_id: str | None, link_id: str | None) -> dict[str, object]:
    made = {"attribution_id": f"{number:024x}", "profile_id": CLIENT_ID, "time": 0, "rule": "code"}
    return {**made, "click_id": click_id, "link_id": link_id}


def add_rows(session: Session, table: str, rows: list[dict[str, object]]) -> None:
    for row in rows:
        session.rows(insert_into(table, row))


def test_a_stopped_fill_goes_on(old: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_PIECE", 4)
    monkeypatch.setattr(table_figures, "_PIECE", 4)
    clicks = [old_click(number) for number in range(8)]
    clicks += [
        old_click(8, link_id=FREE_LINK_ID),
        old_click(9, link_id=None, referrer="android-app://x/", user_agent=""),
    ]
    clicks += [old_click(10, bot="a rule", referrer=None, user_agent="Bot é")]
    old.run(make_store_before_reports)
    old.run(lambda session: add_rows(session, "clicks", clicks))
    made = [registered(1, str(clicks[0]["click_id"]), LINK_ID), registered(2, None, LINK_ID), registered(3, None, None)]
    old.run(lambda session: add_rows(session, "attributions", made))
    old.migrate(migrate)
    assert old.fill_piece() == 4
    assert old.run(look).missing == [FILL, FIGURES_KEPT, TOTALS]
    told: list[tuple[int, int]] = []
    fill_columns(old, lambda *each: told.append(each))
    assert told == [(4, 7), (7, 7), (11, 11)]
    assert old.run(look).missing == []
    columns = "click_id, partner_id, site_id, referrer_host, is_first"
    found = old.run(lambda session: session.rows(sql(f"SELECT {columns} FROM clicks ORDER BY click_id")))
    ids = [click["click_id"] for click in clicks]
    expected: list[tuple[object, ...]] = [(PARTNER_ID, None, "example.org", number % 2 == 1) for number in range(8)]
    expected += [(None, None, "example.org", True), (None, None, None, True), (PARTNER_ID, None, None, False)]
    assert found == [(click_id, *each) for click_id, each in zip(ids, expected, strict=True)]
    texts = old.run(lambda session: session.rows(sql("SELECT ip, user_agent, time, visitor FROM clicks")))
    assert all(visitor == visitor_of(ip, user_agent, time) for ip, user_agent, time, visitor in texts)
    paid = old.run(lambda session: session.rows(sql("SELECT partner_id FROM attributions ORDER BY attribution_id")))
    assert paid == [(PARTNER_ID,), (PARTNER_ID,), (None,)]
    if not old.is_owned:
        metrics = old.run(lambda session: session.figures.find(session, [LINK_ID]))[LINK_ID]
        assert (metrics.clicks, metrics.unique_clicks) == (8, 4)
    old.close()


def test_what_an_older_node_adds_is_filled_at_the_next_start(old: AnyEngine) -> None:
    old.migrate(migrate)
    owned = {"link_id": LINK_ID, "code": "a", "profile_id": PARTNER_ID, "enabled": True, "update_time": 0}
    old.run(lambda session: add_rows(session, "links", [owned]))
    fill_columns(old)
    old.run(lambda session: add_rows(session, "clicks", [old_click(1)]))
    fill_columns(old)
    assert old.run(lambda session: session.rows(sql("SELECT partner_id, is_first FROM clicks"))) == [(PARTNER_ID, True)]
    if not old.is_owned:  # only then there are other nodes
        late = registered(1, str(old_click(1)["click_id"]), LINK_ID)
        old.run(lambda session: add_rows(session, "attributions", [late]))
        fill_columns(old)
        assert old.run(lambda session: session.rows(sql("SELECT partner_id FROM attributions"))) == [(PARTNER_ID,)]
    old.close()


MONTHS = 2
NOW_S = int(time.time()) // 86_400 * 86_400 + 100
"""A second of today, far from midnight."""
OLD_S = start_of(shift(month_of(NOW_S), -MONTHS)) - DAY_US // SECOND
"""A second of a month that the retention does not keep."""


def paid_click(number: int, second: int, **more: object) -> dict[str, object]:
    """A click of the link that PARTNER_ID is paid for, by a visitor of its own."""
    click = {"click_id": f"{second:08x}{number:016x}", "time": second * SECOND, "ip": f"4{number:08x}"}
    return {**click, "uri": "https://x.example/", "link_id": LINK_ID, "update_time": 0, "visitor": number, **more}


def metrics_of(engine: AnyEngine, viewer: Viewer, resource: Resource, object_id: str) -> LinkMetrics:
    return engine.run(lambda session: find_metrics(session, viewer, resource, [object_id]))[object_id]


PARTNER = Viewer(Scope.PARTNER, PARTNER_ID)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def old_postgres(url: str) -> Iterator[PostgresEngine]:
    engine = PostgresEngine(url, retention_months=MONTHS)
    yield engine
    engine.close()


def test_figures_of_months_that_were_dropped_before_the_upgrade_stay(old_postgres: PostgresEngine) -> None:
    """The earlier version counted ten clicks of seven visitors, of whom three registered, and dropped all but four."""
    before, profile = (OLD_S - 40 * 86_400) * SECOND, {"profile_id": CLIENT_ID}
    kept = [paid_click(1, NOW_S - 9), paid_click(1, NOW_S - 8, **profile), paid_click(2, NOW_S - 7)]
    kept += [paid_click(3, NOW_S - 6), paid_click(4, NOW_S - 5, bot="a rule")]
    counted = {"clicks": 9, "unique_clicks": 7, "registrations": 2, "first_time": before, "last_time": before + 1}
    since = {"clicks": 1, "unique_clicks": 0, "registrations": 1, "first_time": None, "last_time": kept[3]["time"]}
    old_postgres.run(make_store_before_reports)
    old_postgres.run(lambda session: add_rows(session, "clicks", kept))
    old_postgres.run(lambda session: add_rows(session, "link_figures", [{"link_id": LINK_ID, **counted}]))
    old_postgres.run(lambda session: add_rows(session, "link_changes", [{"link_id": LINK_ID, **since}]))
    old_postgres.migrate(migrate)
    fill_columns(old_postgres)
    whole = LinkMetrics(10, 7, 3, before, (NOW_S - 6) * SECOND)
    for viewer in (SYSTEM, PARTNER):
        assert metrics_of(old_postgres, viewer, LINK, LINK_ID) == whole
        assert metrics_of(old_postgres, viewer, PROFILE, PARTNER_ID) == whole

    old_postgres.run(lambda session: add_rows(session, "clicks", [paid_click(5, NOW_S - 3)]))  # by an older node
    fill_columns(old_postgres)
    assert metrics_of(old_postgres, SYSTEM, LINK, LINK_ID) == LinkMetrics(11, 8, 3, before, (NOW_S - 3) * SECOND)


def test_a_month_that_is_due_at_the_upgrade_is_dropped_after_the_fill(old_postgres: PostgresEngine) -> None:
    gone, kept = paid_click(1, OLD_S), paid_click(2, NOW_S - 9)
    other = {**paid_click(3, OLD_S), "link_id": FREE_LINK_ID}
    again = paid_click(4, OLD_S, time=int(str(gone["time"])), ip=gone["ip"])
    old_postgres.run(make_store_before_reports)
    old_postgres.keep_months([month_of(OLD_S)])
    old_postgres.run(lambda session: add_rows(session, "clicks", [gone, again, kept, other]))
    counted = {"clicks": 3, "unique_clicks": 2, "registrations": 0, "first_time": gone["time"]}
    figures = [{"link_id": LINK_ID, **counted, "last_time": kept["time"]}]
    old_postgres.run(lambda session: add_rows(session, "link_figures", figures))
    old_postgres.migrate(migrate)
    assert old_postgres.run(lambda session: session.rows(sql("SELECT count(*) FROM clicks"))) == [(4,)]
    fill_columns(old_postgres)
    old_postgres.drop_months()
    assert old_postgres.run(lambda session: session.rows(sql("SELECT count(*) FROM clicks"))) == [(1,)]
    whole = LinkMetrics(3, 2, 0, OLD_S * SECOND, (NOW_S - 9) * SECOND)
    for recount in (False, True):
        if recount:
            old_postgres.fill(lambda session: session.figures.recount(session))
        assert metrics_of(old_postgres, SYSTEM, LINK, LINK_ID) == whole
        assert metrics_of(old_postgres, PARTNER, PROFILE, PARTNER_ID) == whole
        assert metrics_of(old_postgres, SYSTEM, LINK, FREE_LINK_ID).clicks == 1
    with pytest.raises(Conflict, match="rawFrom"):
        old_postgres.run(lambda session: get_link_metrics(session, SYSTEM, LINK_ID, with_bots=True))


def test_visits_keep_their_keys_when_the_form_of_keys_changes(old_postgres: PostgresEngine) -> None:
    """A store of an earlier commit has keys of another form. A second click of the visit is not a first one."""
    stored = paid_click(1, NOW_S - 60, is_first=True, user_agent="é", bot="")
    robot = paid_click(2, NOW_S - 60, is_first=False, link_id=None, bot="a rule", user_agent="robot")
    old_postgres.migrate(migrate)
    undo = sql("DELETE FROM migrations WHERE name = '0018-postgres-visit-keys'")
    old_postgres.run(lambda session: session.rows(undo))
    old_postgres.run(lambda session: add_rows(session, "clicks", [stored, robot]))
    old_postgres.run(lambda session: add_rows(session, "link_visitors", [{"visitor": 7}]))
    assert old_postgres.migrate(migrate) == ["0018-postgres-visit-keys"]
    kept = old_postgres.run(lambda session: session.rows(sql("SELECT visitor FROM link_visitors")))
    listed = sql("SELECT {} FROM clicks c ORDER BY click_id", CLICK_SQL)
    clicks = [Click(*row) for row in old_postgres.run(lambda session: session.rows(listed))]
    assert {key for [key] in kept} == set(map(visit_key, clicks))
    again = structs.replace(clicks[0], click_id="f" * 24, is_first=False, visitor=None)
    [marked] = old_postgres.run(lambda session: session.figures.arrive(session, [again]))
    assert not marked.is_first


PAST_S = OLD_S + 45 * 86_400
"""A second of a month that is kept and over."""
PAST = f"clicks_{month_of(PAST_S)[0]:04}_{month_of(PAST_S)[1]:02}"
INDEXES = (
    "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = '{}'::REGCLASS "
    "AND i.indisvalid AND (c.relispartition OR '{}' = 'clicks')"
)


def read_filled(engine: AnyEngine) -> list[tuple[object, ...]]:
    columns = "click_id, partner_id, referrer_host, is_first, visitor, update_time"
    return engine.run(lambda session: session.rows(sql(f"SELECT {columns} FROM clicks ORDER BY click_id")))


def count_indexes(engine: AnyEngine, table: str) -> int:
    """The valid indexes of `clicks`, or those of a partition that belong to one of them."""
    counted: int = engine.run(lambda session: session.rows(sql(INDEXES.replace("{}", table))))[0][0]
    return counted


@pytest.fixture
def past_month(old_postgres: PostgresEngine) -> list[tuple[object, ...]]:
    """A past month of an earlier version, with a click of a newer node, and a click of today: what a fill makes of
    them."""
    clicks = [
        paid_click(1, PAST_S, referrer=REFERRER, user_agent="é"),
        paid_click(2, PAST_S + 1, ip=f"4{1:08x}", user_agent="é"),
        paid_click(3, PAST_S + 2, bot="a rule", user_agent="robot", referrer="android-app://x/"),
        paid_click(4, PAST_S + 3, link_id=None, visitor=None),
        paid_click(5, PAST_S + 4, link_id=FREE_LINK_ID),
        paid_click(6, NOW_S),
    ]
    newer = {**paid_click(7, PAST_S + 5, link_id=FREE_LINK_ID, ip=f"4{5:08x}"), "partner_id": CLIENT_ID}
    old_postgres.run(make_store_before_reports)
    old_postgres.keep_months([month_of(PAST_S), month_of(NOW_S)])
    old_postgres.run(lambda session: add_rows(session, "clicks", clicks))
    old_postgres.migrate(migrate)
    old_postgres.run(lambda session: add_rows(session, "clicks", [{**newer, "is_first": True}]))
    known = sql(f"INSERT INTO link_visitors (visitor) SELECT {table_figures.KEY} FROM clicks c WHERE c.is_first")
    old_postgres.run(lambda session: session.rows(known))
    partners = (PARTNER_ID, PARTNER_ID, PARTNER_ID, None, None, PARTNER_ID)
    hosts = ("example.org", None, None, None, None, None)
    firsts = (True, False, False, True, False, True)
    visitors = [visitor_of(str(each["ip"]), each.get("user_agent"), int(str(each["time"]))) for each in clicks]  # type: ignore[arg-type]
    ids = [each["click_id"] for each in clicks]
    expected = list(zip(ids, partners, hosts, firsts, visitors, [0] * 6, strict=True))
    return sorted([*expected, (newer["click_id"], CLIENT_ID, None, True, newer["visitor"], 0)])


def test_a_past_month_is_filled_by_writing_it_again(
    old_postgres: PostgresEngine, past_month: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LEAST", 5)
    monkeypatch.setattr(rebuild, "_REFERRERS", 1)
    told: list[tuple[int, int]] = []
    fill_columns(old_postgres, lambda *each: told.append(each))
    assert told[:2] == [(5, 6), (6, 6)]
    assert told[-1] == (7, 7), "the daily totals of all clicks"
    assert read_filled(old_postgres) == past_month
    assert count_indexes(old_postgres, PAST) == count_indexes(old_postgres, "clicks") > 20
    visits = old_postgres.run(lambda session: session.rows(sql("SELECT visitor FROM link_visitors")))
    clicks = old_postgres.run(lambda session: session.rows(sql("SELECT {} FROM clicks c", CLICK_SQL)))
    assert sorted(key for [key] in visits) == sorted({visit_key(Click(*row)) for row in clicks})
    assert metrics_of(old_postgres, PARTNER, LINK, LINK_ID).unique_clicks == 2


def test_a_month_that_breaks_off_is_filled_again(
    url: str,
    old_postgres: PostgresEngine,
    past_month: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection is cut right before the exchange, as after SIGKILL: the month is as it was."""
    monkeypatch.setattr(rebuild, "LEAST", 5)
    end = sql("SELECT pg_terminate_backend(pg_backend_pid())")
    with monkeypatch.context() as broken:
        broken.setattr(rebuild, "attach", lambda session, _: session.rows(end))
        broken.setattr(old_postgres.figures, "fill_piece", lambda session: session.rows(end))
        with pytest.raises(Unavailable):
            old_postgres.fill_piece()
    unfilled = "SELECT count(*), (SELECT count(*) FROM link_visitors) FROM clicks WHERE is_first IS NULL"
    assert old_postgres.run(lambda session: session.rows(sql(unfilled))) == [(6, 1)]
    again = PostgresEngine(url)
    fill_columns(again)
    assert read_filled(again) == past_month
    again.close()


def test_a_month_that_others_read_for_long_is_filled_by_updates(
    url: str, past_month: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LEAST", 5)
    hasty = PostgresEngine(url, timeout_s=1)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM clicks")
        assert hasty.fill_piece() == 6
    fill_columns(hasty)
    assert read_filled(hasty) == past_month
    hasty.close()
