"""Deletes clicks in pieces, so that a new click waits for at most one piece."""

from collections.abc import Sequence

from clicktrail.http.endpoint.call import Call
from clicktrail.query.questions import ListQuery
from clicktrail.store.clicks.click_deletes import remove_piece

PIECE = 250
"""Clicks per transaction: a click that is recorded meanwhile waits for at most one transaction."""


PIECE_OF_NODES = 100
"""Used if several nodes share the store: each click costs more there, so a piece is smaller."""


async def remove_found(call: Call, query: ListQuery, click_ids: Sequence[str]) -> int:
    """Removes clicks in several transactions. Returns how many were left to remove.

    Raises Unavailable: some pieces are then deleted, and the caller may send the same request again.
    """
    removed, most = 0, PIECE if call.store.engine.is_owned else PIECE_OF_NODES
    for start in range(0, len(click_ids), most):
        removed += await call.store.run(remove_piece, call.viewer, query, click_ids[start : start + most])
    return removed
