"""Reads what a person has, a piece of each kind at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clicktrail.model.access import SYSTEM
from clicktrail.query.fields import DELIVERY, IDENTITY, PROFILE, Resource
from clicktrail.store.privacy.persons import Person, is_any, read_clicks
from clicktrail.store.reads.clicks import expand
from clicktrail.store.reads.records import select_records
from clicktrail.store.registrations.explain import AttributionRow
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import names, sql

PIECE = 500
_EXPANSIONS = frozenset({"origin", "visitor"})
RESOURCES: Mapping[str, Resource] = {"profiles": PROFILE, "identities": IDENTITY, "deliveries": DELIVERY}


class Piece(NamedTuple):
    """Objects of one kind, by their ids."""

    kind: str
    ids: Sequence[str]


def list_pieces(person: Person) -> list[Piece]:
    """All that a person has, in the order in which it is shown."""
    ids = {
        "profiles": sorted(person.profile_ids),
        "identities": sorted(person.identity_ids),
        "registrations": sorted(person.attribution_ids),
        "clicks": [click.click_id for click in person.clicks],
        "deliveries": sorted(person.delivery_ids),
    }
    return [
        Piece(kind, found[start : start + PIECE])
        for kind, found in ids.items()
        for start in range(0, max(len(found), 1), PIECE)
    ]


def read_piece(session: Session, piece: Piece) -> list[Any]:
    """Records, shown clicks (newest first), or attribution rows. What was deleted meanwhile is left out."""
    if not piece.ids:
        return []
    if piece.kind == "clicks":
        return list(expand(session, SYSTEM, read_clicks(session, is_any("c.click_id", piece.ids), PIECE), _EXPANSIONS))
    if piece.kind == "registrations":
        columns, its = names(AttributionRow._fields), is_any("attribution_id", piece.ids)
        found = sql("SELECT {} FROM attributions WHERE {} ORDER BY attribution_id", columns, its)
        return [AttributionRow(*row) for row in session.rows(found)]
    resource = RESOURCES[piece.kind]
    return [record for _, record in select_records(session, SYSTEM, resource, resource.id_field.column, piece.ids)]
