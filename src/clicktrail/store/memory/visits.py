"""Which visitors a link has seen: an exact set of 64-bit keys, small enough to keep in memory for ten million clicks.

A visitor of a link is the link and the visitor of the day (`model.visitors`); for clicks that have no such key, a
distinct pair of address and user agent. The key is half of an MD5 (speed, not secrecy): two of ten million keys meet
with a probability under one in 300,000.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from clicktrail.model.click import Click

Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]
VISITOR_SQL = "coalesce(c.visitor::TEXT, c.ip || coalesce('1' || c.user_agent, '0'))"
"""What tells a visitor from others."""
KEY_SQL = f"md5_number_lower(c.link_id || {VISITOR_SQL})"
"""`visitor_key` as an expression of the engine, to read the keys of many clicks at once."""
_FRESH = 65_536
_RECENT = 100_000
_GROWTH = 4


def visitor_key(click: Click) -> int:
    """The key of a click that has a link."""
    return int.from_bytes(visitor_digest(click), "little")


def visitor_digest(click: Click) -> bytes:
    """The key as the half of a digest, which each engine reads as a number in its own way."""
    if click.visitor is not None:
        visitor = str(click.visitor)
    else:
        visitor = click.ip + ("0" if click.user_agent is None else "1" + click.user_agent)
    return hashlib.md5(f"{click.link_id}{visitor}".encode(), usedforsecurity=False).digest()[8:]


class Visit(NamedTuple):
    """The click that later ones of the same visitor on the same link may repeat."""

    click_id: str
    time: int


class RecentVisits:
    """The visits of the last moments by visitor key: at least those of the last window, and never very many."""

    def __init__(self) -> None:
        self._new: dict[int, Visit] = {}
        self._old: dict[int, Visit] = {}
        self._turn_at = 0.0

    def find(self, keys: Iterable[int]) -> dict[int, Visit]:
        """The visits of these visitors."""
        found = ((key, self._new.get(key) or self._old.get(key)) for key in keys)
        return {key: visit for key, visit in found if visit is not None}

    def keep(self, visits: Mapping[int, Visit], window_s: float) -> None:
        """Adds visits; drops those from before the last window, or the oldest of too many."""
        now = time.monotonic()
        if now >= self._turn_at or len(self._new) > _RECENT:
            self._old, self._new, self._turn_at = self._new, {}, now + window_s
        self._new.update(visits)

    def forget(self, clicks: Iterable[Click]) -> None:
        """Clicks on links were removed: nothing can repeat them any more."""
        for click in clicks:
            for visits in (self._new, self._old):
                visit = visits.get(visitor_key(click))
                if visit is not None and visit.click_id == click.click_id:
                    del visits[visitor_key(click)]


def mark_repeats(
    clicks: Sequence[Click], keys: Mapping[str, int], visits: dict[int, Visit], window_us: int
) -> list[Click]:
    """The clicks in the order in which they came, those marked that repeat one within the window before or after it.

    `keys` has the visitor of each click on a link, by its id; `visits` has what came before, and is brought up to date.
    """
    marked = []
    for click in clicks:
        repeated = click
        if click.link_id is not None and window_us:
            key = keys[click.click_id]
            visit = visits.get(key)
            if visit is None or abs(click.time - visit.time) > window_us:
                visits[key] = Visit(click.click_id, click.time)
            elif visit.click_id != click.click_id:
                repeated = msgspec.structs.replace(click, duplicate_of=visit.click_id)
        marked.append(repeated)
    return marked


class VisitorSet:
    """A growing set of keys: a Python set for the newest, sorted arrays, each several times the next, for the rest.

    It begins with `keys`, which are sorted, each once.
    """

    def __init__(self, keys: Keys) -> None:
        self._runs: list[Keys] = [keys]
        self._fresh: set[int] = set()
        self._gone: set[int] = set()

    def __len__(self) -> int:
        return sum(map(len, self._runs)) + len(self._fresh) - len(self._gone)

    def add(self, keys: Iterable[int]) -> list[bool]:
        """Adds keys; says of each whether it was new."""
        wanted = list(keys)
        known = self._find(wanted)
        answers = []
        for key, is_stored in zip(wanted, known, strict=True):
            is_new = key not in self._fresh and (not is_stored or key in self._gone)
            if is_new:
                (self._gone.discard if is_stored else self._fresh.add)(key)
            answers.append(is_new)
        if len(self._fresh) >= _FRESH:
            self._settle()
        return answers

    def discard(self, key: int) -> None:
        """Forgets a key that is there."""
        if key in self._fresh:
            self._fresh.remove(key)
        else:
            self._gone.add(key)

    def _find(self, keys: list[int]) -> list[bool]:
        wanted = np.array(keys, dtype=np.uint64)
        found = np.zeros(len(keys), dtype=bool)
        for run in self._runs:
            if len(run):
                places = np.minimum(np.searchsorted(run, wanted), len(run) - 1)
                found |= run[places] == wanted
        return [bool(each) for each in found]

    def _settle(self) -> None:
        """Turns the fresh keys into a run, and merges runs until each is several times as long as the next."""
        self._runs.append(np.sort(np.fromiter(self._fresh, dtype=np.uint64, count=len(self._fresh))))
        self._fresh = set()
        while len(self._runs) > 1 and len(self._runs[-2]) < _GROWTH * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate((self._runs[-1], last)), kind="stable")
