"""Deletes objects around clicks, with their parts. Pointers to them are cleared."""

from collections.abc import Mapping

from clicktrail.errors import Conflict
from clicktrail.model.access import Reason, Viewer
from clicktrail.query.fields import Resource
from clicktrail.store.clicks.change import clear_pointer
from clicktrail.store.objects import own
from clicktrail.store.reads.records import check_there
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import OnDelete, detach, pointing_to
from clicktrail.store.session.sql import named, sql
from clicktrail.store.session.transactions import Write, transaction

_HELD: Mapping[str, tuple[str, str]] = {
    "link": (
        "SELECT 1 FROM clicks WHERE link_id = {} LIMIT 1",
        "The link has clicks, whose attribution would be lost; disable it instead.",
    ),
    "profile": (
        "SELECT 1 FROM clicks WHERE partner_id = {} LIMIT 1",
        "The partner has clicks, whose attribution would be lost; disable the profile instead.",
    ),
}
"""Resource -> a statement that finds a click that needs the object, and the refusal."""


@transaction(Write.CATALOGUE)
def delete_object(session: Session, viewer: Viewer, resource: Resource, object_id: str) -> None:
    """Deletes an object that the viewer sees. Raises NotFound, and Conflict for a link or a partner with clicks, and
    for what a partner may not delete.
    """
    table = TABLES[resource.name].name
    its = sql("{} = {}", named(resource.id_field.column), object_id)
    check_there(session, viewer, resource, object_id)
    own.check_deleted(session, viewer, resource, object_id)
    if resource.name in _HELD:
        held, refusal = _HELD[resource.name]
        if session.rows(sql(held, object_id)):
            raise Conflict(refusal)
    for relation, reference in pointing_to(table):
        if relation.table == "clicks" and reference.on_delete is OnDelete.CLEAR:
            clear_pointer(session, reference.column, object_id, viewer.cause(Reason.POINTER_DELETED))
    detach(session, table, lambda column: sql("{} = {}", column, object_id))
    session.rows(sql("DELETE FROM {} WHERE {}", named(table), its))
