"""Opaque keyset cursors: base64url of a JSON array `[sort key, descending, sort value, id]`."""

import base64
import binascii

import msgspec

from clicktrail.model import ids
from clicktrail.query import kinds
from clicktrail.query.fields import Field
from clicktrail.query.questions import Cursor, Value

_MAX_NUMBER = 1e15
"""Greater than any number that a column can store."""
_decoder = msgspec.json.Decoder(tuple[str, bool, Value, str])


def render_cursor(sort: Field, is_descending: bool, cursor: Cursor) -> str:
    content = msgspec.json.encode((sort.name, is_descending, cursor.value, cursor.object_id))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def parse_cursor(text: str, sort: Field, is_descending: bool) -> Cursor:
    """Raises ValueError for a text that is not a cursor, or that is a cursor of another order."""
    try:
        content = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        name, descending, value, object_id = _decoder.decode(content)
    except (UnicodeError, binascii.Error, msgspec.DecodeError):
        raise ValueError("is not a cursor of this API") from None
    if (name, descending) != (sort.name, is_descending):
        raise ValueError(f"belongs to another order: sort_by={name}&sort_order={'desc' if descending else 'asc'}")
    if not ids.is_id(object_id) or not _fits(sort, value):
        raise ValueError("is not a cursor of this API")
    return Cursor(value, object_id)


def _fits(sort: Field, value: Value) -> bool:
    """Whether the column can store a sort value, so that no engine has to guess."""
    if value is None or sort.name == "createTime" or sort.kind is kinds.ID:
        return value is None  # objects that are sorted by their own id have no other sort value
    if sort.kind.stored is float:
        return isinstance(value, int | float) and type(value) is not bool and -_MAX_NUMBER <= value <= _MAX_NUMBER
    if type(value) is int:
        return sort.kind.stored is int and abs(value) < 1 << 62
    return type(value) is sort.kind.stored and not (isinstance(value, str) and "\0" in value)
