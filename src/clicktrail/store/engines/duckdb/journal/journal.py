"""Appends frames durably, and reads back what the store has not yet taken."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from clicktrail.errors import StoreInUse
from clicktrail.store.engines.duckdb.journal.frames import (
    HEADER_BYTES,
    Frame,
    Header,
    encode_frame,
    find_later,
    read_frames,
)
from clicktrail.store.engines.duckdb.journal.segments import SEGMENT_BYTES, Segment, make_segment, open_segments


class Position(NamedTuple):
    """A place in the journal: everything before it is in the store."""

    segment: int
    place: int


class Journal:
    """The journal of one store, which has `store_id` (16 bytes) and has taken everything before `position`.

    Raises StoreInUse if it is damaged, or belongs to another store. With `skips_damage` it reads what is readable, and
    `trouble` says what it could not. One thread appends. `release` may be called from another thread.
    """

    def __init__(self, store: Path, store_id: bytes, position: Position, skips_damage: bool = False) -> None:
        self._store = store
        self._store_id = store_id
        self._skips_damage = skips_damage
        self.trouble = ""
        """For the operator: why clicks may be missing."""
        self._segments = open_segments(store)
        try:
            self._check_owner()
            self._live = self._find_live(position)
            self.rest = [*self._read_rest(position)]
            """The frames behind `position`, each with the position behind it: the store lacks them."""
        except BaseException:
            self.close()
            raise
        self._released = position.segment
        begun = [Position(number, HEADER_BYTES) for number in self._live]
        self._end = max([position, *begun, *(end for _, end in self.rest)])
        self._current = self._live.get(self._end.segment)
        """None: the next frame begins a new segment."""

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(each.path.stat().st_size for each in list(self._segments))

    def append(self, payload: bytes) -> Position:
        """Appends a frame; when this returns, it is on disk. Raises OSError: then it is not in the journal."""
        segment = self._current
        if segment is None or (self._end.place > HEADER_BYTES and self._end.place + len(payload) > SEGMENT_BYTES):
            segment = self._begin_segment()
        number, place = self._end
        frame = encode_frame(number, place, payload)
        try:
            segment.write(frame, place)
        except OSError:  # the next segment says that nothing counts from `place` on; there may never be one
            segment.has_failed, self._current = True, None
            segment.erase(place)
            raise
        self._end = Position(number, place + len(frame))
        return self._end

    def release(self, position: Position) -> None:
        """The store has taken everything before `position`: earlier segments may be used again."""
        self._released = position.segment

    def scrub(self) -> None:
        """Makes all frames zeros. The store has taken them, and nothing is appended meanwhile. Raises OSError."""
        for each in list(self._segments):
            each.blank()

    def prepare(self) -> Segment:
        """A file that is free for the next segment. Raises OSError."""
        for each in [each for each in self._segments if each.has_failed and self._is_free(each)]:
            self._segments.remove(each)
            each.remove()
        free = next(filter(self._is_free, self._segments), None)
        if free is None:
            free = make_segment(self._store, self._segments)
            self._segments.append(free)
        return free

    def close(self) -> None:
        for each in self._segments:
            each.close()

    def _begin_segment(self) -> Segment:
        free = self.prepare()
        number = self._end.segment + 1
        try:
            free.write_ahead()
            free.begin(Header(self._store_id, number, self._end.place))
        except OSError:
            self._segments.remove(free)
            free.remove()
            raise
        self._current, self._end = free, Position(number, HEADER_BYTES)
        return free

    def _is_free(self, segment: Segment) -> bool:
        return segment.number < min(self._released, self._end.segment) or segment.header is None

    def _check_owner(self) -> None:
        for each in self._segments:
            if each.header is not None and each.header.store_id != self._store_id:
                raise StoreInUse(
                    f"{each.path} belongs to another store than {self._store}. If the clicks in it are not needed, "
                    f"move all files {self._store.name}.journal-* away."
                )

    def _find_live(self, position: Position) -> dict[int, Segment]:
        """The segments from the store's position on, by number."""
        live = {each.number: each for each in self._segments if each.number >= max(position.segment, 1)}
        first = min(live, default=position.segment)
        header = live[first].header if first == position.segment + 1 else None
        is_next = header is not None and header.end_before == position.place
        missing = sorted({*range(position.segment + is_next, max(live, default=0))} - live.keys())
        if missing:
            self._tell(f"The journal of {self._store} lacks its segments {missing}; there are {sorted(live)}.")
        if position.segment and not live:
            self.trouble = (
                f"The files {self._store.name}.journal-* are missing. If the server was not stopped properly before, "
                "clicks of its last second are lost."
            )
        return live

    def _read_rest(self, position: Position) -> Iterator[tuple[Frame, Position]]:
        for number in sorted(self._live):
            segment, following = self._live[number], self._live.get(number + 1)
            content = segment.read()
            if following is not None and following.header is not None:
                content = content[: following.header.end_before]
            place: int | None = position.place if number == position.segment else HEADER_BYTES
            while place is not None:
                end = place
                for frame in read_frames(memoryview(content), number, place):
                    end = frame.end
                    yield frame, Position(number, end)
                place = find_later(content, number, end)
                if place is not None or (following is not None and end < len(content)):
                    upto = "" if place is None else f" to {place}"
                    self._tell(f"{segment.path} is damaged from byte {end}{upto}: clicks there cannot be read.")

    def _tell(self, trouble: str) -> None:
        if not self._skips_damage:
            raise StoreInUse(
                f"{trouble} Restore a copy of the files {self._store.name}.journal-*, or go on without these clicks: "
                "clicktrail recover"
            )
        self.trouble = f"{self.trouble} {trouble}".strip()
