"""Sends what is due in the outbox: at least once, tried again ever more seldom, given up in the end."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from clicktrail.delivery.caller import Attempt, Caller
from clicktrail.errors import ClicktrailError
from clicktrail.model.attribution import DAY_US
from clicktrail.model.times import SECOND
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
from clicktrail.store.store import Store

SLOTS = 256
"""Attempts under way at once."""
SLOTS_OF_ONE = 64
"""Of one postback; one that failed just now gets a single one until it is well again, so that it holds up nobody."""
_LOOK_S = 1.0
"""How often the outbox is looked at without being told."""
_GATHER_S = 0.02
"""How long it waits for more to come back or to become due: each look is two transactions, however much they hold."""
_CLEAN_S = 3600.0
_FIRST_US, _FACTOR, _LONGEST_US = 5 * SECOND, 3, DAY_US
_CLOSE_S = 5.0
"""How long a stopping server waits for answers; what has none by then is due again after its lease."""
_GONE = "what it was to tell of was deleted"


class Policy(NamedTuple):
    """How long it is tried, and how long it is kept."""

    attempts: int
    lease_s: float
    days: int


def pause_us(attempt: int, draw: Callable[[], float] = random.random) -> int:
    """How long to wait after the n-th attempt failed: 5 s, 15 s, 45 s, … a day, times a half to one and a half."""
    return int(min(_FIRST_US * _FACTOR ** (attempt - 1), _LONGEST_US) * (0.5 + draw()))


def outcome_of(job: Job, attempt: Attempt | None, attempts: int, now: int) -> Outcome:
    """What an attempt that ended `now` makes of a delivery; no attempt: there was nothing left to tell."""
    status, error = (None, _GONE) if attempt is None else (attempt.response_status, attempt.error)
    if error is None:
        return Outcome(job.delivery_id, job.attempt, DELIVERED, status, None, None)
    if attempt is None or attempt.is_final or job.attempt >= attempts:
        return Outcome(job.delivery_id, job.attempt, DEAD, status, error, None)
    return Outcome(job.delivery_id, job.attempt, WAITING, status, error, now + pause_us(job.attempt))


class Sender:
    """One process's sender. `count` hears of each attempt whether it was `delivered`, `failed` or `dead`."""

    def __init__(
        self,
        store: Store,
        caller: Caller,
        policy: Policy,
        count: Callable[[str], None],
        tell: Callable[[str, BaseException], None],
    ) -> None:
        self._store = store
        self._clock = store.memory.clock
        self._caller = caller
        self._policy = policy
        self._count = count
        self._tell = tell
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
            except Exception as error:  # noqa: BLE001 - whatever it is, the outbox is looked at again
                if not is_failing:  # told once
                    self._tell("postbacks could not be taken from the store", error)
                is_failing = True
                await asyncio.sleep(_LOOK_S)
            await self._signal.wait(_LOOK_S)
            await asyncio.sleep(_GATHER_S)

    async def close(self) -> None:
        """Waits a moment for the answers that are out, and writes down what came."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)
        for task in self._tasks:
            task.cancel()
        try:
            await self._settle()
        except ClicktrailError as error:
            self._tell("what came of postbacks could not be written down", error)
        await self._caller.close()

    async def _look(self) -> None:
        """Writes down what came back, takes what is due and fits, and sends it."""
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
