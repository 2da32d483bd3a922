"""When a delivery is tried again, when it is given up, and that a slow partner holds up nobody."""

import asyncio
import time
from functools import partial
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clicktrail.delivery.caller import Attempt
from clicktrail.delivery.sender import SLOTS, SLOTS_OF_ONE, Policy, Sender, outcome_of, pause_us
from clicktrail.model.click import Click
from clicktrail.model.postbacks import Message
from clicktrail.model.times import SECOND
from clicktrail.query.fields import POSTBACK
from clicktrail.store.objects.catalogue import refresh
from clicktrail.store.outbox.deliveries import (
    Job,
    Outcome,
    Target,
    add_deliveries,
    find_due,
    forget_deliveries,
    settle,
    take,
)
from clicktrail.store.outbox.tries import KEPT, Try, read_tries
from clicktrail.store.reads.records import insert_row
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from clicktrail.store.store import Store
from tests.conftest import AnyEngine

DAY = 86_400 * SECOND
TARGET = Target("https://t.example/", "GET", "whsec_AAAA")


def job(attempt: int) -> Job:
    return Job("0" * 24, "1" * 24, TARGET, attempt, None)


def failed(is_final: bool = False) -> Attempt:
    return Attempt("https://t.example/", 500, "answered 500", is_final, 0.1)


@given(st.integers(1, 14), st.floats(0, 1))
def test_pauses_grow_up_to_a_day_and_are_spread(attempt: int, draw: float) -> None:
    pause = pause_us(attempt, lambda: draw)
    middle = min(5 * 3 ** (attempt - 1) * SECOND, DAY)
    assert 0.5 * middle - 1 <= pause <= 1.5 * middle


def test_twelve_attempts_take_two_to_three_days() -> None:
    pauses = [pause_us(attempt, lambda: 0.5) for attempt in range(1, 12)]
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert 2 * DAY < sum(pauses) < 3 * DAY


