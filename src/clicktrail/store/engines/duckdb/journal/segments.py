"""The files of a journal: segments, written ahead once and used again, because a file that grows is slower to sync.

Each file starts with the number of its segment. Segments up to the one that the store's position names are free.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from clicktrail.errors import StoreInUse
from clicktrail.store.engines.duckdb.journal.frames import HEADER_BYTES, Header, decode_header, encode_header

SEGMENT_BYTES = 8 * 1024 * 1024
"""Size of a file. A larger frame makes its file larger until it is used again."""
_ERASED_BYTES = 16
"""More than the head of a frame has."""
_BLOCK = bytes(1024 * 1024)


class Segment:
    """One open and locked file of a journal. `header` is None until its first use."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, StoreInUse."""
        self.path = path
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise StoreInUse(f"{path} is in use by another process; stop it first.") from None
        self.header: Header | None = decode_header(os.pread(self.file, HEADER_BYTES, 0))
        self.has_failed = False
        """Whether a write failed: then it is not used again."""

    @property
    def number(self) -> int:
        """0 if it was never used."""
        return self.header.segment if self.header is not None else 0

    def read(self) -> bytes:
        return os.pread(self.file, os.fstat(self.file).st_size, 0)

    def write_ahead(self) -> None:
        """Gives the file its full size, on disk. Raises OSError."""
        size = os.fstat(self.file).st_size
        if size == SEGMENT_BYTES:
            return
        if size > SEGMENT_BYTES:
            os.ftruncate(self.file, SEGMENT_BYTES)
        while size < SEGMENT_BYTES:
            size += os.pwrite(self.file, _BLOCK[: SEGMENT_BYTES - size], size)
        os.fsync(self.file)

    def begin(self, header: Header) -> None:
        """Starts a new segment in this file. The next sync makes it durable. Raises OSError."""
        self.header = header
        _write(self.file, encode_header(header), 0)

    def write(self, content: bytes, place: int) -> None:
        """Writes and syncs. Raises OSError."""
        _write(self.file, content, place)
        os.fdatasync(self.file)

    def erase(self, place: int) -> None:
        """Makes sure that no frame is found at a place, if the disk allows it."""
        with contextlib.suppress(OSError):
            self.write(bytes(_ERASED_BYTES), place)

    def blank(self) -> None:
        """Overwrites all that the segment holds, but its header. Raises OSError."""
        size, place = os.fstat(self.file).st_size, HEADER_BYTES
        while place < size:
            place += os.pwrite(self.file, _BLOCK[: size - place], place)
        os.fsync(self.file)

    def remove(self) -> None:
        """Closes and deletes the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.file)


def _write(file: int, content: bytes, place: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, place)
        view, place = view[written:], place + written


def paths_of(store: Path) -> list[Path]:
    """The files of a store's journal."""
    return sorted(store.parent.glob(f"{store.name}.journal-*"))


def open_segments(store: Path) -> list[Segment]:
    """Opens and locks all files of the journal. Raises OSError, StoreInUse."""
    opened: list[Segment] = []
    try:
        for path in paths_of(store):
            opened.append(Segment(path))
    except BaseException:
        for each in opened:
            each.close()
        raise
    return opened


def blank_segments(store: Path) -> None:
    """Overwrites what a journal holds of clicks that the store has taken. Call it when that is everything.

    Raises OSError, StoreInUse.
    """
    for each in open_segments(store):
        try:
            each.blank()
        finally:
            each.close()


def make_segment(store: Path, others: Iterable[Segment]) -> Segment:
    """A new file, written ahead. Raises OSError and leaves no file."""
    taken = {each.path for each in others}
    names = (store.with_name(f"{store.name}.journal-{number}") for number in range(len(taken) + 1))
    path = next(name for name in names if name not in taken)
    made = Segment(path)
    try:
        made.write_ahead()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        made.remove()
        raise
    return made
