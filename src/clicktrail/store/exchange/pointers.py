"""Finds the objects that imported rows point to, by their ids on the other server."""

from collections.abc import Iterable, Mapping

from clicktrail.errors import Mistake
from clicktrail.model.ids import foreign_digits, is_id
from clicktrail.query.fields import Resource
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import named, sql

_THERE = "SELECT {}, {} FROM {} WHERE {} IN (SELECT unnest({}::VARCHAR[]))"
"""Objects by their id, or by its last digits: a scan, but of small tables."""

Found = Mapping[str, str]
"""Old id -> the id here."""


def find_objects(session: Session, resource: Resource, old_ids: Iterable[str]) -> Found:
    """The ids that exist here. An old id that was not an ObjectId is found by the digits made from it."""
    table, key = named(TABLES[resource.name].name), named(resource.id_field.column)
    exact, foreign = {}, {}
    for old in set(old_ids):
        if is_id(old.lower()):
            exact[old] = old.lower()
        else:
            foreign[old] = foreign_digits(resource.name, old)
    found: dict[str, str] = {}
    for wanted, expression in ((exact, key), (foreign, sql("substr({}, 9)", key))):
        if wanted:
            there: dict[str, str] = dict(
                session.rows(sql(_THERE, expression, key, table, expression, list(set(wanted.values()))))
            )
            found |= {old: there[each] for old, each in wanted.items() if each in there}
    return found


def miss(resource: Resource) -> Mistake:
    """The error about a pointer to a missing object."""
    return Mistake(f"points to a {resource.name} that is not there", pointer=f"/{resource.id_field.name}")
