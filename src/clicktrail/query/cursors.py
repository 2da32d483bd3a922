"""Opaque cursors: base64url of a JSON array.

Of a list it is `[sort key, descending, sort value, id]`; of a report `[mark, rows before, moment of the first page]`.
"""

import base64
import binascii
import hashlib
from typing import Any, TypeVar

import msgspec

from clicktrail.model import ids
from clicktrail.query import kinds
from clicktrail.query.fields import Field
from clicktrail.query.questions import Cursor, Value

T = TypeVar("T")
_MAX_NUMBER = 1e15
"""Greater than any number that a column can store."""
_MAX_ROWS = 1 << 53
_decoder = msgspec.json.Decoder(tuple[str, bool, Value, str])
_place_decoder = msgspec.json.Decoder(tuple[str, int, int])


def render_cursor(sort: Field, is_descending: bool, cursor: Cursor) -> str:
    return _render((sort.name, is_descending, cursor.value, cursor.object_id))


def parse_cursor(text: str, sort: Field, is_descending: bool) -> Cursor:
    """Raises ValueError for a text that is not a cursor, or that is a cursor of another order."""
    name, descending, value, object_id = _parse(text, _decoder)
    if (name, descending) != (sort.name, is_descending):
        raise ValueError(f"belongs to another order: sort_by={name}&sort_order={'desc' if descending else 'asc'}")
    if not ids.is_id(object_id) or not _fits(sort, value):
        raise ValueError("is not a cursor of this API")
    return Cursor(value, object_id)


def render_place(mark: str, offset: int, as_of: int) -> str:
    """The cursor of a page of a report. `mark` says which report it belongs to; `as_of` is in microseconds."""
    return _render((_digest(mark), offset, as_of))


def parse_place(text: str, mark: str) -> tuple[int, int]:
    """The rows before the page, and the moment of the first page. Raises ValueError, also for another report's."""
    digest, offset, as_of = _parse(text, _place_decoder)
    if digest != _digest(mark):
        raise ValueError("belongs to another report: only `limit` may change from page to page")
    if not 0 <= offset <= _MAX_ROWS or not 0 <= as_of <= _MAX_ROWS:
        raise ValueError("is not a cursor of this API")
    return offset, as_of


def _digest(mark: str) -> str:
    return hashlib.sha256(mark.encode()).hexdigest()[:16]


def _render(content: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=").decode()


def _parse(text: str, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True))
    except (UnicodeError, binascii.Error, msgspec.DecodeError):
        raise ValueError("is not a cursor of this API") from None


def _fits(sort: Field, value: Value) -> bool:
    """Whether the column can store a sort value, so that no engine has to guess."""
    if value is None or sort.name == "createTime" or sort.kind is kinds.ID:
        return value is None  # objects that are sorted by their own id have no other sort value
    if sort.kind.stored is float:
        return isinstance(value, int | float) and type(value) is not bool and -_MAX_NUMBER <= value <= _MAX_NUMBER
    if type(value) is int:
        return sort.kind.stored is int and abs(value) < 1 << 62
    return type(value) is sort.kind.stored and not (isinstance(value, str) and "\0" in value)
