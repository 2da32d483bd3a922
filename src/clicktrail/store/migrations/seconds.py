"""Fills what an earlier version of the embedded store did not store of ids and uuids (`session.finding`)."""

from clicktrail.store.session.finding import SECOND_OF_ID, UUID_KEY
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import number, sql

PIECE = 1_000_000
"""Rows filled in one transaction."""
_FILL = (
    f"UPDATE clicks SET created_s = {SECOND_OF_ID}, uuid_number = CASE WHEN is_totalled THEN {UUID_KEY} END "
    "WHERE created_s IS NULL AND rowid >= {} AND rowid < {}"
)


def fill_seconds(session: Session) -> int:
    """Fills some clicks. Returns their number; 0 at the end."""
    if session.rows(sql("SELECT count(*) FROM clicks WHERE created_s IS NULL")) == [(0,)]:  # by the ranges of columns
        return 0
    [[first]] = session.rows(sql("SELECT min(rowid) FROM clicks WHERE created_s IS NULL"))
    [[count]] = session.rows(sql(_FILL, number(first), number(first + PIECE)))
    return int(count)
