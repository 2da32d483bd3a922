"""Makes the free blocks of the embedded store's file zeros, while DuckDB has the file open.

DuckDB reuses a free block at some time, but until then its old content stays in the file. A checkpoint writes the list
of free blocks. As long as nothing is written after it, and no reader began before it, nobody reads these blocks. Most
file systems then free their disk space too.

Blocks of metadata have the smallest and the largest value of each column, cut after some characters. They are seldom
free as a whole, so their free parts are written over: by a long comment on a table, which is then removed.

The layout is that of DuckDB's single-file storage: a header of 4 KiB, two headers of 4 KiB with the newest state, then
blocks. Metadata blocks are divided into 64 parts. What does not look like it is left alone.
"""

import ctypes
import os
from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from clicktrail.store.session.sql import Sql, sql

_HEADER = Struct("<8x5Q")
"""After a checksum: number of checkpoints, root of the tables, list of free blocks, number of blocks, block size."""
_HEADER_BYTES, _FIRST_BLOCK = 4096, 3 * 4096
_PARTS, _CHECKSUM_BYTES = 64, 8
_NONE = (1 << 64) - 1
_number, _use = Struct("<Q"), Struct("<QI")
_KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02
_ZEROS = bytes(1 << 20)
_COMMENT = "COMMENT ON TABLE erasures IS {}"
_ROUNDS, _MOST_LOWER = 3, 128
"""Each round moves the metadata to the first free blocks of the file, so later rounds find fewer parts behind them."""


class Free(NamedTuple):
    """The free blocks of a file, and the places of the free parts of its metadata."""

    block_bytes: int
    blocks: frozenset[int]
    parts: frozenset[int] = frozenset()


class ScrubRefused(Exception):
    """Why the file was not changed."""


class FreeBlocks:
    """The free blocks of a file that DuckDB has open. Call `clear` when nothing was written since a checkpoint, and no
    transaction from before it runs; `close` after DuckDB has closed the file, because it ends DuckDB's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def fill_parts(self, run: Callable[[Sql], object], checkpoint: Callable[[], object], is_last: bool) -> bool:
        """Writes over the free parts of metadata, with comments on a table. Returns whether none of them is left as it
        was. Raises OSError.

        After one round the last written part may have an old end: `is_last` makes a second one.
        """
        left = None
        try:
            for done in range(_ROUNDS):
                before = read_free(self._open())
                left = before.parts if left is None else left & before.parts
                run(sql(_COMMENT.format(f"'{'x' * _filling_bytes(before)}'")))
                checkpoint()
                left &= read_free(self._open()).parts
                run(sql(_COMMENT.format("NULL")))
                checkpoint()
                if not left and done >= is_last:
                    return True
        except ScrubRefused:
            return False
        return False

    def clear(self) -> bool:
        """Makes all free blocks zeros, on disk. Returns whether it could. Raises OSError."""
        file = self._open()
        try:
            free = read_free(file)
        except ScrubRefused:
            return False
        for first, count in _runs(free.blocks):
            _clear(file, _FIRST_BLOCK + first * free.block_bytes, count * free.block_bytes)
        os.fsync(file)
        return True

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        return self._file

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _filling_bytes(free: Free) -> int:
    """How much text takes all free parts. DuckDB may also take free blocks that are before them in the file."""
    end = max(free.parts, default=0)
    lower = sum(_FIRST_BLOCK + block * free.block_bytes < end for block in free.blocks)
    return (len(free.parts) + _PARTS * (1 + min(lower, _MOST_LOWER))) * _part_bytes(free.block_bytes)


def read_free(file: int) -> Free:
    """The free blocks after the last checkpoint. Raises ScrubRefused for a layout that is not known."""
    heads = [_HEADER.unpack_from(os.pread(file, _HEADER_BYTES, place)) for place in (_HEADER_BYTES, 2 * _HEADER_BYTES)]
    _, _, first, count, block_bytes = max(heads)
    size = os.fstat(file).st_size
    if block_bytes < _HEADER_BYTES or block_bytes % _HEADER_BYTES:
        raise ScrubRefused("The headers of the file are not as this version of Clicktrail knows them.")
    written = (size - _FIRST_BLOCK) // block_bytes
    if first == _NONE and count <= written:
        return Free(block_bytes, frozenset())
    own, content = set(), b""
    for block, part in _read_chain(file, first, block_bytes, count):
        own.add(block)
        content += part
    blocks, in_use, masks = _read_list(content)
    if max(blocks, default=0) >= count or blocks & in_use or not blocks.issuperset(range(written, count)):
        raise ScrubRefused("The list of free blocks is not as this version of Clicktrail knows it.")
    parts = [
        _place(block_bytes, block, part)
        for block, mask in masks.items()
        for part in range(_PARTS)
        if block < count and mask >> part & 1
    ]
    unwritten = range(written, count)  # DuckDB took these blocks at the end of the file, and did not need them
    return Free(block_bytes, frozenset(blocks - own).difference(unwritten), frozenset(parts))


def _read_chain(file: int, pointer: int, block_bytes: int, count: int) -> Iterator[tuple[int, bytes]]:
    """The parts of metadata blocks from a pointer on. Each begins with the pointer to the next one."""
    seen = set()
    while pointer != _NONE:
        block, part = pointer & ((1 << 56) - 1), pointer >> 56
        if pointer in seen or block >= count or part >= _PARTS:
            raise ScrubRefused("The list of free blocks cannot be read.")
        seen.add(pointer)
        content = os.pread(file, _part_bytes(block_bytes), _place(block_bytes, block, part))
        (pointer,) = _number.unpack_from(content)
        yield block, content[_number.size :]


def _part_bytes(block_bytes: int) -> int:
    return (block_bytes - _CHECKSUM_BYTES) // _PARTS // 8 * 8


def _place(block_bytes: int, block: int, part: int) -> int:
    """Where a part of a metadata block begins in the file."""
    return _FIRST_BLOCK + block * block_bytes + _CHECKSUM_BYTES + part * _part_bytes(block_bytes)


def _read_list(content: bytes) -> tuple[set[int], set[int], dict[int, int]]:
    """The free blocks; blocks that are surely in use: blocks shared by several segments, and metadata; and of each
    block of metadata one bit for each part: whether it is free."""
    place, found = 0, []
    try:
        for head in (_number, _use, Struct("<QQ")):
            (length,) = _number.unpack_from(content, place)
            place += _number.size
            found.append([head.unpack_from(content, place + each * head.size) for each in range(length)])
            place += length * head.size
    except Exception as error:
        raise ScrubRefused("The list of free blocks has another form.") from error
    free, shared, metadata = ({row[0] for row in rows} for rows in found)
    return free, shared | metadata, dict(found[-1])


def _runs(blocks: Collection[int]) -> Iterator[tuple[int, int]]:
    """First block and number of each run of blocks without a gap."""
    numbered = enumerate(sorted(blocks))
    for _, run in groupby(numbered, key=lambda each: each[1] - each[0]):
        found = [block for _, block in run]
        yield found[0], len(found)


def _clear(file: int, place: int, count: int) -> None:
    """Frees the disk space of a part of a file, which then reads as zeros; writes zeros where that is not possible."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong)
        if call(file, _KEEP_SIZE_PUNCH_HOLE, place, count) == 0:
            return
    end = place + count
    while place < end:
        place += os.pwrite(file, _ZEROS[: end - place], place)
