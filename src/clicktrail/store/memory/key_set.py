"""An exact set of 64-bit keys: the visits of a day, or the uuids of a store. Ten million take 80 MB."""

from collections.abc import Collection
from typing import cast

import numpy as np

Keys = np.ndarray[tuple[int], np.dtype[np.int64]]
_FRESH = 65_536
_GROWTH = 4


def distinct(keys: Keys) -> Keys:
    """The keys sorted, each once. `np.unique` takes twenty times as long."""
    ordered = np.sort(keys)
    is_new = np.ones(len(ordered), dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return cast(Keys, ordered[is_new])


class KeySet:
    """A growing set of keys. The newest are in a Python set, the rest in sorted arrays, each several times the next
    one's size.

    It starts with `keys`, which are sorted and distinct.
    """

    def __init__(self, keys: Keys) -> None:
        self._runs: list[Keys] = [keys] if len(keys) else []
        self._fresh: set[int] = set()
        self._gone: set[int] = set()

    def __len__(self) -> int:
        return sum(map(len, self._runs)) + len(self._fresh) - len(self._gone)

    def find(self, keys: Collection[int]) -> set[int]:
        """The keys that are in the set."""
        found = self._fresh.intersection(keys)
        if self._runs:
            wanted = np.sort(np.fromiter(keys, dtype=np.int64, count=len(keys)))
            for run in self._runs:
                places = np.minimum(np.searchsorted(run, wanted), len(run) - 1)
                found.update(wanted[run[places] == wanted].tolist())
        return found - self._gone if self._gone else found

    def add(self, keys: Collection[int]) -> None:
        """Adds keys that are not in the set."""
        back = self._gone.intersection(keys)
        self._gone -= back
        self._fresh.update(set(keys) - back if back else keys)
        if len(self._fresh) >= _FRESH:
            self._settle()

    def discard(self, key: int) -> None:
        """Removes a key that is in the set."""
        if key in self._fresh:
            self._fresh.remove(key)
        else:
            self._gone.add(key)

    def _settle(self) -> None:
        """Makes an array of the fresh keys, and merges arrays until each is several times the next one's size."""
        self._runs.append(np.sort(np.fromiter(self._fresh, dtype=np.int64, count=len(self._fresh))))
        self._fresh = set()
        while len(self._runs) > 1 and len(self._runs[-2]) < _GROWTH * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate((self._runs[-1], last)), kind="stable")
