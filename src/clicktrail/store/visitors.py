"""Which visitors a link has seen: an exact set of 64-bit keys, small enough to keep in memory for ten million clicks.

A visitor of a link is a distinct pair of address and user agent. Its key is half of an MD5 (speed, not secrecy): two of
ten million keys meet with a probability under one in 300,000.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

from clicktrail.model.click import Click

Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]
KEY_SQL = "md5_number_lower(c.link_id || c.ip || coalesce('1' || c.user_agent, '0'))"
"""`visitor_key` as an expression of the engine, to read the keys of many clicks at once."""
_FRESH = 65_536
_GROWTH = 4


def visitor_key(click: Click) -> int:
    """The key of a click that has a link."""
    agent = "0" if click.user_agent is None else "1" + click.user_agent
    text = f"{click.link_id}{click.ip}{agent}"
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "little")


class VisitorSet:
    """A growing set of keys: a Python set for the newest, sorted arrays, each several times the next, for the rest."""

    def __init__(self, keys: Keys) -> None:
        self._runs: list[Keys] = [np.unique(keys)]
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
