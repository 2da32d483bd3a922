"""The audit log: who did what, and the whole chain as a file."""

from collections.abc import AsyncGenerator

import msgspec

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.http.endpoint.trails import Audit
from clicktrail.http.resources.catalogue import list_on
from clicktrail.model.access import ADMINS, ActorKind
from clicktrail.query import kinds
from clicktrail.query.fields import AUDIT, Field
from clicktrail.query.forms import check_form, decode_json
from clicktrail.query.grammar import Grammar
from clicktrail.store.privacy.audit import read_lines

_NDJSON = "application/x-ndjson"
COMMAND = {
    field.name: field
    for field in (
        Field(name="command", kind=kinds.COMMAND, nullable=False, doc="Its words.", example="token create"),
        Field(name="objectId", kind=kinds.TOKEN_ID, doc="The id of the token.", example="00c0ffee00c0ffee"),
    )
}
_PIECE = 1_000
"""Lines in memory at a time."""
_SAMPLE = '{"auditId":"6006dda20000000000000001","position":1,"action":"createLink","hash":"6b86b273ff34fce1"}\n'


async def export(call: Call) -> Answer:
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return Answer(200, b"", _NDJSON, headers, stream=_stream(call))


async def record_command(call: Call) -> Answer:
    """The entry is written like the entry of any other request; a command's own token makes it the command's."""
    values = check_form(decode_json(call.body), COMMAND, ("command",), "", call.reading)
    if call.trail is not None:
        is_command = call.viewer.actor_kind is ActorKind.COMMAND
        call.trail.action = values["command"] if is_command else call.trail.action
        call.trail.object_type, call.trail.object_id = values["command"].split(" ")[0], values.get("object_id")
    return NO_CONTENT


async def _stream(call: Call) -> AsyncGenerator[bytes, None]:
    """Lines are only added and never changed, so pieces that are read one after the other are one chain.

    Only the first piece is a query of the caller's: the server cannot watch twice whether a caller leaves.
    """
    query = call.asked.listing if call.asked.filtered is not None and call.asked.listing.conditions else None
    with call.services.exports.take(call.viewer.asker):
        lines = await call.ask(read_lines, 0, _PIECE, query)
        while lines:
            yield b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
            lines = await call.services.store.run(read_lines, lines[-1].position, _PIECE, query)


OPERATIONS = (
    list_on(AUDIT, "List the entries of the audit log", ADMINS),
    Operation(
        route="POST /audit",
        handler=record_command,
        name="recordCommand",
        summary="Add an entry about a command that works beside the server",
        doc="The commands send it themselves. The entry names the caller like any other.",
        scopes=ADMINS,
        body=Fields(name="CommandEntry", doc="A command.", fields=COMMAND, required=("command",)),
        statuses=(204, 422, 503),
    ),
    Operation(
        route="GET /audit/export",
        handler=export,
        name="exportAudit",
        summary="Export the audit log as NDJSON",
        doc="In the order of the chain. Without filters, `clicktrail audit verify FILE` checks the file.",
        scopes=ADMINS,
        needs_password=True,
        query=Grammar(resource=AUDIT, has_filters=True),
        media_type=_NDJSON,
        samples={_NDJSON: _SAMPLE},
        statuses=(200, 429, 503),
        audit=Audit.ALWAYS,
    ),
)
