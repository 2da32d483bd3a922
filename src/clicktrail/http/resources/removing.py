"""Clicks are deleted in pieces: a click that is recorded meanwhile waits for one piece at most."""

from collections.abc import Sequence

from clicktrail.http.endpoint.call import Call
from clicktrail.query.questions import ListQuery
from clicktrail.store.clicks.removal import remove_piece

PIECE = 250
"""Clicks of one transaction: no click that is recorded meanwhile waits for more than one of these. """


PIECE_OF_NODES = 100
"""Where nodes share the store each click costs more, and a piece as such less."""


async def remove_found(call: Call, query: ListQuery, click_ids: Sequence[str]) -> int:
    """Removes clicks in transactions of some each; returns how many there still were to remove. Raises Unavailable:
    then whole pieces are gone, and the same may be asked again."""
    removed, most = 0, PIECE if call.store.engine.is_owned else PIECE_OF_NODES
    for start in range(0, len(click_ids), most):
        removed += await call.store.run(remove_piece, call.viewer, query, click_ids[start : start + most])
    return removed
