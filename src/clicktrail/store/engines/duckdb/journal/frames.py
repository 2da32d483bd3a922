"""The bytes of a journal's segment: a header, then frames. Each frame is a batch of rows that was stored at once.

A frame's checksum covers its segment and its place. So a segment can be used again without clearing it: what an earlier
use left there is no frame.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import msgspec

from clicktrail.store.session.protocol import Rows

_MARK = b"\xc7CT\x01"
_HEAD = Struct("<4sII")
"""Mark, number of payload bytes, checksum."""
_BOUND = Struct("<QQI")
"""What the checksum covers besides the payload: segment, place in the segment, number of payload bytes."""
_HEADER_MARK = b"clicktrail-jrnl1"
_HEADER = Struct("<16s16sQQI")
"""Mark, the store's id, the segment's number, the end of the segment before it, checksum of these."""
HEADER_BYTES = 64
"""The first frame's place."""


class Header(NamedTuple):
    """The start of a segment. Nothing counts that the segment before it holds behind `end_before`."""

    store_id: bytes
    """16 bytes."""
    segment: int
    """1 for the first."""
    end_before: int


class Frame(NamedTuple):
    """A payload, and the place behind its frame."""

    payload: bytes
    end: int


def encode_header(header: Header) -> bytes:
    content = _HEADER.pack(_HEADER_MARK, *header, 0)[:-4]
    return (content + crc32(content).to_bytes(4, "little")).ljust(HEADER_BYTES, b"\0")


def decode_header(content: bytes) -> Header | None:
    """None if this is not a whole header."""
    if len(content) < _HEADER.size or content[:16] != _HEADER_MARK:
        return None
    _, store_id, segment, end_before, checksum = _HEADER.unpack_from(content)
    is_whole = crc32(content[: _HEADER.size - 4]) == checksum
    return Header(store_id, segment, end_before) if is_whole else None


def encode_frame(segment: int, place: int, payload: bytes) -> bytes:
    checksum = crc32(payload, crc32(_BOUND.pack(segment, place, len(payload))))
    return _HEAD.pack(_MARK, len(payload), checksum) + payload


def find_frame(content: memoryview, segment: int, place: int) -> Frame | None:
    """The whole frame at `place`; None if there is none."""
    if place + _HEAD.size > len(content):
        return None
    mark, length, checksum = _HEAD.unpack_from(content, place)
    start, end = place + _HEAD.size, place + _HEAD.size + length
    if mark != _MARK or end > len(content):
        return None
    payload = content[start:end]
    if crc32(payload, crc32(_BOUND.pack(segment, place, length))) != checksum:
        return None
    return Frame(bytes(payload), end)


def read_frames(content: memoryview, segment: int, place: int) -> Iterator[Frame]:
    """The frames from `place` on, up to the first place without one."""
    while (frame := find_frame(content, segment, place)) is not None:
        yield frame
        place = frame.end


def find_later(content: bytes, segment: int, place: int) -> int | None:
    """The place of a whole frame behind `place`: what is between was damaged, and is not the end of the segment."""
    view = memoryview(content)
    while (place := content.find(_MARK, place + 1)) >= 0:
        if find_frame(view, segment, place) is not None:
            return place
    return None


def encode_rows(tables: Sequence[Rows]) -> bytes:
    return msgspec.msgpack.encode(tables)


def decode_rows(payload: bytes) -> list[Rows]:
    """Raises msgspec.MsgspecError."""
    return msgspec.msgpack.decode(payload, type=list[Rows])
