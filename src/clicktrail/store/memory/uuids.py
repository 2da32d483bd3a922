"""Which uuids the store may have: for most new clicks memory knows that the engine need not be asked."""

import hashlib
import struct
import threading
from collections.abc import Iterable

from clicktrail.store.memory.key_set import Keys, KeySet

_second_half = struct.Struct("<8xq").unpack


class Uuids:
    """The uuids of a store that one process owns, in any name space. A removed click's uuid stays.

    Until `begin`, every uuid may be there. Any thread may call.
    """

    def __init__(self) -> None:
        self._known: KeySet | None = None
        self._new: set[int] = set()
        self._lock = threading.Lock()

    def begin(self, keys: Keys) -> None:
        """`keys`: those of a snapshot, sorted and distinct; each is `uuid_key`. What was added before `begin` stays."""
        with self._lock:
            self._known = KeySet(keys)
            self._known.add(self._new)
            self._new = set()

    def find(self, uuids: Iterable[str]) -> set[str]:
        """Those that the store may have."""
        with self._lock:
            if self._known is None:
                return set(uuids)
            keys = {uuid: uuid_key(uuid) for uuid in uuids}
            known = self._known.find(set(keys.values())) if keys else set()
            return {uuid for uuid, key in keys.items() if key in known} if known else set()

    def add(self, uuids: Iterable[str]) -> None:
        """Called after clicks with these uuids were stored."""
        with self._lock:
            keys = set(map(uuid_key, uuids))
            if self._known is None:
                self._new |= keys
            elif keys:
                self._known.add(keys)


def uuid_key(uuid: str) -> int:
    """Half of the uuid's MD5 as a signed number of 64 bits (for speed, not secrecy): DuckDB's `md5_number_lower`."""
    key: int = _second_half(hashlib.md5(uuid.encode(), usedforsecurity=False).digest())[0]
    return key
