"""CSV and TSV. The delimiter is found in the header; a broken row does not affect other rows."""

import csv
from collections.abc import Iterator

from clicktrail.model.cells import restore
from clicktrail.store.exchange.text import TOO_LONG, Lines, Record, TextFile, is_too_long

DELIMITERS = (",", ";", "\t", "|")
_MAX_LINES, _MAX_JOINED = 100, 128 * 1024
"""Maximum lines and characters of one row. Otherwise an unclosed quote would swallow the rest of the file."""
_SHORT = 4_096
"""A line below this length is never too long."""
_OPEN = "unexpected end of data"
"""The csv module's message about an unclosed quote."""


class Delimited:
    """A file whose first line names the columns. Raises ValueError if it has none."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.delimiter = ","
        self.names = self._read_header()
        self._is_spaced = any(name.startswith(" ") for name in self.names)
        self.names = [name.strip() for name in self.names]

    def _read_header(self) -> list[str]:
        for _, line in self._lines:
            reason = self._lines.file.undecoded(line)
            if reason:
                raise ValueError(reason)
            if line.lower().startswith("sep=") and len(line.strip()) == 5:  # a spreadsheet's delimiter line
                continue
            if line.strip():
                self.delimiter = max(DELIMITERS, key="".join(line.split('"')[::2]).count)  # outside quotes
                return parse_cells(line, self.delimiter)[0] or line.split(self.delimiter)
        raise ValueError("has no header line")

    def records(self) -> Iterator[Record]:
        """The rows; cells in the order of the header."""
        width, file = len(self.names), self._lines.file
        for number, line in self._lines:
            reason = "" if len(line) < _SHORT and line.isascii() else _find_reason(line, file)
            cells = self._cells(line) if not reason else None
            if cells is not None and len(cells) > width and not any(cells[width:]):
                del cells[width:]
            if cells is not None and len(cells) == width:
                yield Record(number, cells)
            elif reason or line.strip():
                raw = line.rstrip("\r")
                yield Record(number, reason=reason or _say_width(cells, width), raw=raw)
        if self._lines.trouble is not None:
            yield self._lines.trouble

    def _cells(self, line: str) -> list[str] | None:
        if '"' not in line:
            cells: list[str] | None = line.rstrip("\r").split(self.delimiter)
        else:
            cells, is_open = parse_cells(line, self.delimiter)
            if is_open:
                cells = self._join(line)
            elif cells is None:  # misplaced quotes are read as text
                cells = next(csv.reader([line], delimiter=self.delimiter), None)
        if cells is not None and "'" in line:
            cells = [restore(cell) for cell in cells]
        return [cell.strip() for cell in cells] if cells is not None and self._is_spaced else cells

    def _join(self, line: str) -> list[str] | None:
        """The cells of a row that spans lines. If it does not end in time, returns None, and the lines are read
        again."""
        following: list[tuple[int, str]] = []
        text, is_open = line, True
        while is_open and len(following) < _MAX_LINES and len(text) < _MAX_JOINED:
            after = self._lines.take()
            if after is None:
                break
            following.append(after)
            text += "\n" + after[1]
            if '"' in after[1]:
                cells, is_open = parse_cells(text, self.delimiter)
                if cells is not None and len(cells) == len(self.names):
                    return cells
        self._lines.give_back(following)
        return None


def _find_reason(line: str, file: TextFile) -> str:
    """Why a line cannot be read; empty if it can."""
    return file.undecoded(line) or (TOO_LONG if is_too_long(line) else "")


def parse_cells(text: str, delimiter: str) -> tuple[list[str] | None, bool]:
    """The cells of a row (None if its quotes are invalid), and whether a quote is still open at its end."""
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True), []), False
    except csv.Error as error:
        return None, str(error) == _OPEN


def _say_width(cells: list[str] | None, width: int) -> str:
    if cells is None:
        return "a quote is opened and never closed"
    return f"has {len(cells)} cells, and the header has {width}"
