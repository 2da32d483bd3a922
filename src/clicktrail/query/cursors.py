"""Opaque keyset cursors: base64url of a JSON array `[sort key, descending, sort value, id]`."""

import base64
import binascii

import msgspec

from clicktrail.model import ids
from clicktrail.query.fields import Field
from clicktrail.query.questions import Cursor, Value

_decoder = msgspec.json.Decoder(tuple[str, bool, Value, str])


def render_cursor(sort: Field, is_descending: bool, cursor: Cursor) -> str:
    """The text that `parse_cursor` reads back."""
    content = msgspec.json.encode((sort.name, is_descending, cursor.value, cursor.object_id))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def parse_cursor(text: str, sort: Field, is_descending: bool) -> Cursor:
    """Raises ValueError for a text that is no cursor, or the cursor of another order."""
    try:
        content = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        name, descending, value, object_id = _decoder.decode(content)
    except (UnicodeError, binascii.Error, msgspec.DecodeError):
        raise ValueError("is not a cursor of this API") from None
    if (name, descending) != (sort.name, is_descending):
        raise ValueError(f"belongs to sort_by={name}&sort_order={'desc' if descending else 'asc'}")
    if not ids.is_id(object_id) or not _fits(sort, value):
        raise ValueError("is not a cursor of this API")
    return Cursor(value, object_id)


def _fits(sort: Field, value: Value) -> bool:
    """Whether a sort value has the type that the column holds, so that no engine has to guess."""
    if value is None or sort.kind.stored is float:
        return value is None or isinstance(value, int | float)
    if isinstance(value, str) and "\0" in value:
        return False
    return type(value) is sort.kind.stored and not (type(value) is int and abs(value) >= 1 << 62)
