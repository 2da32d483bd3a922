"""The problems that a running server can see: the checks of `clicktrail doctor` that need no other process."""

import asyncio
from collections.abc import Iterator

from clicktrail.checks.machine import (
    VISITED,
    check_certificates,
    check_data,
    check_environment,
    check_key,
    check_privacy,
    check_space,
    judge_proxies,
)
from clicktrail.checks.store import check_set_aside, compare_clocks
from clicktrail.errors import ClicktrailError
from clicktrail.ingest.geo import Geo
from clicktrail.observe.counts import Counts, Observer
from clicktrail.observe.findings import Finding
from clicktrail.observe.health import Health
from clicktrail.settings import Settings
from clicktrail.store.engines.duckdb.looking import clock_of
from clicktrail.store.store import Store

_KEPT_S = 5.0
"""Seconds for which findings are used again: many callers cost as much as one."""
_CLOCK_WAIT_S = 2.0
_CHECKS = (check_environment, check_privacy, check_data, check_space, check_key, check_certificates)


class Doctor:
    """The checks of one server. They begin when someone asks."""

    def __init__(self, settings: Settings, store: Store, health: Health, observer: Observer, geo: Geo) -> None:
        self._settings = settings
        self._store = store
        self._health = health
        self._observer = observer
        self._geo = geo
        self._findings: list[Finding] = []
        self._look_at = 0.0
        self._looking = asyncio.Lock()

    async def find(self) -> list[Finding]:
        """The findings, at most a few seconds old."""
        clock = self._store.memory.clock
        async with self._looking:
            if clock.passed_s() >= self._look_at:
                own = self._observer.tally.snapshot({})
                store, clocks, machine = await asyncio.gather(
                    self._check_store(), self._check_clocks(), asyncio.to_thread(lambda: list(self._check(own)))
                )
                self._findings = [*store, *clocks, *machine]
                self._look_at = clock.passed_s() + _KEPT_S
        return self._findings

    async def _check_store(self) -> list[Finding]:
        troubles = await self._health.troubles()
        solution = "Free disk space, or read the server's log."
        return [Finding("store", each, solution) for each in troubles] or [Finding("store", "the store answers")]

    async def _check_clocks(self) -> list[Finding]:
        if self._store.engine.is_owned:
            return []
        try:
            there = await asyncio.wait_for(self._store.run(clock_of), _CLOCK_WAIT_S)
        except (ClicktrailError, TimeoutError):  # the check of the store reports it
            return []
        return list(compare_clocks(there - self._store.memory.clock.unix_s()))

    def _check(self, own: Counts) -> Iterator[Finding]:
        for check in _CHECKS:
            yield from check(self._settings)
        if self._health.file is not None:
            yield from check_set_aside(self._health.file)
        total = self._observer.total(own)
        visits = sum(count for (_, route, _), count in total.answers.items() if route.endswith(VISITED))
        yield judge_proxies(total.forwards["private"], total.forwards["public"], visits)
        yield Finding("geo", self._geo.describe())