def test_what_an_attempt_makes_of_a_delivery() -> None:
    waiting = outcome_of(job(3), failed(), 12, DAY)
    assert waiting.status == "waiting"
    assert waiting.due_time is not None
    assert 22.5 * SECOND <= waiting.due_time - DAY <= 67.5 * SECOND
    assert outcome_of(job(12), failed(), 12, DAY)[:6] == ("0" * 24, 12, "dead", 500, "answered 500", None)
    assert outcome_of(job(1), failed(is_final=True), 12, DAY).status == "dead"
    assert outcome_of(job(1), None, 12, DAY).status == "dead"
    delivered = outcome_of(job(1), Attempt("", 204, None, False, 0.1), 12, DAY)
    assert delivered[:6] == ("0" * 24, 1, "delivered", 204, None, None)
    assert read_tries(delivered.tries) == [Try(DAY - SECOND // 10, 204, None, 100)]


def test_the_last_attempts_are_kept() -> None:
    text = None
    for number in range(1, KEPT + 4):
        outcome = outcome_of(job(number)._replace(tries=text), failed(), 99, number * SECOND)
        text = outcome.tries
    kept = [number * SECOND - SECOND // 10 for number in range(4, KEPT + 4)]
    assert read_tries(text) == [Try(began, 500, "answered 500", 100) for began in kept]
    assert outcome_of(job(1)._replace(tries=text), None, 12, DAY).tries == text, "nothing was sent"
    assert read_tries(None) == read_tries("what someone else wrote") == read_tries("[1]") == []


def add_postback(session: Session, postback_id: str, deliveries: int) -> None:
    row = {"postback_id": postback_id, "profile_id": "a" * 24, "uri": TARGET.uri, "method": "GET"}
    insert_row(session, POSTBACK, {**row, "events": "click", "enabled": True, "secret": TARGET.secret})
    now = session.clock.now_s()
    session.insert(
        "clicks",
        ("click_id", "time", "ip", "uri", "uuid", "update_time"),
        [(f"{postback_id[:12]}{n:012x}", now, "ip", "https://x.example/", None, now) for n in range(deliveries)],
    )
    rows = [
        (session.memory.ids.new(), postback_id, "a" * 24, "click", "waiting", f"{postback_id[:12]}{n:012x}")
        for n in range(deliveries)
    ]
    add_deliveries(session, [(*row, None, now, 0, now, now) for row in rows])
    refresh(session)


def statuses(session: Session) -> dict[tuple[str, str], int]:
    rows = session.rows(sql("SELECT postback_id, status, count(*) FROM deliveries GROUP BY postback_id, status"))
    return {(row[0], row[1]): row[2] for row in rows}


def take_three(session: Session, lease_us: int) -> list[Job]:
    due = find_due(session, {"1" * 24: 3}, 100)
    return take(session, due, lease_us) if due else []


def test_what_is_taken_is_nobody_elses_until_its_lease_is_over(engine: AnyEngine) -> None:
    engine.run(lambda session: add_postback(session, "1" * 24, 5))
    first = engine.run(lambda session: take_three(session, 60 * SECOND))
    second = engine.run(lambda session: take_three(session, 0))
    assert [len(first), len(second)] == [3, 2]
    assert not {each.delivery_id for each in first} & {each.delivery_id for each in second}
    assert all(isinstance(each.message, Message) and isinstance(each.message.click, Click) for each in first)
    again = engine.run(lambda session: take_three(session, 60 * SECOND))  # the second lease was none
    assert {each.delivery_id for each in again} == {each.delivery_id for each in second}
    assert {each.attempt for each in again} == {2}
    # What an attempt that was overtaken says no longer counts.
    late = [Outcome(each.delivery_id, 1, "dead", None, "late", None) for each in second]
    engine.run(lambda session: settle(session, late))
    assert engine.run(statuses) == {("1" * 24, "waiting"): 5}
    done = [Outcome(each.delivery_id, 2, "delivered", 200, None, None) for each in again]
    engine.run(lambda session: settle(session, done))
    assert engine.run(statuses) == {("1" * 24, "waiting"): 3, ("1" * 24, "delivered"): 2}


class Partners:
    """Takes the place of the network: partner 1 answers when the test says so, and badly; the others do at once."""

    def __init__(self) -> None:
        self.held: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        self.under_way = self.most = 0
        """Attempts of partner 1."""

    async def call(self, target: Target, message: Message) -> Attempt:
        assert message.click is not None
        if message.click.click_id[0] != "1":
            return Attempt("", 200, None, False, 0)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.put_nowait(answer)
        await answer
        self.under_way -= 1
        return Attempt(target.uri, None, "no answer", False, 0.5)

    async def close(self) -> None:
        pass


def test_a_partner_who_does_not_answer_holds_up_nobody(embedded: AnyEngine) -> None:
    for partner in "123":
        embedded.run(partial(add_postback, postback_id=partner * 24, deliveries=300))
    store, partners = Store(embedded), Partners()
    counted: list[str] = []

    async def run() -> None:
        others_are_told = asyncio.Event()

        def count(outcome: str) -> None:
            counted.append(outcome)
            if counted.count("delivered") == 600:
                others_are_told.set()

        sender = Sender(store, partners, Policy(12, 60, 30), count, print)  # type: ignore[arg-type]
        task = asyncio.create_task(sender.run())
        async with asyncio.timeout(60):
            await others_are_told.wait()
            for _ in range(SLOTS_OF_ONE):
                (await partners.held.get()).set_result(None)
            for _ in range(3):
                answer = await partners.held.get()
                assert partners.under_way == 1, "one that ails is tried with a single attempt at a time"
                answer.set_result(None)
        task.cancel()
        await sender.close()

    asyncio.run(run())
    found = embedded.run(statuses)
    assert found["2" * 24, "delivered"] == found["3" * 24, "delivered"] == 300
    assert partners.most == SLOTS_OF_ONE < SLOTS
    assert counted.count("failed") == SLOTS_OF_ONE + 3


def test_what_is_due_is_found_in_turn_and_never_too_much_of_it(engine: AnyEngine) -> None:
    for partner in "123":
        engine.run(partial(add_postback, postback_id=partner * 24, deliveries=5))
    free = {"2" * 24: 3, "1" * 24: 9, "3" * 24: 9, "4" * 24: 9}
    assert len(engine.run(lambda session: find_due(session, free, 100))) == 3 + 5 + 5
    found = engine.run(lambda session: find_due(session, free, 6))
    jobs = engine.run(lambda session: take(session, found, 60 * SECOND))
    assert sorted(each.postback_id[0] for each in jobs) == ["1", "1", "1", "2", "2", "2"]


def test_what_was_told_long_ago_is_forgotten(engine: AnyEngine) -> None:
    engine.run(lambda session: add_postback(session, "1" * 24, 2))
    old = f"{int(time.time()) - 30 * 86_400 - 3_600:08x}{'0' * 16}"  # in the midst of its 31st day
    engine.run(
        lambda session: session.rows(sql("UPDATE deliveries SET delivery_id = {} WHERE click_id LIKE '%0'", old))
    )
    engine.run(lambda session: forget_deliveries(session, 31))
    assert engine.run(lambda session: session.rows(sql("SELECT count(*) FROM deliveries")))[0][0] == 2
    assert engine.run(lambda session: forget_deliveries(session, 30)) == 1
    assert engine.run(lambda session: session.rows(sql("SELECT click_id FROM deliveries"))) == [
        (f"{'1' * 12}{1:012x}",)
    ]
