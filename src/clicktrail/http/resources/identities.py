"""Identities: which person a browser belongs to."""

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.trails import Audit
from clicktrail.http.resources.catalogue import get_on, list_on
from clicktrail.model.access import ADMINS, OBSERVERS, RECORDERS
from clicktrail.query.fields import IDENTITY
from clicktrail.query.forms import parse_form
from clicktrail.store.registrations import identities


async def create_identity(call: Call) -> Answer:
    """Connects a browser to a person, so that the clicks of all their browsers count for them."""
    values = parse_form(call.body, IDENTITY, "POST", call.reading).values
    record, is_new = await call.store.run(identities.add_identity, **values)
    document = render_record(IDENTITY, record, call.language)
    if not is_new:
        return json_answer(document)
    return json_answer(document, 201, {"Location": call.url(f"{IDENTITY.path}/{record.identity_id}")})


async def delete_identity(call: Call) -> Answer:
    await call.store.run(identities.delete_identity, call.path[IDENTITY.id_field.name])
    return NO_CONTENT


OPERATIONS = (
    Operation(
        route="POST /identities",
        handler=create_identity,
        name="createIdentity",
        summary="Connect a browser to a person",
        scopes=RECORDERS,
        body=IDENTITY,
        answer=IDENTITY,
        statuses=(201, 200, 422, 503),
        audit=Audit.BY_HAND,
    ),
    list_on(IDENTITY, "List browsers and their persons", OBSERVERS),
    get_on(IDENTITY, "Get a browser and its person", OBSERVERS),
    Operation(
        route="DELETE /identities/{identityId}",
        handler=delete_identity,
        name="deleteIdentity",
        summary="Disconnect a browser from its person",
        scopes=ADMINS,
        statuses=(204, 404, 503),
    ),
)
