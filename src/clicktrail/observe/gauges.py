"""Metrics of the current state: the process, the disk, the store."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

OWN = {
    "clicktrail_buffer_clicks": "Clicks waiting for the disk.",
    "clicktrail_buffer_capacity_clicks": "Maximum number of clicks that may wait for the disk.",
    "clicktrail_memory_bytes": "Resident memory of the server's processes.",
}
"""Values of single processes, shown as the sum of all processes on the port."""
SHARED = {
    "clicktrail_degraded": "1 while GET /health returns `degraded`, else 0.",
    "clicktrail_disk_free_bytes": "Free bytes of the disk that holds the store, or on PostgreSQL the data directory.",
    "clicktrail_store_bytes": "Size of the store.",
    "clicktrail_log_bytes": "Size of the embedded store's write-ahead log.",
    "clicktrail_journal_bytes": "Size of the embedded store's journal.",
    "clicktrail_journal_waiting_rows": "Rows in the journal that the store has not taken in.",
    "clicktrail_journal_lag_seconds": "Age of the oldest row in the journal that the store has not taken in.",
    "clicktrail_last_backup_timestamp_seconds": "Time of the embedded store's last backup; 0 means never.",
    "clicktrail_oldest_waiting_postback_seconds": "Age of the oldest waiting postback; 0 means none waits.",
    "clicktrail_postback_delay_seconds": "Seconds since the most overdue postback became due; 0 means none is overdue.",
}
"""Values that are the same for all processes. Values that are currently unknown are omitted."""
_STATM = Path("/proc/self/statm")
Values = Mapping[str, float | None]


class Gauges:
    """`held` returns the number of clicks in this process's buffer; `capacity` is its maximum.

    `shared` reads the values of the store. It runs in a thread that may wait.
    """

    def __init__(
        self, held: Callable[[], int], capacity: int, shared: Callable[[], Values], build: Mapping[str, str]
    ) -> None:
        self._own: tuple[Callable[[], float], ...] = (held, lambda: capacity, _memory_bytes)
        self._shared = shared
        self._build = {**build, "python": platform.python_version()}

    def own(self) -> dict[str, float]:
        return {name: float(read()) for name, read in zip(OWN, self._own, strict=True)}

    def render(self, own: Values) -> Iterator[Metric]:
        """The metrics; `own` are the sums of all processes."""
        yield InfoMetricFamily("clicktrail_build", "Version, engine and Python of this server.", value=self._build)
        shared = self._shared()
        for name, text in (OWN | SHARED).items():
            value = own.get(name) if name in OWN else shared.get(name)
            if value is not None:
                yield GaugeMetricFamily(name, text, value=value)


def _memory_bytes() -> float:
    """This process's resident memory; 0 if the system does not report it."""
    try:
        return float(int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return 0.0


def free_bytes(folder: Path) -> float | None:
    """Bytes that this process may still write to a folder's disk; None if unknown."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return float((found.f_bavail if os.geteuid() else found.f_bfree) * found.f_frsize)


def size_of(file: Path) -> float | None:
    """The size in bytes; None if the file does not exist."""
    try:
        return float(file.stat().st_size)
    except OSError:
        return None
