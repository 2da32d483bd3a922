"""Daily totals: reports that use them equal reports that count clicks, whatever happens to the clicks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from clicktrail.model.access import SYSTEM, Cause, Reason, Scope, Viewer
from clicktrail.model.click import Click
from clicktrail.model.reading import Reading
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.model.visitors import visitor_of
from clicktrail.query.fields import CLICK, LINK, PROFILE
from clicktrail.query.parse import parse_query
from clicktrail.query.removals import read_removal, removing_of
from clicktrail.query.reports import read_report, reporting
from clicktrail.reports import totals as choosing
from clicktrail.reports.dimensions import DIMENSIONS, Grouping
from clicktrail.reports.periods import Range
from clicktrail.reports.totals import Split, choose_totals
from clicktrail.store.clicks.change import untie
from clicktrail.store.clicks.click_deletes import remove_piece
from clicktrail.store.clicks.insert import insert_click, insert_clicks
from clicktrail.store.clicks.object_deletes import delete_object
from clicktrail.store.counting import totals
from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.months import drop_months
from clicktrail.store.migrations.fills import fill
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.objects.catalogue import create_item, load_catalogue, update_item
from clicktrail.store.objects.profiles import create_profile
from clicktrail.store.reads import report_asking
from clicktrail.store.reads.reports import run_report
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.registrations.merging import merge_profiles
from clicktrail.store.registrations.register import register_through
from clicktrail.store.session.dropped import find_raw_from
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, sql
from clicktrail.store.session.totals import CHANGES, count_clicks
from tests.conftest import AnyEngine, NewStore, open_engine

FIRST = datetime(2023, 11, 14, tzinfo=UTC)
FIRST_US = int(FIRST.timestamp()) * SECOND
DAYS = 40
METRICS = ("clicks", "uniqueClicks", "bots", "duplicates", "prefetches", "dataCentreClicks", "allClicks", "botRate")
MORE_METRICS = ("registrations", "conversionRate", "registered", "visitors")
GROUPS = (
    "",
    "link",
    "partner",
    "countryCode",
    "utmCampaign",
    "time",
    "dayOfWeek",
    "time,link",
    "link,partner",
    "device",
)
ZONES = ("UTC", "Africa/Abidjan", "Europe/Berlin")
FILTERS = (
    "filter[linkId]={link}",
    "filter[partnerId]={partner}",
    "filter[countryCode]=DE",
    "filter[utmCampaign]=May",
    "filter[isBot]=0",
)
CAUSE = Cause("system", Reason.OUTRANKED)


class Programme:
    """Random changes of a store: clicks, registrations, deletes, links that change hands."""

    def __init__(self, engine: AnyEngine, seed: int) -> None:
        self.engine, self.random, self.numbers = engine, Random(seed), count()
        self.ids = engine.memory.ids
        engine.migrate(migrate)  # opens the journal
        self.engine.memory.visits.window_us = 3600 * SECOND
        names = {"first_name": "Ada", "last_name": "", "middle_name": "", "name": "Ada"}
        self.partners: list[str] = [
            engine.run(lambda s: create_profile(s, self.ids, names))[0].profile_id for _ in range(3)
        ]
        owners = (*self.partners[:2], None)
        self.links: list[str] = [
            engine.run(partial(create_item, ids=self.ids, resource=LINK, values={"profile_id": owner}))[0].link_id
            for owner in owners
        ]
        self.learn()

    def learn(self) -> None:
        self.engine.memory.published.catalogue = self.engine.run(load_catalogue)

    def make(self) -> Click:
        draw = self.random
        values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
        seconds = FIRST_US // SECOND + draw.randrange(9)
        values |= {
            "click_id": f"{seconds:08x}{next(self.numbers):016x}",
            "time": FIRST_US + draw.randrange(DAYS) * DAY_US + draw.choice((0, DAY_US - 1, draw.randrange(DAY_US))),
            "ip": f"40102030{draw.randrange(3)}",
            "uri": "https://x.example/",
            "user_agent": "agent",
            "bot": draw.choice(("", "", None, "rule")),
            "link_id": draw.choice((*self.links, None)),
            "country_code": draw.choice(("DE", "FR", None)),
            "utm_campaign": draw.choice(("May", "may", "", None, "long" * 900)),
            "device": draw.choice(("phone", None)),
            "is_prefetch": draw.choice((True, False, None)),
            "is_data_centre": draw.choice((True, False, None)),
            "update_time": 0,
            "is_first": False,
        }
        values["visitor"] = visitor_of(values["ip"], "agent", values["time"])
        return Click(**values)

    def some(self, most: int, where: str = "TRUE") -> list[Click]:
        """Some stored clicks."""
        rows = self.engine.run(lambda s: s.rows(sql(f"SELECT {{}} FROM clicks c WHERE {where} ORDER BY 1", CLICK_SQL)))
        return [Click(*row) for row in self.random.sample(rows, min(len(rows), most))]

    def step(self) -> None:
        getattr(
            self,
            self.random.choice(
                (
                    *["add"] * 6,
                    "add_one",
                    *["register"] * 3,
                    "untie",
                    "remove",
                    "hand_over",
                    "merge",
                    "forget",
                    "add_up",
                )
            ),
        )()

    def add(self) -> None:
        clicks = [self.make() for _ in range(self.random.randrange(2, 60))]
        self.engine.record(lambda session: insert_clicks(session, clicks))

    def add_one(self) -> None:
        click = self.make()
        self.engine.record(lambda session: insert_click(session, click, lambda each, _: each))

    def register(self) -> None:
        for click in self.some(3, "c.profile_id IS NULL"):
            self.engine.run(lambda s, c=click: register_through(s, self.ids, SYSTEM, c.click_id, {"first_name": "M"}))  # type: ignore[misc]

    def untie(self) -> None:
        for click in self.some(1, "c.profile_id IS NOT NULL"):
            self.engine.run(lambda s, c=click: untie(s, c, CAUSE))  # type: ignore[misc]

    def remove(self) -> None:
        gone = [click.click_id for click in self.some(9)]
        query = read_removal(parse_query(removing_of(CLICK, 100), b"filter[uri]=x&limit=100"))
        if gone:
            self.engine.run(lambda session: remove_piece(session, SYSTEM, query, gone))

    def hand_over(self) -> None:
        changes = {"profile_id": self.random.choice((*self.partners, None))}
        link_id = self.random.choice(self.links)
        self.engine.run(lambda session: update_item(session, LINK, link_id, changes))
        self.learn()

    def merge(self) -> None:
        """Two clients are one; or a partner without links is another one."""
        found = sorted({str(click.profile_id) for click in self.some(9, "c.profile_id IS NOT NULL")})[:2]
        if self.random.random() < 0.5:
            owned = self.engine.run(lambda s: {row[0] for row in s.rows(sql("SELECT profile_id FROM links"))})
            idle = [partner for partner in self.partners if partner not in owned]
            found = [*self.partners[:1], *idle[-1:]] if self.partners[0] in owned else []
        if len(found) == 2 and found[0] != found[1]:
            kept, gone = found
            self.partners = [kept if partner == gone else partner for partner in self.partners]
            self.engine.run(lambda session: merge_profiles(session, SYSTEM, kept, gone))

    def forget(self) -> None:
        for click in self.some(1, "c.profile_id IS NOT NULL"):
            client = str(click.profile_id)
            self.engine.run(partial(delete_object, viewer=SYSTEM, resource=PROFILE, object_id=client))

    def add_up(self) -> None:
        self.engine.run(lambda session: totals.add_up(session, 1))

    def draw(self) -> tuple[str, Viewer]:
        draw = self.random
        start = FIRST + timedelta(days=draw.randrange(DAYS - 1))
        end = min(start + timedelta(days=draw.choice((1, 2, 9, DAYS))), FIRST + timedelta(days=DAYS))
        metrics = draw.sample((*METRICS, *MORE_METRICS), 4)
        metrics = [name for name in metrics if name != "visitors" or draw.random() < 0.1]
        query = f"metrics={','.join(metrics or METRICS)}&group_by={draw.choice(GROUPS)}&zone={draw.choice(ZONES)}"
        query += draw.choice(("", "&compare=previous"))
        if "time" in query.partition("group_by=")[2].partition("&")[0].split(","):
            query += f"&grain={draw.choice(('day', 'week', 'month', 'hour'))}"
        else:
            query += "&limit=3"
            query += "&other=1" if "group_by=&" not in query else ""
        if draw.random() < 0.5:
            start, end = (each + timedelta(seconds=draw.randrange(90_000)) for each in (start, end))
            query += f"&from={start.isoformat()}&to={end.isoformat()}".replace("+", "%2B")
        else:
            query += f"&from={start.date()}&to={end.date()}"
        if draw.random() < 0.4:
            wanted = draw.choice(FILTERS).format(link=draw.choice(self.links), partner=draw.choice(self.partners))
            query += f"&{wanted}"
        return query, draw.choice((SYSTEM, SYSTEM, Viewer(Scope.PARTNER, draw.choice(self.partners))))


def ask(session: Session, query: str, viewer: Viewer) -> Any:
    """The answer, without the moment at which it was made."""
    report = read_report(parse_query(reporting(), query.encode()), Reading())
    answer = run_report(session, viewer, report)
    return replace(answer, as_of=0)


@pytest.mark.parametrize("seed", range(4))
def test_a_report_from_totals_equals_a_report_from_clicks(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(totals, "PIECE", 40)
    engine = open_engine(tmp_path, new_store(engine_kind))
    made, chosen = Programme(engine, seed), []

    def note(**given: Any) -> Split | None:
        chosen.append(choose_totals(**given))
        return chosen[-1]

    for number in range(60):
        made.step()
        query, viewer = made.draw()
        answers = []
        for choose_one in (note, lambda **_: None):
            with monkeypatch.context() as patched:
                patched.setattr(report_asking, "choose_totals", choose_one)
                answers.append(engine.run(partial(ask, query=query, viewer=viewer)))
        assert answers[0] == answers[1], query
        if number % 6 == 5:  # a difference stays until the totals of its day are counted again
            assert engine.run(lambda session: list(totals.find_differences(session, None))) == []
    assert {each.table for each in chosen if each} == {*choosing.TABLES}
    assert None in chosen
    assert any(each and len(each.edges) == 2 for each in chosen)
    engine.close()


def test_the_pure_function_counts_what_sql_counts(engine: AnyEngine) -> None:
    made = Programme(engine, 1)
    for _ in range(12):
        made.step()
    clicks = made.some(10_000)
    assert clicks
    rows: dict[Any, list[int]] = {}
    for row in count_clicks(clicks):
        sums = rows.setdefault(row[:5], [0] * len(CHANGES[5:]))
        rows[row[:5]] = [one + other for one, other in zip(sums, row[5:], strict=True)]
    for table, columns in choosing.TABLES.items():
        places = [0, *(CHANGES.index(column) for column in columns)]
        expected: dict[Any, list[int]] = {}
        for key, counts in rows.items():
            group = tuple(key[place] for place in places)
            sums = expected.get(group, [0] * len(counts))
            expected[group] = [one + other for one, other in zip(sums, counts, strict=True)]
        counted = engine.run(lambda s, table=table: s.rows(totals._count_clicks(table, Sql("TRUE"))))  # type: ignore[misc]
        assert {row[: len(places)]: list(row[len(places) :]) for row in counted} == expected


def test_old_clicks_get_their_totals_when_a_store_is_opened(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fill stops once; what is added meanwhile is counted once."""
    monkeypatch.setattr(totals, "PIECE", 30)
    monkeypatch.setattr(totals, "DAYS", 7)
    engine = open_engine(tmp_path, new_store(engine_kind))
    made = Programme(engine, 5)
    for _ in range(9):
        made.step()
    engine.run(forget_totals)
    assert engine.fill(totals.fill_days) > 0
    made.add()
    made.remove()
    told: list[tuple[int, int]] = []
    fill(engine, lambda *each: told.append(each))
    assert len(told) > 1
    assert told[-1][0] <= told[-1][1]
    assert engine.run(lambda session: list(totals.find_differences(session, None))) == []
    [[rows]] = engine.run(lambda s: s.rows(sql("SELECT sum(clicks + bots) FROM daily_countries")))
    assert rows
    told.clear()
    fill(engine, lambda *each: told.append(each))
    assert told == []
    engine.close()


