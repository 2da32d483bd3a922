"""Whether the server can do its work, for GET /health, GET /health/ready and the metrics."""

import asyncio
from pathlib import Path

from clicktrail.errors import ClicktrailError, Unavailable
from clicktrail.observe.gauges import Values, free_bytes, size_of
from clicktrail.store.store import Store
from clicktrail.store.vitals import Vitals, last_backup, look

_LIVE_WAIT_S = 1.0
"""Seconds that GET /health waits for the store."""
_READY_WAIT_S = 5.0
_LEAST_FREE_BYTES = 1 << 20
"""With fewer free bytes a disk counts as full, because the next commits may not fit."""
_LOOK_S = 10.0
"""Seconds for which values read from the store are reused by further requests for metrics."""
_LOOK_WAIT_S = 2.0


class Health:
    """Checks the store. `file` is the embedded store's file; `folder` is on the checked disk."""

    def __init__(self, store: Store, file: Path | None, folder: Path) -> None:
        self.file = file
        self._store = store
        self._folder = folder
        self._vitals: Vitals | None = None
        self._is_degraded = False
        self._look_at = 0.0

    async def troubles(self, wait_s: float = _LIVE_WAIT_S) -> list[str]:
        """The problems that prevent the server from working, as sentences without secrets; empty if there are none."""
        found = []
        free = None if self.file is None else free_bytes(self._folder)
        if free is not None and free < _LEAST_FREE_BYTES:
            found.append("The disk of the store is full.")
        try:
            await self._store.probe(wait_s)
        except Unavailable as error:
            found.append(error.detail)
        return found

    async def refuse_unready(self) -> None:
        """Raises Unavailable if the server cannot do its work now."""
        found = await self.troubles(_READY_WAIT_S)
        if found:
            raise Unavailable(" ".join(found), headers={"Retry-After": "5"})

    async def measure(self) -> None:
        """Reads the store again if the last values are too old."""
        now = self._store.memory.clock.passed_s()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        self._vitals, troubles = await asyncio.gather(self._look(), self.troubles())
        self._is_degraded = bool(troubles)

    async def _look(self) -> Vitals | None:
        try:
            return await asyncio.wait_for(self._store.run(look), _LOOK_WAIT_S)
        except (ClicktrailError, TimeoutError):
            return None

    def values(self) -> Values:
        """The gauges that are the same for all processes. Call it in a thread that may wait for the disk."""
        vitals, file = self._vitals, self.file
        seen: dict[str, float | None] = {
            "clicktrail_degraded": float(self._is_degraded),
            "clicktrail_disk_free_bytes": free_bytes(self._folder),
        }
        if vitals is not None:
            seen["clicktrail_store_bytes"] = vitals.store_bytes
            seen["clicktrail_oldest_waiting_postback_seconds"] = vitals.oldest_waiting_s
            seen["clicktrail_postback_delay_seconds"] = vitals.overdue_s
        if file is not None:
            seen["clicktrail_store_bytes"] = size_of(file)
            seen["clicktrail_log_bytes"] = size_of(file.with_name(file.name + ".wal")) or 0.0
            seen["clicktrail_last_backup_timestamp_seconds"] = last_backup(file)
        return {**seen, **self._store.engine.gauges()}
