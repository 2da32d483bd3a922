"""Addresses of old clicks: what is left of them, what stays the same, and what cannot be found out any more."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.model.privacy import KEEP_ALL, Ip, Policy
from clicktrail.model.times import DAY_US
from clicktrail.model.visitors import visitor_of
from clicktrail.query.fields import CLICK
from clicktrail.query.parse import parse_query
from clicktrail.query.removals import read_removal, removing_of
from clicktrail.store.clicks import aging
from clicktrail.store.clicks.aging import forget_reduced, reduce_addresses
from clicktrail.store.clicks.click_deletes import remove_piece
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.reads.metrics import link_metrics
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from tests.conftest import NewStore
from tests.store.test_marks import Changes, read_clicks, read_marks


def reduce_all(changes: Changes) -> int:
    done = 0
    while (piece := changes.engine.run(reduce_addresses)) is not None:
        done += piece
    return done


def clicks_of(changes: Changes) -> dict[str, Click]:
    return {click.click_id: click for click in changes.engine.run(read_clicks)}


def groups_of(clicks: dict[str, Click]) -> list[set[str]]:
    """The clicks of each visitor of a day."""
    groups: dict[tuple[int, int | None], set[str]] = {}
    for click in clicks.values():
        groups.setdefault((click.time // DAY_US, click.visitor), set()).add(click.click_id)
    return sorted(groups.values(), key=sorted)


def figures_of(changes: Changes) -> dict[str, LinkMetrics]:
    links = [link_id for link_id in changes.links if link_id is not None]
    return changes.engine.run(lambda session: link_metrics(session, SYSTEM, links))


def ends(session: Session) -> dict[str, int]:
    return dict(session.rows(sql("SELECT form, end_time FROM reduced_addresses")))


@pytest.mark.parametrize("form", [Ip.NONE, Ip.TRUNCATED])
def test_old_addresses_are_reduced(
    engine_kind: str, new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Ip
) -> None:
    """Marks, figures and who is the same visitor stay. No key of a visitor can be computed from an address."""
    for name in ("PIECE", "PIECE_OWNED"):
        monkeypatch.setattr(aging, name, 7)
    changes = Changes(tmp_path, new_store(engine_kind), 3)
    old, engine = [changes.make() for _ in range(90)], changes.engine
    now = engine.memory.clock.now_us()
    young = msgspec.structs.replace(
        changes.make(), time=now, visitor=visitor_of("4010203aa", None, now), ip="4010203aa"
    )
    for some in (old[:50], old[50:], [young]):
        engine.run(lambda session, some=some: insert_clicks(session, some))  # type: ignore[misc]
    for click in old:
        changes.rule.add(click)
    before, marks, figures = clicks_of(changes), engine.run(read_marks), figures_of(changes)
    engine.memory.policy = Policy(ip_after_days=1, old_ip=form)
    assert reduce_all(changes) == 90
    after = clicks_of(changes)
    assert Counter(click.ip for click in after.values()) == {"4010203" if form is Ip.TRUNCATED else "": 90, young.ip: 1}
    assert after[young.click_id] == before[young.click_id]
    assert groups_of(after) == groups_of(before)
    assert (engine.run(read_marks), figures_of(changes)) == (marks, figures)
    keys = {visitor_of(click.ip, click.user_agent, click.time) for click in before.values()} - {young.visitor}
    assert keys.isdisjoint(click.visitor for click in after.values())
    if engine.is_owned:
        assert {click.click_id: click for click in engine.memory.newest.tail} == after
    else:
        assert keys.isdisjoint(key for [key] in engine.run(lambda s: s.rows(sql("SELECT visitor FROM link_visitors"))))
    query = read_removal(parse_query(removing_of(CLICK, 100), b"filter[uri]=x&limit=100"))
    left = sorted(changes.rule.clicks)
    while left:
        gone = [left.pop(changes.random.randrange(len(left))) for _ in range(min(9, len(left)))]
        assert engine.run(lambda session, gone=gone: remove_piece(session, SYSTEM, query, gone)) == len(gone)  # type: ignore[misc]
        changes.rule.remove(gone)
        assert engine.run(read_marks) - {young.click_id} == set(changes.rule.first.values())


def test_old_clicks_that_come_late_have_no_whole_address(engine_kind: str, new_store: NewStore, tmp_path: Path) -> None:
    """Also those that came while addresses did not age."""
    changes = Changes(tmp_path, new_store(engine_kind), 4)
    engine, aged = changes.engine, Policy(ip_after_days=1, old_ip=Ip.TRUNCATED)
    engine.memory.policy = aged
    assert reduce_all(changes) == 0
    engine.run(lambda session: insert_clicks(session, [changes.make()]))
    assert [click.ip for click in clicks_of(changes).values()] == ["4010203"]
    assert list(engine.run(ends)) == ["truncated"]
    engine.memory.policy = KEEP_ALL
    engine.run(forget_reduced)
    engine.run(lambda session: insert_clicks(session, [changes.make()]))
    engine.memory.policy = aged
    assert reduce_all(changes) == 1
    assert [click.ip for click in clicks_of(changes).values()] == ["4010203"] * 2
    engine.memory.policy = Policy(ip_after_days=1, old_ip=Ip.NONE)
    assert reduce_all(changes) == 2
    assert [click.ip for click in clicks_of(changes).values()] == [""] * 2