def forget_totals(session: Session) -> None:
    """The store as an earlier version left it."""
    for table in (*choosing.TABLES, "daily_changes", "daily_fills"):
        session.rows(sql(f"DELETE FROM {table}"))
    session.rows(sql("DELETE FROM migrations WHERE name = '0014-daily-totals-filled'"))
    if session.dialect.is_owned:
        session.rows(sql("UPDATE clicks SET is_totalled = NULL"))


def test_many_new_rows_of_a_day_become_few(engine: AnyEngine) -> None:
    made = Programme(engine, 3)
    for _ in range(30):
        clicks = [made.make() for _ in range(5)]
        clicks = [structs.replace(click, time=FIRST_US + 5) for click in clicks]
        engine.record(lambda session, clicks=clicks: insert_clicks(session, clicks))  # type: ignore[misc]
        made.add_up()
    [[rows, distinct]] = engine.run(
        lambda s: s.rows(sql("SELECT count(*), count(DISTINCT coalesce(country_code, '')) FROM daily_countries"))
    )
    assert rows <= 2 * distinct + distinct
    assert engine.run(lambda session: list(totals.find_differences(session, None))) == []


def test_few_changes_wait(engine: AnyEngine) -> None:
    Programme(engine, 3).add()
    assert engine.run(totals.add_up) == 0
    assert engine.run(lambda session: session.rows(sql("SELECT 1 FROM daily_links"))) == []


