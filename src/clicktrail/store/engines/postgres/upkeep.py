"""A node's background work: follows other nodes' changes, adds up figures, and makes partitions ahead of time."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg

from clicktrail.store.engines.postgres.figures import fold_changes
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.protocol import Session

LOOK_S = 0.5
"""Seconds between looks for changes without a notification: behind a pooler no notification arrives."""
FOLD_S = 1.0
MONTHS_S = 3600.0
_PAUSE_S = 0.5


class Upkeep:
    """A thread with its own connection. It reports a failure once, and tries again."""

    def __init__(
        self,
        url: str,
        memory: Memory,
        run: Callable[..., Any],
        refresh: Callable[[Session], None],
        look_after_months: Callable[[], None],
        notify: Callable[[str, BaseException], None],
    ) -> None:
        self._url, self._memory = url, memory
        self._run, self._refresh, self._look_after_months, self._notify = run, refresh, look_after_months, notify
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)
        self._is_failing = False
        self._fold_at = 0.0
        self._months_at = memory.clock.passed_s() + MONTHS_S

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends within half a second."""
        self._is_stopped.set()
        self._thread.join(10)

    def _work(self) -> None:
        while not self._is_stopped.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute("LISTEN clicktrail")
                    while not self._is_stopped.is_set():
                        self._look(connection)
                        self._is_failing = False
                        for _ in connection.notifies(timeout=LOOK_S, stop_after=1):
                            pass
            except Exception as error:  # noqa: BLE001 - serving goes on, and upkeep tries again
                if not self._is_failing:  # once, however long the server is away
                    self._notify("upkeep failed", error)
                self._is_failing = True
                self._is_stopped.wait(_PAUSE_S)

    def _look(self, connection: "psycopg.Connection[Any]") -> None:
        row = connection.execute("SELECT version FROM catalogue_version").fetchone()
        if row is not None and row[0] != self._memory.published.version:
            self._run(self._refresh)
        now = self._memory.clock.passed_s()
        if now >= self._fold_at:
            self._fold_at = now + FOLD_S
            self._run(fold_changes)
        if now >= self._months_at:
            self._months_at = now + MONTHS_S
            self._look_after_months()
