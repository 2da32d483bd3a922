"""Text files, plain or gzipped, in any encoding, by line or by piece, in bounded memory."""

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

MAX_LINE = 1024 * 1024
"""Maximum characters of a line or a JSON value."""
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
"""Errors of reading a truncated or damaged compressed file."""
_PIECE = 128 * 1024
_FINGERPRINT_BYTES = 65_536
_UTF8 = ("UTF-8", "UTF8")
_GZIP = b"\x1f\x8b"
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_undecoded = re.compile("[\udc80-\udcff]").search


class Record(NamedTuple):
    """One row: `fields` by name, or cells in the order of the header; or the reason why it is unreadable."""

    number: int
    """Line number, or row number if the file has no lines; starts at 1."""
    fields: Any = None
    reason: str = ""
    raw: str = ""


class TextFile:
    """An open file. Raises ValueError for an unknown or wrong encoding."""

    def __init__(self, path: Path, encoding: str = "") -> None:
        self._file = path.open("rb")
        self.size = path.stat().st_size
        try:
            self._text = self._open(encoding)
        except BaseException:
            self._file.close()
            raise

    def _open(self, encoding: str) -> io.TextIOWrapper:
        is_gzip = self._file.read(2) == _GZIP
        self._file.seek(0)
        content = cast(IO[bytes], gzip.GzipFile(fileobj=self._file)) if is_gzip else self._file
        buffered = io.BufferedReader(cast(Any, content), 256 * 1024)
        beginning, self.digest = _look(buffered)
        if not encoding and beginning[:2] in _MARKS:
            raise ValueError("is UTF-16; pass --encoding utf-16")
        self.encoding = encoding or "UTF-8"
        if self.encoding.upper() in _UTF8 and beginning.startswith(codecs.BOM_UTF8):
            buffered.seek(len(codecs.BOM_UTF8))
        try:
            return io.TextIOWrapper(buffered, self.encoding, errors="surrogateescape", newline="")
        except LookupError:
            raise ValueError(f"cannot be read: there is no encoding {encoding!r}") from None

    @property
    def position(self) -> int:
        """Number of bytes read from the file."""
        return self._file.tell()

    def read(self, size: int) -> str:
        """The next characters; empty at the end. Raises one of BROKEN, ValueError."""
        return self._text.read(size)

    def undecoded(self, text: str) -> str:
        """The reason if a text is not in the file's encoding; else empty."""
        if text.isascii() or not _undecoded(text):
            return ""
        return f"is not {self.encoding}; pass the file's --encoding, for example latin-1"

    def close(self) -> None:
        self._text.close()
        self._file.close()


def _look(buffered: io.BufferedReader) -> tuple[bytes, bytes]:
    """The first bytes of a file, and a hash of its beginning, which identifies it."""
    try:
        beginning = buffered.read(_FINGERPRINT_BYTES)
    except BROKEN:
        beginning = b""
    buffered.seek(0)
    return beginning[:4], hashlib.sha256(beginning).digest()


class Lines:
    """Numbered lines of a file, without line ends. Lines can be given back."""

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.trouble: Record | None = None
        """Set at the end if the file is damaged."""
        self._number = 0
        self._returned: deque[tuple[int, str]] = deque()
        self._ready: Iterator[str] = iter(())
        self._rest = ""
        self._is_skipping = False
        self._end = ""

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Continues where the last iteration stopped."""
        while True:
            while self._returned:
                yield self._returned.popleft()
            ready = self._ready
            for line in ready:
                self._number += 1
                yield self._number, line
                if self._returned:
                    break
            else:
                if self._ready is ready and not self._fill():  # `take` fills too
                    return

    def take(self) -> tuple[int, str] | None:
        """The next line; None at the end. Of a too long line, only the beginning."""
        if self._returned:
            return self._returned.popleft()
        line = next(self._ready, None)
        while line is None:
            if not self._fill():
                return None
            line = next(self._ready, None)
        self._number += 1
        return self._number, line

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """These lines come next, in this order."""
        self._returned.extendleft(reversed(lines))

    def _fill(self) -> bool:
        """Reads the next piece; False at the end."""
        try:
            piece = self.file.read(_PIECE)
        except BROKEN as error:
            self.trouble = Record(self._number + 1, reason=f"the file is damaged from here on: {error}")
            return False
        if not self._end:
            self._end = "\r" if "\r" in piece and "\n" not in piece else "\n"
        if not piece:
            last, self._rest = self._rest, ""
            self._ready = iter((last,))
            return bool(last)
        if self._is_skipping:
            _, end, piece = piece.partition(self._end)
            self._is_skipping = not end
        lines = (self._rest + piece).split(self._end)
        self._rest = lines.pop()
        if len(self._rest) >= MAX_LINE:
            lines.append(self._rest[:MAX_LINE])
            self._rest, self._is_skipping = "", True
        self._ready = iter(lines)
        return True


def is_too_long(line: str) -> bool:
    """Whether this is the beginning of a line that is too long for a row."""
    return len(line) >= MAX_LINE


TOO_LONG = f"is longer than {MAX_LINE} characters"
