"""POST /welcome: the link of an invitation becomes a password and a session."""

from clicktrail.errors import Unauthenticated
from clicktrail.http.endpoint.audit import note, prove_as
from clicktrail.http.endpoint.call import Answer, Call
from clicktrail.http.endpoint.cookies import CHALLENGE
from clicktrail.http.endpoint.operation import PUBLIC, Fields, Operation
from clicktrail.http.resources.signing_in import MAX_SIGN_IN_BYTES, CurrentSession, begin, read
from clicktrail.model.access import ActorKind
from clicktrail.model.people import Proof
from clicktrail.query.fields.user import FIRST_NAME, NEW_PASSWORD, TOKEN
from clicktrail.store.objects import invitations

WELCOME = {field.name: field for field in (TOKEN, FIRST_NAME, NEW_PASSWORD)}


async def welcome(call: Call) -> Answer:
    """A wrong link counts as a failed attempt of the address."""
    call.services.lockout.refuse_locked(call.client_address)
    body = read(call, WELCOME, "token", "password")
    name = body.get("name")
    try:
        invited = await call.store.run(invitations.find_invited, body["token"])
        invitations.check_name(invited, name)
        if invited.user_id is not None:
            prove_as(call, ActorKind.USER, invited.user_id, ("user", invited.user_id))
        fresh = await call.services.passwords.hash(body["password"])
        user_id = await call.store.run(invitations.accept, call.store.ids, body["token"], name, fresh)
    except Unauthenticated as error:
        call.services.lockout.count_failure(call.client_address)
        note(call, "invitation refused")
        error.headers = {**error.headers, **CHALLENGE}
        raise
    note(call, "invitation accepted", user=user_id)
    return await begin(call, Proof(user_id=user_id, password_hash=fresh))


OPERATIONS = (
    Operation(
        route="POST /welcome",
        handler=welcome,
        name="acceptInvitation",
        summary="Set the password of an invited user, and sign in",
        doc="The link of an invitation is good for one use. The first user chooses a name, and has the scope `admin`.",
        scopes=PUBLIC,
        is_sign_in=True,
        body=Fields(
            name="Welcome",
            doc="The token of the link, and the new password.",
            fields=WELCOME,
            required=("token", "password"),
        ),
        max_bytes=MAX_SIGN_IN_BYTES,
        answer=CurrentSession,
        statuses=(201, 401, 403, 409, 422, 429, 503),
    ),
)
