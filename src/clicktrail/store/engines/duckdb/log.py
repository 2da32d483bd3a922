"""Reads the embedded store's log (DuckDB's write-ahead log) without DuckDB and without changing it.

If the log has a wrong length or an overwritten head, DuckDB silently treats that place as its end: it opens the store
without the rest, and the next commit overwrites the rest. The loss would stay unknown. So this module reads the log
before DuckDB opens it. An incomplete last entry is normal after SIGKILL: its commit was never confirmed.
"""

import contextlib
import fcntl
import mmap
import os
import re
import shutil
import time
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np

_HEAD = re.compile(
    rb"d\x00be\x00\x02f\x00\x10(?:[\x00-\x7f]|[\x80-\xff]\x01){16}(?:g\x00[\x80-\xff]*[\x00-\x7f])?\xff\xff"
)
"""Version 2, the database's 16-byte id, and its number of checkpoints."""
_OTHER_VERSION = re.compile(rb"d\x00be\x00[^\x02]")
_HEAD_BYTES = 64
"""Maximum length of a head."""
_frame = Struct("<QQ")
"""Length and checksum, before the content of each entry."""
_COMMIT = bytes.fromhex("640064ffff")
_CHECKPOINT = bytes.fromhex("640063")
_COMMIT_MARK = bytes.fromhex("e7fe7d722fed3d5e") + _COMMIT
"""How a transaction ends in the log: checksum and content of its last entry. No UTF-8 text contains these bytes."""
_LOOK_BYTES = 1 << 20
_WORD = np.uint64(0xBF58476D1CE4E5B9)
_REST, _SEED, _BITS = 0xC6A4A7935BD1E995, 0xE17A1465, (1 << 64) - 1


class Log(NamedTuple):
    """Content of a log: `whole` of its `size` bytes are complete transactions; `trouble` says why the rest is
    unreadable.

    `trouble` is empty if there is no rest, or only the unfinished entry of a killed process. `lost` counts the
    transactions that are visible after the damage.
    """

    whole: int = 0
    size: int = 0
    trouble: str = ""
    lost: int = 0


def log_of(store: Path) -> Path:
    return store.with_name(store.name + ".wal")


def is_empty(log: Path) -> bool:
    """Whether the file has all that was committed."""
    return not log.exists() or log.stat().st_size == 0


def read_log(log: Path) -> Log:
    """Reads the whole log. Raises OSError."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        if os.fstat(file.fileno()).st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _read(content)
    return Log()


def set_aside(store: Path) -> str:
    """Keeps a damaged log as `….wal.damaged-TIME`, and replaces it by the transactions before the damage.

    Returns a message for the operator; empty if the log is whole or another process has the store open. Call it before
    this process opens the store: closing any descriptor of the file releases DuckDB's lock.
    """
    log = log_of(store)
    if not read_log(log).trouble or not store.exists():
        return ""
    with store.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # the other process is writing the log
            return ""
        found = read_log(log)
        return _split(log, found) if found.trouble else ""


def list_set_aside(store: Path) -> list[Path]:
    """The damaged logs that were kept, oldest first."""
    return sorted(store.parent.glob(f"{store.name}.wal.damaged-*"))


def _split(log: Path, found: Log) -> str:
    kept = log.with_name(f"{log.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    shutil.copyfile(log, kept)
    with kept.open("rb+") as copy:
        os.fsync(copy.fileno())
    os.truncate(log, found.whole)
    return f"The log of the store was damaged: {found.trouble}. It is kept as {kept.name}; {_say_lost(found)}"


def _say_lost(found: Log) -> str:
    behind = f" and at least {found.lost} transactions" if found.lost else ""
    return f"{found.size - found.whole} bytes{behind} of it were not read. Compare with a backup."


def _read(content: mmap.mmap) -> Log:
    size, head = len(content), content[:_HEAD_BYTES]
    if _OTHER_VERSION.match(head):  # another DuckDB version wrote it; DuckDB reports whether it can read it
        return Log(size, size)
    begun = _HEAD.match(head)
    if begun is None:
        return _judge(content, 0, 0, "its head is not readable", is_cut=size < _HEAD_BYTES)
    place, whole = begun.end(), 0
    while place + _frame.size <= size:
        length, checksum = _frame.unpack_from(content, place)
        end = place + _frame.size + length
        if end > size:
            break
        entry = content[place + _frame.size : end]
        if _checksum(entry) != checksum:
            return _judge(content, place, whole, f"the entry at byte {place} is not as it was written")
        place = end
        if entry == _COMMIT or entry.startswith(_CHECKPOINT):
            whole = place
    if place == size:
        return Log(whole, size)
    return _judge(content, place, whole, f"the entry at byte {place} has a wrong length", is_cut=True)


def _judge(content: mmap.mmap, place: int, whole: int, trouble: str, is_cut: bool = False) -> Log:
    """Judges a log that is readable up to `place`. `is_cut`: possibly the writer was only killed."""
    rest = content[place : place + _LOOK_BYTES]
    lost, is_blank = _count_commits(content, place), len(rest) >= _frame.size and not rest.strip(b"\0")
    if is_blank:
        trouble = f"from byte {place} on there are only zeros, as after a power failure"
    elif is_cut and not lost:
        trouble = ""
    return Log(whole, len(content), trouble, lost)


def _count_commits(content: mmap.mmap, place: int) -> int:
    count = 0
    while (found := content.find(_COMMIT_MARK, place)) >= 0:
        count, place = count + 1, found + len(_COMMIT_MARK)
    return count


def _checksum(entry: bytes) -> int:
    """DuckDB's checksum: 64-bit words, each multiplied by a constant, then the remaining 0 to 7 bytes
    (MurmurHash64A)."""
    words = len(entry) // 8
    result = 5381
    if words:
        result ^= int(np.bitwise_xor.reduce(np.frombuffer(entry, "<u8", words) * _WORD))
    rest = entry[words * 8 :]
    if rest:
        value = (_SEED ^ len(rest) * _REST) & _BITS
        value = (value ^ int.from_bytes(rest, "little")) * _REST & _BITS
        value = (value ^ value >> 47) * _REST & _BITS
        result ^= value ^ value >> 47
    return result