def choose(parts: Sequence[str] = ("clicks",), by: str = "link", **given: Any) -> Split | None:
    groupings = [Grouping(DIMENSIONS[name]) for name in by.split(",") if name]
    usual = {"filtered": (), "found": Range(0, 9 * DAY_US), "zone": UTC, "starts": ()}
    return choose_totals(parts=parts, groupings=groupings, **{**usual, **given})


@pytest.mark.parametrize(
    ("given", "table"),
    [
        ({}, "daily_links"),
        ({"by": ""}, "daily_countries"),
        ({"by": "partner"}, "daily_partners"),
        ({"by": "link", "filtered": {"partner_id"}}, "daily_links"),
        ({"by": "countryCode", "filtered": {"partner_id"}}, None),
        ({"by": "device"}, None),
        ({"by": "tag"}, None),
        ({"by": "hourOfDay"}, None),
        ({"by": "dayOfWeek"}, "daily_countries"),
        ({"by": "dayOfWeek", "zone": ZoneInfo("Europe/Berlin")}, None),
        ({"by": "time", "starts": (0, DAY_US)}, "daily_countries"),
        ({"by": "time", "starts": (-DAY_US // 2, DAY_US)}, "daily_countries"),
        ({"by": "time", "starts": (0, DAY_US // 2)}, None),
        ({"parts": ("clicks", "visitors")}, None),
        ({"filtered": {"bot"}}, None),
        ({"found": Range(1, DAY_US)}, None),
    ],
)
def test_totals_are_chosen_where_they_give_the_answer(given: dict[str, Any], table: str | None) -> None:
    split = choose(**given)
    assert (split.table if split is not None else None) == table


def test_the_edges_of_a_range_are_counted() -> None:
    split = choose(found=Range(5, 3 * DAY_US + 7))
    assert split is not None
    assert split.days == Range(DAY_US, 3 * DAY_US)
    assert split.edges == (Range(5, DAY_US), Range(3 * DAY_US, 3 * DAY_US + 7))


@pytest.mark.engines("postgres")
def test_totals_keep_dropped_months(engine: AnyEngine) -> None:
    assert isinstance(engine, PostgresEngine)
    engine.keep_months([(2023, 11), (2023, 12)])
    made = Programme(engine, 2)
    for month in ("2023-11", "2023-12"):
        seconds = int(datetime.fromisoformat(f"{month}-20T00:00:00Z").timestamp())
        clicks = [made.make() for _ in range(40)]
        clicks = [structs.replace(click, click_id=f"{seconds:08x}{click.click_id[8:]}") for click in clicks]
        engine.record(partial(insert_clicks, clicks=clicks))
    made.add_up()
    made.add()
    query = f"metrics={','.join(METRICS)}&group_by=link&from={FIRST.date()}&to={(FIRST + timedelta(DAYS)).date()}"
    before = replace(engine.run(partial(ask, query=query, viewer=SYSTEM)), raw_from=None)
    engine.run(lambda session: drop_months(session, (2023, 12)), Kind.SCHEMA)
    raw_from = engine.run(find_raw_from)
    assert raw_from is not None
    assert engine.run(lambda session: list(totals.find_differences(session, raw_from))) == []
    assert replace(engine.run(partial(ask, query=query, viewer=SYSTEM)), raw_from=None) == before
    engine.run(totals.recount)
    assert replace(engine.run(partial(ask, query=query, viewer=SYSTEM)), raw_from=None) == before
