"""Sends the due deliveries of the outbox: at least once, with growing pauses, and a limited number of attempts."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from clicktrail.delivery.caller import Attempt, Caller
from clicktrail.errors import ClicktrailError
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.store.outbox.deliveries import (
    DEAD,
    DELIVERED,
    WAITING,
    Job,
    Outcome,
    find_due,
    forget_deliveries,
    settle,
    take,
)
from clicktrail.store.outbox.tries import Try, add_try
from clicktrail.store.store import Store

SLOTS = 256
"""Maximum number of attempts at the same time."""
SLOTS_OF_ONE = 64
"""The same, per postback. A postback that just failed gets one slot until it works again, so it blocks no others."""
_LOOK_S = 1.0
"""Seconds between looks at the outbox without a signal."""
_GATHER_S = 0.02
"""Seconds to wait for more results and due deliveries. Each look takes two transactions, however much they hold."""
_CLEAN_S = 3600.0
_FIRST_US, _FACTOR, _LONGEST_US = 5 * SECOND, 3, DAY_US
_CLOSE_S = 5.0
"""Seconds that a stopping server waits for answers. Other deliveries become due again after their lease."""
_GONE = "the click or registration was deleted"


class Policy(NamedTuple):
    """Limits of attempts, and days for which deliveries are kept."""

    attempts: int
    lease_s: float
    days: int


def pause_us(attempt: int, draw: Callable[[], float] = random.random) -> int:
    """Microseconds to wait after the n-th attempt failed: 5 s, 15 s, 45 s, … one day, times 0.5 to 1.5."""
    return int(min(_FIRST_US * _FACTOR ** (attempt - 1), _LONGEST_US) * (0.5 + draw()))


def outcome_of(job: Job, attempt: Attempt | None, attempts: int, now: int) -> Outcome:
    """The outcome of a delivery whose attempt ended `now`. `attempt` is None if the click or registration was
    deleted."""
    status: int | None = None
    error: str | None = _GONE
    tries = job.tries
    if attempt is not None:
        status, error = attempt.response_status, attempt.error
        began, took_ms = now - round(attempt.seconds * SECOND), round(attempt.seconds * 1000)
        tries = add_try(job.tries, Try(time=began, response_status=status, error=error, milliseconds=took_ms))
    is_over = attempt is None or attempt.is_final or job.attempt >= attempts
    state = DELIVERED if error is None else DEAD if is_over else WAITING
    return Outcome(
        delivery_id=job.delivery_id,
        attempt=job.attempt,
        status=state,
        response_status=status,
        error=error,
        due_time=now + pause_us(job.attempt) if state == WAITING else None,
        tries=tries,
    )


class Sender:
    """One process's sender. `count` gets `delivered`, `failed` or `dead` for each attempt."""

    def __init__(
        self,
        store: Store,
        caller: Caller,
        policy: Policy,
        count: Callable[[str], None],
        notify: Callable[[str, BaseException], None],
    ) -> None:
        self._store = store
        self._clock = store.memory.clock
        self._caller = caller
        self._policy = policy
        self._count = count
        self._notify = notify
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()
        self._ailing: set[str] = set()
        self._outcomes: list[Outcome] = []
        self._signal = store.memory.outbox
        self._clean_at = 0.0

    async def run(self) -> None:
        """Sends until it is cancelled."""
        is_failing = False
        while True:
            self._signal.clear()
            try:
                await self._look()
                is_failing = False
            except Exception as error:  # noqa: BLE001 - the next look tries again
                if not is_failing:  # reported once
                    self._notify("postbacks could not be taken from the store", error)
                is_failing = True
                await asyncio.sleep(_LOOK_S)
            await self._signal.wait(_LOOK_S)
            await asyncio.sleep(_GATHER_S)

    async def close(self) -> None:
        """Waits a few seconds for open answers, and stores the results."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)
        for task in self._tasks:
            task.cancel()
        try:
            await self._settle()
        except ClicktrailError as error:
            self._notify("the results of postbacks could not be stored", error)
        await self._caller.close()

    async def _look(self) -> None:
        """Stores results, takes due deliveries for the free slots, and sends them."""
        await self._settle()
        await self._clean()
        in_turn = sorted(self._store.catalogue.postback_ids, key=self._under_way.__getitem__)
        free = {postback_id: slots for postback_id in in_turn if (slots := self._free_slots(postback_id))}
        if not free or len(self._tasks) >= SLOTS:
            return
        due = await self._store.run(find_due, free, SLOTS - len(self._tasks))
        if not due:
            return
        for job in await self._store.run(take, due, int(self._policy.lease_s * SECOND)):
            self._under_way[job.postback_id] += 1
            task = asyncio.create_task(self._send(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _free_slots(self, postback_id: str) -> int:
        most = 1 if postback_id in self._ailing else SLOTS_OF_ONE
        return max(most - self._under_way[postback_id], 0)

    async def _send(self, job: Job) -> None:
        try:
            attempt = None if job.message is None else await self._caller.call(job.target, job.message)
        finally:
            self._under_way[job.postback_id] -= 1
        outcome = outcome_of(job, attempt, self._policy.attempts, self._clock.now_us())
        if attempt is not None:
            (self._ailing.discard if attempt.error is None else self._ailing.add)(job.postback_id)
        self._count("failed" if outcome.status == WAITING else outcome.status)
        self._outcomes.append(outcome)
        self._signal.set()

    async def _settle(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        if not outcomes:
            return
        try:
            await self._store.run(settle, outcomes)
        except ClicktrailError:
            self._outcomes += outcomes
            raise

    async def _clean(self) -> None:
        now = self._clock.passed_s()
        if now >= self._clean_at:
            self._clean_at = now + _CLEAN_S
            await self._store.run(forget_deliveries, self._policy.days)
