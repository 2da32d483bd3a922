"""What metrics say of the moment: the process, the disk, the store."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

OWN = {
    "clicktrail_buffer_clicks": "Clicks waiting for the disk.",
    "clicktrail_buffer_capacity_clicks": "Clicks that may wait for the disk at once.",
    "clicktrail_memory_bytes": "Memory of the server's processes that is in use (resident).",
}
"""What each process has of its own: told as the sum of all processes on the port."""
SHARED = {
    "clicktrail_degraded": "1 while GET /health says `degraded`, else 0.",
    "clicktrail_disk_free_bytes": "Free bytes of the disk that holds the store, or on PostgreSQL the data directory.",
    "clicktrail_store_bytes": "Size of the store.",
    "clicktrail_log_bytes": "Size of the embedded store's write-ahead log.",
    "clicktrail_last_backup_timestamp_seconds": "When the embedded store's last backup was made; 0: never.",
    "clicktrail_oldest_waiting_postback_seconds": "Age of the oldest postback that waits to be sent; 0: none waits.",
    "clicktrail_postback_delay_seconds": "How long the most overdue postback has been due; 0: none is.",
}
"""What all processes see alike. One that is not known at the moment is left out."""
_STATM = Path("/proc/self/statm")
Values = Mapping[str, float | None]


class Gauges:
    """`held` are the clicks in this process's buffer, which holds `capacity`.

    `shared` reads the values of the store, in a thread that may wait.
    """

    def __init__(
        self, held: Callable[[], int], capacity: int, shared: Callable[[], Values], build: Mapping[str, str]
    ) -> None:
        self._own: tuple[Callable[[], float], ...] = (held, lambda: capacity, _memory_bytes)
        self._shared = shared
        self._build = {**build, "python": platform.python_version()}

    def own(self) -> dict[str, float]:
        """Name -> value."""
        return {name: float(read()) for name, read in zip(OWN, self._own, strict=True)}

    def render(self, own: Values) -> Iterator[Metric]:
        """The metrics; `own` are the sums of all processes."""
        yield InfoMetricFamily("clicktrail_build", "What runs here.", value=self._build)
        shared = self._shared()
        for name, text in (OWN | SHARED).items():
            value = own.get(name) if name in OWN else shared.get(name)
            if value is not None:
                yield GaugeMetricFamily(name, text, value=value)


def _memory_bytes() -> float:
    """This process's resident memory; 0 where the system does not say."""
    try:
        return float(int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return 0.0


def free_bytes(folder: Path) -> float | None:
    """Bytes that this process may still write to a folder's disk; None where nobody knows."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return float((found.f_bavail if os.geteuid() else found.f_bfree) * found.f_frsize)


def size_of(file: Path) -> float | None:
    """A file's size; None where there is none."""
    try:
        return float(file.stat().st_size)
    except OSError:
        return None
