"""Checks of the store that a running server can make as well."""

from collections.abc import Iterator
from pathlib import Path

from clicktrail.observe.findings import Finding
from clicktrail.store.engines.duckdb.log import list_set_aside

_APART_S = 5.0
"""Allowed difference in seconds between the clocks of a node and of PostgreSQL."""


def check_set_aside(store: Path) -> Iterator[Finding]:
    """Damaged logs that a server has kept beside the embedded store."""
    for kept in list_set_aside(store):
        yield Finding(
            "log",
            f"{kept} is a damaged log that a server moved aside",
            "Compare the store with a backup to find missing clicks. Then remove the file.",
        )


def compare_clocks(apart_s: float) -> Iterator[Finding]:
    """`apart_s`: by how much PostgreSQL's clock is ahead of this machine's."""
    if abs(apart_s) > _APART_S:
        yield Finding(
            "clock", f"PostgreSQL's clock differs by {apart_s:.0f} seconds", "Set both machines' clocks (NTP)."
        )
