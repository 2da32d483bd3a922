"""Which uuids the store may have: for most new clicks memory knows that the engine need not be asked."""

import hashlib
import struct
import threading
from collections.abc import Iterable

from clicktrail.model.click import Click
from clicktrail.store.memory.key_set import Keys, KeySet

_RECENT = 20_000
"""At least so many of the newest uuids are kept with their clicks' ids."""
_second_half = struct.Struct("<8xq").unpack


class Uuids:
    """The uuids of a store that one process owns, in any name space. A removed click's uuid stays.

    Until `begin`, every uuid may be there. Any thread may call.
    """

    def __init__(self) -> None:
        self._known: KeySet | None = None
        self._new: set[int] = set()
        self._newer: dict[tuple[str | None, str], str] = {}
        self._older: dict[tuple[str | None, str], str] = {}
        self._lock = threading.Lock()

    def begin(self, keys: Keys) -> None:
        """`keys`: of a snapshot, sorted and distinct; each is `uuid_key`. What was added before `begin` stays."""
        with self._lock:
            self._known = KeySet(keys)
            self._known.add(self._new)
            self._new = set()

    def find(self, uuids: Iterable[str]) -> set[str]:
        """The keys that the store may have."""
        with self._lock:
            if self._known is None:
                return set(uuids)
            keys = {uuid: uuid_key(uuid) for uuid in uuids}
            known = self._known.find(set(keys.values())) if keys else set()
            return {uuid for uuid, key in keys.items() if key in known} if known else set()

    def recall(self, name_space: str | None, uuid: str) -> str | None:
        """The id of the click that was stored last with this uuid, if it is one of the newest. It may be removed."""
        return self._newer.get((name_space, uuid)) or self._older.get((name_space, uuid))

    def forget(self, clicks: Iterable[Click]) -> None:
        """Called after these clicks lost their uuids. Only their keys stay."""
        with self._lock:
            for click in clicks:
                for ids in (self._newer, self._older):
                    ids.pop((click.name_space, click.uuid or ""), None)

    def add(self, clicks: Iterable[Click]) -> None:
        """Called after these clicks were stored."""
        ids = {(click.name_space, click.uuid): click.click_id for click in clicks if click.uuid is not None}
        with self._lock:
            self._newer |= ids
            if len(self._newer) > _RECENT:
                self._newer, self._older = {}, self._newer
            keys = {uuid_key(uuid) for _, uuid in ids}
            if self._known is None:
                self._new |= keys
            elif keys:
                self._known.add(keys)


def uuid_key(uuid: str) -> int:
    """Half of the uuid's MD5 as a signed number of 64 bits (for speed, not secrecy): DuckDB's `md5_number_lower`."""
    key: int = _second_half(hashlib.md5(uuid.encode(), usedforsecurity=False).digest())[0]
    return key
