from typing import Annotated

from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.model.access import ADMINS
from clicktrail.query import kinds
from clicktrail.query.fields import Field
from clicktrail.query.forms import check_form, decode_json
from clicktrail.store.objects import oauth_clients as clients

_EXAMPLE = "00c0ffee00c0ffee"
REVOCATION = {
    "tokenId": Field(name="tokenId", kind=kinds.TOKEN_ID, doc="The token's `jti`.", nullable=False, example=_EXAMPLE)
}


class RevokedToken(Document):
    """The token that was revoked."""

    token_id: Annotated[str, says("The token's `jti`.", _EXAMPLE)]


async def revoke_token(call: Call) -> Answer:
    values = check_form(decode_json(call.body), REVOCATION, REVOCATION, "", call.reading)
    await call.store.run(clients.revoke_token, values["token_id"])
    return NO_CONTENT


async def list_revoked(call: Call) -> Answer:
    """The newest first."""
    return json_answer([RevokedToken(token_id=each) for each in await call.store.run(clients.list_revoked_tokens)])


OPERATIONS = (
    Operation(
        route="POST /tokens/revocations",
        handler=revoke_token,
        name="revokeToken",
        summary="Revoke a token",
        scopes=ADMINS,
        needs_password=True,
        body=Fields(name="Revocation", doc="The token to revoke.", fields=REVOCATION, required=("tokenId",)),
        statuses=(204, 404, 422, 503),
    ),
    Operation(
        route="GET /tokens/revocations",
        handler=list_revoked,
        name="listRevokedTokens",
        summary="List the ids of all revoked tokens",
        scopes=ADMINS,
        answer=list[RevokedToken],
        statuses=(200, 503),
    ),
)
