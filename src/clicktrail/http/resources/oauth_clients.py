"""OAuth clients and the revocation of tokens; for admins."""

from typing import Any

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.render import render_record
from clicktrail.model.access import PARTNERS, Scope
from clicktrail.query import kinds
from clicktrail.query.fields import CLIENT, Field
from clicktrail.query.forms import Values, check_form, decode_json, parse_form
from clicktrail.store.objects import oauth_clients as clients
from clicktrail.store.reads.records import Record

REVOCATION = {
    "tokenId": Field(
        name="tokenId", kind=kinds.TOKEN_ID, doc="The token's `jti`.", nullable=False, example="00c0ffee00c0ffee"
    )
}


async def create_client(call: Call) -> Answer:
    """Add a client; its secret is in the answer, and never again."""
    values = check_scope(parse_form(call.body, CLIENT, "POST", call.reading).values)
    record, secret = await call.store.run(clients.create_client, call.store.ids, values)
    location = call.url(f"/clients/{record['clientId']}")
    return json_answer(_with_secret(record, secret, call.language), 201, {"Location": location} | _NO_STORE)


async def rotate_secret(call: Call) -> Answer:
    """Give a client a new secret; the old one ends."""
    record, secret = await call.store.run(clients.rotate_secret, call.path["clientId"])
    return json_answer(_with_secret(record, secret, call.language), headers=_NO_STORE)


async def revoke_client(call: Call) -> Answer:
    """End a client and all its tokens."""
    await call.store.run(clients.revoke_client, call.path["clientId"])
    return NO_CONTENT


async def revoke_token(call: Call) -> Answer:
    """End one token."""
    values = check_form(decode_json(call.body), REVOCATION, REVOCATION, "", call.reading)
    await call.store.run(clients.revoke_token, values["tokenId"])
    return NO_CONTENT


async def list_revoked(call: Call) -> Answer:
    """The ids of all tokens that were revoked one by one, the newest first."""
    return json_answer([{"tokenId": token_id} for token_id in await call.store.run(clients.list_revoked_tokens)])


def check_scope(values: Values) -> Values:
    """The scope is one of ours, and a partner is named just where the scope is `partner`. Raises InvalidBody."""
    mistakes = []
    if values["scope"] not in set(Scope):
        mistakes.append(Mistake(f"must be one of {', '.join(Scope)}", pointer="/scope"))
    if (values["scope"] in PARTNERS) != (values.get("partnerId") is not None):
        mistakes.append(Mistake("must be given with the scopes partner and postback alone", pointer="/partnerId"))
    if mistakes:
        raise InvalidBody("The body is not valid.", tuple(mistakes))
    return values


_NO_STORE = {"Cache-Control": "no-store"}


def _with_secret(record: Record, secret: str, language: str) -> dict[str, Any]:
    return render_record(CLIENT, record, language) | {"clientSecret": secret}
