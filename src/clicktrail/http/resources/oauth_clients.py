from typing import Any

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.resources.catalogue import list_on
from clicktrail.model.access import ADMINS, PARTNERS, Scope
from clicktrail.query.fields import CLIENT, CLIENT_SECRET, Record
from clicktrail.query.forms import Values, parse_form
from clicktrail.store.objects import oauth_clients as clients

_NO_STORE = {"Cache-Control": "no-store"}


async def create_client(call: Call) -> Answer:
    """The answer contains the secret. No later answer shows it."""
    values = check_scope(parse_form(call.body, CLIENT, "POST", call.reading).values)
    record, secret = await call.store.run(clients.create_client, call.store.ids, values)
    location = call.url(f"/clients/{record.client_id}")
    return json_answer(render_secret(record, secret, call.language), 201, {"Location": location} | _NO_STORE)


async def rotate_secret(call: Call) -> Answer:
    record, secret = await call.store.run(clients.rotate_secret, call.path["clientId"])
    return json_answer(render_secret(record, secret, call.language), headers=_NO_STORE)


async def revoke_client(call: Call) -> Answer:
    await call.store.run(clients.revoke_client, call.path["clientId"])
    return NO_CONTENT


def check_scope(values: Values) -> Values:
    """The scope must exist. A partner is required with partners' scopes, and not allowed with others. Raises
    InvalidBody.
    """
    mistakes = []
    if values["scope"] not in set(Scope):
        mistakes.append(Mistake(f"must be one of {', '.join(Scope)}", pointer="/scope"))
    if (values["scope"] in PARTNERS) != (values.get("partner_id") is not None):
        mistakes.append(
            Mistake("must be given with the scopes partner and postback, and with no other scope", pointer="/partnerId")
        )
    if mistakes:
        raise InvalidBody("The body is not valid.", tuple(mistakes))
    return values


def render_secret(record: Record, secret: str, language: str) -> dict[str, Any]:
    return render_record(CLIENT, record, language) | {"clientSecret": secret}


OPERATIONS = (
    list_on(CLIENT, "List OAuth clients", ADMINS),
    Operation(
        route="POST /clients",
        handler=create_client,
        name="createClient",
        summary="Add an OAuth client",
        scopes=ADMINS,
        needs_password=True,
        body=CLIENT,
        answer=CLIENT_SECRET,
        statuses=(201, 404, 422, 503),
    ),
    Operation(
        route="POST /clients/{clientId}/secret",
        handler=rotate_secret,
        name="rotateClientSecret",
        summary="Give an OAuth client a new secret",
        scopes=ADMINS,
        needs_password=True,
        answer=CLIENT_SECRET,
        statuses=(200, 404, 422, 503),
    ),
    Operation(
        route="DELETE /clients/{clientId}",
        handler=revoke_client,
        name="revokeClient",
        summary="Revoke an OAuth client and its tokens",
        scopes=ADMINS,
        needs_password=True,
        statuses=(204, 404, 422, 503),
    ),
)
