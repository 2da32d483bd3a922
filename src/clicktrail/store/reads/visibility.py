"""Who sees which rows: the one place where partners are kept apart."""

from typing import Protocol

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.store.session.sql import Sql, sql


class Guarded(Protocol):
    """A table of `reads.tables`."""

    @property
    def partner_sees(self) -> str:
        """SQL that is true for the rows of a partner; each `{}` is the partner's id."""


def visible(table: Guarded, viewer: Viewer) -> Sql:
    """The condition that every read of `table` carries."""
    if viewer.scope not in PARTNERS:
        return sql("TRUE")
    if viewer.partner_id is None:
        return sql("FALSE")
    return sql(table.partner_sees, *[viewer.partner_id] * table.partner_sees.count("{}"))


def sees_clicks_of(viewer: Viewer, partner_id: str | None) -> bool:
    """What `visible` says about a stored click of this partner, for clicks in memory."""
    return viewer.scope not in PARTNERS or (viewer.partner_id is not None and viewer.partner_id == partner_id)
