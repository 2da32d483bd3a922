"""The visitors that a link has seen: an exact set of 64-bit keys. Ten million fit in memory."""

from collections.abc import Iterable

import numpy as np

Keys = np.ndarray[tuple[int], np.dtype[np.int64]]
Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
_FRESH = 65_536
_GROWTH = 4


class VisitorSet:
    """A growing set of keys. The newest are in a Python set, the rest in sorted arrays, each several times the next
    one's size.

    It starts with `keys`, which are sorted and distinct.
    """

    def __init__(self, keys: Keys) -> None:
        self._runs: list[Keys] = [keys]
        self._fresh: set[int] = set()
        self._gone: set[int] = set()

    def __len__(self) -> int:
        return sum(map(len, self._runs)) + len(self._fresh) - len(self._gone)

    def add(self, keys: Iterable[int]) -> list[bool]:
        """Adds keys. Returns for each whether it was new."""
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
        """Removes a key that is in the set."""
        if key in self._fresh:
            self._fresh.remove(key)
        else:
            self._gone.add(key)

    def _find(self, keys: list[int]) -> list[bool]:
        wanted = np.array(keys, dtype=np.int64)
        found = np.zeros(len(keys), dtype=bool)
        for run in self._runs:
            if len(run):
                places = np.minimum(np.searchsorted(run, wanted), len(run) - 1)
                found |= run[places] == wanted
        return [bool(each) for each in found]

    def _settle(self) -> None:
        """Makes an array of the fresh keys, and merges arrays until each is several times the next one's size."""
        self._runs.append(np.sort(np.fromiter(self._fresh, dtype=np.int64, count=len(self._fresh))))
        self._fresh = set()
        while len(self._runs) > 1 and len(self._runs[-2]) < _GROWTH * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate((self._runs[-1], last)), kind="stable")
