"""The audit log: one chain, whoever writes to it, and no change of it goes unseen."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.model.access import ActorKind
from clicktrail.model.audit import DROP, AuditEntry, AuditLine, Place, chain, place_detail, verify
from clicktrail.model.times import parse_time
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.memory.memory import Memory
from clicktrail.store.privacy.audit import (
    drop_before,
    find_settings,
    list_lines,
    record,
    record_all,
    record_settings,
)
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from clicktrail.store.session.transactions import Write
from tests.clock import SetClock
from tests.conftest import AnyEngine, NewStore

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
ENTRIES = st.builds(
    AuditEntry,
    actor_kind=st.sampled_from(ActorKind),
    actor=st.none() | TEXTS,
    action=TEXTS,
    object_type=st.none() | TEXTS,
    object_id=st.none() | TEXTS,
    status=st.none() | st.integers(100, 599),
    address=st.none() | TEXTS,
    request_id=st.none() | TEXTS,
    detail=st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53) | st.lists(TEXTS, max_size=2), max_size=3),
)


def entry(action: str, **rest: Any) -> AuditEntry:
    return AuditEntry(actor_kind=ActorKind.USER, actor="a" * 24, action=action, **rest)


def chained(entries: list[AuditEntry], times: list[int]) -> list[AuditLine]:
    lines, end = [], Place()
    for each, time in zip(entries, times, strict=False):
        lines.append(chain(each, time, end))
        end = Place(lines[-1].position, str(lines[-1].hash))
    return lines


def change_value(value: Any) -> Any:
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, int):
        return value + 1
    return {**value, "x": 1} if isinstance(value, dict) else "x"


CHAINS = st.lists(ENTRIES, min_size=3, max_size=6)
TIMES = st.lists(st.integers(0, 2**51), min_size=6, max_size=6)


@given(CHAINS, TIMES, st.data())
def test_any_change_is_found_where_it_begins(entries: list[AuditEntry], times: list[int], data: st.DataObject) -> None:
    lines = chained(entries, times)
    assert verify(lines).reason is None
    place = data.draw(st.integers(0, len(lines) - 1))
    name = data.draw(st.sampled_from(AuditLine.__struct_fields__))
    changed = msgspec.structs.replace(lines[place], **{name: change_value(getattr(lines[place], name))})
    found = verify([*lines[:place], changed, *lines[place + 1 :]])
    assert found.reason is not None
    assert found.end.position == place or (place == 0 and name in ("position", "previous_hash"))


@given(CHAINS, TIMES, st.data())
def test_a_removed_or_moved_entry_is_found(entries: list[AuditEntry], times: list[int], data: st.DataObject) -> None:
    lines = chained(entries, times)
    place = data.draw(st.integers(0, len(lines) - 2))
    assert verify([*lines[:place], *lines[place + 1 :]]).reason is not None
    other = data.draw(st.integers(0, len(lines) - 1).filter(lambda other: other != place))
    lines[place], lines[other] = lines[other], lines[place]
    assert verify(lines).reason is not None


@given(CHAINS, TIMES)
def test_a_reversed_file_is_wrong_at_its_first_line(entries: list[AuditEntry], times: list[int]) -> None:
    found = verify(reversed(chained(entries, times)))
    assert (found.broken, found.end.position) == (1, 0)
    assert found.reason == f"line 1 of the file has position {len(entries)}; 1 is expected"


@given(CHAINS, TIMES)
def test_an_exported_line_is_read_as_it_was_written(entries: list[AuditEntry], times: list[int]) -> None:
    lines = chained(entries, times)
    assert [msgspec.json.decode(msgspec.json.encode(line), type=AuditLine) for line in lines] == lines


def test_the_retention_leaves_a_chain_and_only_the_retention(engine: AnyEngine) -> None:
    clock = engine.memory.clock
    engine.run(partial(record_all, entries=[entry("a"), entry("b")]))
    later = clock.now_us()
    engine.run(partial(record, entry=entry("c")))
    assert engine.run(partial(drop_before, time=later)) == 2
    lines = engine.run(lambda session: list(list_lines(session, 1)))
    assert [line.action for line in lines] == ["c", DROP]
    assert verify(lines).reason is None
    assert engine.run(partial(drop_before, time=0)) == 0
    assert verify(lines[:1]).reason is not None  # no entry says that the two were dropped
    forged = place_detail(Place(2, "0" * 64))
    assert verify([lines[0], msgspec.structs.replace(lines[1], detail=forged)]).reason is not None


def test_an_entry_is_stored_with_its_change_or_not_at_all(engine: AnyEngine) -> None:
    def fail(session: Session) -> None:
        record(session, entry("lost"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        engine.run(fail)
    assert engine.run(lambda session: list(list_lines(session))) == []


def test_settings_have_an_entry_when_they_changed(engine: AnyEngine) -> None:
    assert engine.run(find_settings) is None
    for settings, is_new in (({"a": "1"}, True), ({"a": "1"}, False), ({"a": "2"}, True), ({"a": "1"}, True)):
        assert engine.run(partial(record_settings, settings=settings)) is is_new
        assert engine.run(find_settings) == settings


def test_the_retention_of_the_audit_log_leaves_the_last_settings(engine: AnyEngine) -> None:
    engine.run(partial(record_settings, settings={"a": "1"}))
    assert engine.run(partial(drop_before, time=2**60)) > 0
    assert engine.run(find_settings) == {"a": "1"}
    engine.run(partial(record_settings, settings={"a": "2"}))
    [*_, newest] = engine.run(lambda session: list(list_lines(session)))
    assert engine.run(partial(drop_before, time=parse_time(newest.time))) == 2
    left = engine.run(lambda session: list(list_lines(session)))
    assert ([line.action for line in left], verify(left).reason) == (["settings", DROP], None)


@pytest.fixture
def pair(new_store: NewStore) -> Any:
    url = new_store("postgres")["database"]
    engines = [PostgresEngine(url, memory=Memory(SetClock())) for _ in range(2)]
    yield url, engines
    for each in engines:
        each.close()


def test_several_nodes_make_one_chain(pair: tuple[str, list[PostgresEngine]]) -> None:
    """Their clocks differ, and their transactions are of all kinds."""
    _, engines = pair
    clock = engines[1].memory.clock
    assert isinstance(clock, SetClock)
    clock.ahead_s = -3600.0

    def write(number: int) -> None:
        engine, kind = engines[number % 2], (Write.CHANGE, Write.CATALOGUE, Write.QUEUE)[number % 3]
        asyncio.run(engine.write(lambda session: record(session, entry(f"n{number}")), kind))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(36)))
    lines = engines[0].run(lambda session: list(list_lines(session, 7)))
    assert verify(lines).reason is None
    assert sorted(line.action for line in lines) == sorted(f"n{number}" for number in range(36))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'x' WHERE position = 1", "DELETE FROM audit WHERE position = 2", "TRUNCATE audit"],
)
def test_postgres_refuses_to_alter_the_log(pair: tuple[str, list[PostgresEngine]], statement: str) -> None:
    url, [engine, _] = pair
    engine.run(partial(record_all, entries=[entry("a"), entry("b")]))
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())
    assert len(engine.run(lambda session: list(list_lines(session)))) == 2


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit SET actor = 'x' WHERE position = 2", "line 2 was changed"),
        ("DELETE FROM audit WHERE position = 2", "line 2 is missing"),
        ("UPDATE audit SET position = 5 - position WHERE position IN (2, 3)", "line 2 does not follow"),
    ],
)
def test_the_check_of_a_store_says_where_it_is_broken(embedded: AnyEngine, statement: str, reason: str) -> None:
    embedded.run(partial(record_all, entries=[entry("a"), entry("b"), entry("c")]))
    embedded.run(lambda session: session.rows(sql(statement)))
    found = embedded.run(lambda session: verify(list_lines(session)))
    assert found.broken == 2
    assert str(found.reason).startswith(reason)
