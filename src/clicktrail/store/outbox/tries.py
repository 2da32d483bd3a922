"""The last attempts of a delivery, kept as JSON in its row: one column, no further table to write for each attempt."""

import msgspec

from clicktrail.model.access import Viewer
from clicktrail.query.fields import DELIVERY
from clicktrail.store.reads.records import check_there
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql

KEPT = 20
"""Attempts kept of one delivery. Usual settings make 12."""


class Try(msgspec.Struct, frozen=True, array_like=True):
    """An attempt: when it began (microseconds), the answer's status if there was one, the error if it failed, and how
    long it took."""

    time: int
    response_status: int | None
    error: str | None
    milliseconds: int


_decode = msgspec.json.Decoder(list[Try]).decode
_encode = msgspec.json.Encoder().encode


def read_tries(text: str | None) -> list[Try]:
    """The attempts, the first one first; none for a text that no version of Clicktrail wrote."""
    try:
        return _decode(text or "[]")
    except msgspec.DecodeError:
        return []


def add_try(text: str | None, tried: Try) -> str:
    """The text with one attempt more, without the oldest if there are too many."""
    return _encode([*read_tries(text), tried][-KEPT:]).decode()


def list_tries(session: Session, viewer: Viewer, delivery_id: str) -> list[Try]:
    """The last attempts of a delivery that the viewer sees, the first one first. Raises NotFound."""
    check_there(session, viewer, DELIVERY, delivery_id)
    [(text,)] = session.rows(sql("SELECT tries FROM deliveries WHERE delivery_id = {}", delivery_id))
    return read_tries(text)
