"""What was known earlier: after random changes, every moment is answered as it was answered then."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clicktrail.errors import Conflict, MalformedRequest
from clicktrail.model.access import SYSTEM, OwnRules, Scope, Viewer
from clicktrail.model.click import Click
from clicktrail.model.times import render_time
from clicktrail.query.fields import CLICK, LINK
from clicktrail.query.questions import ListQuery
from clicktrail.store.clicks.click_deletes import delete_click
from clicktrail.store.clicks.insert import insert_clicks
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.memory.memory import Memory
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.objects.links import update_link
from clicktrail.store.reads.as_of import check_as_of
from clicktrail.store.reads.clicks import get_click, list_clicks
from clicktrail.store.reads.history import list_click_events, list_link_events
from clicktrail.store.reads.records import get_earlier, list_records
from clicktrail.store.registrations.register import register_through
from clicktrail.store.session.history import find_begin
from clicktrail.store.session.protocol import Session
from tests.clock import SetClock
from tests.conftest import AnyEngine, NewStore
from tests.reports.test_totals import FIRST, Programme, ask

RANGE = f"from={FIRST.date()}&to={FIRST.date().replace(month=12, day=30)}&limit=50"
METRICS = "clicks,uniqueClicks,bots,duplicates,registrations,registered"
QUESTIONS = tuple(
    f"metrics={METRICS}&group_by={groups}&{RANGE}"
    for groups in ("link", "partner&filter[isBot]=0&filter[registration]=1", "time&grain=week")
)


@dataclass
class Snapshot:
    """What was answered at a moment."""

    at: int
    clicks: list[Click]
    owners: dict[str, str | None]
    reports: list[Any]


class Remembered(Programme):
    """A programme whose clicks have ids of another time, and in which all that happens has a history."""

    def add(self) -> None:
        clicks = [self.make() for _ in range(self.random.randrange(2, 40))]
        ids = {click.click_id for click in clicks}
        self.engine.record(lambda session: insert_clicks(session, clicks, ids))

    def add_one(self) -> None:
        """A click as the server makes it: its id says when it became known."""
        values = {"click_id": self.ids.new(), "update_time": self.engine.memory.clock.now_s()}
        click = self.make()
        self.engine.record(lambda session: insert_clicks(session, [self.changed(click, values)]))

    def changed(self, click: Click, values: dict[str, Any]) -> Click:
        return Click(**{name: values.get(name, getattr(click, name)) for name in Click.__struct_fields__})

    def hand_over(self) -> None:
        changes = {"profile_id": self.random.choice((*self.partners, None))}
        link_id = self.random.choice(self.links)
        self.engine.run(lambda session: update_link(session, SYSTEM, link_id, changes, OwnRules()))
        self.learn()


def newest_first(session: Session, as_of: int | None = None) -> list[Click]:
    query = ListQuery(CLICK, CLICK.sorts["createTime"], limit=10_000, as_of=as_of)
    return [shown.click for shown in list_clicks(session, SYSTEM, query).items]


def owners(session: Session, as_of: int | None = None) -> dict[str, str | None]:
    query = ListQuery(LINK, LINK.sorts["createTime"], limit=1_000, as_of=as_of)
    return {link.link_id: link.profile_id for link in list_records(session, SYSTEM, query).items}


def answers(session: Session, viewers: list[Viewer], known: str = "") -> list[Any]:
    found = [ask(session, f"{query}{known}", viewer) for query in QUESTIONS for viewer in viewers]
    return [replace(each, bare=0, names={}) for each in found]


@pytest.fixture
def timed(engine_kind: str, new_store: NewStore, tmp_path: Path) -> Iterator[AnyEngine]:
    """An engine whose clock the test sets."""
    store, memory = new_store(engine_kind), Memory(SetClock())
    opened: AnyEngine = (
        PostgresEngine(store["database"], memory=memory)
        if store
        else DuckdbEngine(tmp_path / "clicktrail.duckdb", memory=memory)
    )
    yield opened
    opened.close()


def wait(engine: AnyEngine, seconds: float = 5) -> int:
    """The moment, before which everything happened and after which everything happens."""
    clock = engine.memory.clock
    assert isinstance(clock, SetClock)
    clock.ahead_s += seconds
    at = clock.now_us()
    clock.ahead_s += seconds
    return at


@pytest.mark.parametrize("seed", range(2))
def test_every_moment_is_answered_as_it_was_answered_then(timed: AnyEngine, seed: int) -> None:
    made = Remembered(timed, seed)
    made.add()
    viewers = [(SYSTEM, Viewer(Scope.PARTNER, made.partners[1]))[seed]]
    snapshots = []
    for step in [made.step] * 11 + [made.remove, made.untie, made.hand_over, made.merge, made.forget]:
        step()
        at = wait(timed)
        found = timed.run(lambda session: (newest_first(session), owners(session), answers(session, viewers)))
        snapshots.append(Snapshot(at, *found))
    left = {click.click_id for click in timed.run(newest_first)}
    for snapshot in snapshots:
        known = f"&as_of={render_time(snapshot.at)}".replace("+", "%2B")
        clicks, owned, reports = timed.run(
            lambda session, at=snapshot.at, known=known: (  # type: ignore[misc]
                *(newest_first(session, at), owners(session, at)),
                answers(session, viewers, known),
            )
        )
        assert clicks == [click for click in snapshot.clicks if click.click_id in left]
        assert owned == snapshot.owners
        assert reports == snapshot.reports
    assert any(click.click_id not in left for snapshot in snapshots for click in snapshot.clicks)


def test_a_moment_before_history_or_in_the_future_is_refused(timed: AnyEngine) -> None:
    Remembered(timed, 1)
    begin = timed.run(find_begin)
    for at, word in ((begin - 1, render_time(begin)), (timed.memory.clock.now_us() + 10**8, "future")):
        for ask_ in (newest_first, owners):
            with pytest.raises(MalformedRequest) as refused:
                timed.run(partial(ask_, as_of=at))
            [mistake] = refused.value.mistakes
            assert mistake.parameter == "as_of"
            assert word in mistake.detail


def test_a_deleted_click_leaves_a_history_without_personal_data(timed: AnyEngine) -> None:
    made = Remembered(timed, 2)
    made.add()
    [click] = made.some(1, "c.profile_id IS NULL AND c.partner_id IS NOT NULL")
    names = {"first_name": "Mary"}
    click = timed.run(lambda session: register_through(session, made.ids, SYSTEM, click.click_id, names))
    at = wait(timed)
    timed.run(partial(delete_click, viewer=SYSTEM, click_id=click.click_id))
    events = timed.run(partial(list_click_events, viewer=SYSTEM, click_id=click.click_id))
    assert [event.is_deleted for event in events] == [True, False]
    assert events[1].changes == [("profile_id", None, click.profile_id)]
    assert events[0].time > at > events[1].time
    own = Viewer(Scope.PARTNER, click.partner_id)
    assert timed.run(partial(list_click_events, viewer=own, click_id=click.click_id))[0].actor is None
    other = next(partner for partner in made.partners if partner != click.partner_id)
    with pytest.raises(Exception, match="There is no click"):
        timed.run(partial(list_click_events, viewer=Viewer(Scope.PARTNER, other), click_id=click.click_id))
    with pytest.raises(Exception, match="see its history"):
        timed.run(partial(get_click, viewer=SYSTEM, click_id=click.click_id, as_of=at))


def test_a_link_has_a_history_of_its_owners(timed: AnyEngine) -> None:
    made = Remembered(timed, 3)
    link_id, (old, new, _) = made.links[0], made.partners
    at = wait(timed)
    timed.run(
        partial(update_link, viewer=SYSTEM, link_id=link_id, values={"profile_id": new, "name": "N"}, rules=OwnRules())
    )
    [event] = timed.run(partial(list_link_events, viewer=SYSTEM, link_id=link_id))
    assert event.changes == [("profile_id", old, new)]
    assert timed.run(partial(get_earlier, viewer=SYSTEM, resource=LINK, object_id=link_id, as_of=at)).profile_id == old
    partner = Viewer(Scope.PARTNER, new)
    with pytest.raises(Exception, match="There is no link"):  # it was another partner's
        timed.run(partial(get_earlier, viewer=partner, resource=LINK, object_id=link_id, as_of=at))


def test_a_cluster_refuses_earlier_moments(embedded: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers have no history."""
    embedded.migrate(migrate)
    monkeypatch.setattr(DuckdbSession, "dialect", replace(DuckdbSession.dialect, is_spread=True))
    embedded.run(lambda session: check_as_of(session, None))
    with pytest.raises(Conflict, match="does not answer as_of"):
        embedded.run(lambda session: check_as_of(session, session.clock.now_us()))
