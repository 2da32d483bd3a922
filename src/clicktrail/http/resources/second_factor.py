"""The second factor of the caller's own user: an authenticator app that shows codes."""

from typing import Annotated

import segno

from clicktrail.errors import Conflict, InvalidBody, Mistake
from clicktrail.http.endpoint.audit import note
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.http.resources.signing_in import current, read, refuse_locked, session_key
from clicktrail.model.access import PEOPLE
from clicktrail.people.codes import enrolment_uri, find_step, new_secret
from clicktrail.query.fields.user import CODE
from clicktrail.store.objects import users

_CODE = {"code": CODE}
_EXAMPLE = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class SecondFactor(Document):
    """What an authenticator app needs. Only this answer shows it."""

    secret: Annotated[str, says("The secret in base 32, for typing.", _EXAMPLE)]
    uri: Annotated[
        str,
        says(
            "The same as the URI of a QR code.", f"otpauth://totp/Clicktrail:mary?secret={_EXAMPLE}&issuer=Clicktrail"
        ),
    ]
    qr: Annotated[str, says("The same as a QR code: the data URI of an SVG picture.", "data:image/svg+xml,%3Csvg/%3E")]


async def begin(call: Call) -> Answer:
    """Nothing changes until a code confirms the secret."""
    own, secret = current(call), new_secret()
    await call.store.run(users.begin_second_factor, own.user_id, secret)
    uri = enrolment_uri(secret, own.name)
    picture = segno.make_qr(uri, error="m").svg_data_uri(dark="#000", light="#fff", border=2)
    made = SecondFactor(secret=secret, uri=uri, qr=picture)
    return json_answer(made, headers={"Cache-Control": "no-store"})


async def confirm(call: Call) -> Answer:
    own, body = current(call), read(call, _CODE, "code")
    refuse_locked(call, session_key(own))
    secret = await call.store.run(users.find_pending_factor, own.user_id)
    if secret is None:
        raise Conflict("No second factor was begun; see POST /session/second-factor.")
    step = find_step(secret, body["code"], call.store.memory.clock.unix_s())
    if step is None:
        call.services.names.count_failure(session_key(own))
        raise InvalidBody("The body is not valid.", (Mistake("is not the current code", pointer="/code"),))
    await call.store.run(users.confirm_second_factor, own.user_id, secret, step)
    note(call, "second factor set", user=own.user_id)
    return NO_CONTENT


async def remove(call: Call) -> Answer:
    own = current(call)
    await call.store.run(users.remove_second_factor, own.user_id)
    note(call, "second factor removed", user=own.user_id)
    return NO_CONTENT


OPERATIONS = (
    Operation(
        route="POST /session/second-factor",
        handler=begin,
        name="beginSecondFactor",
        summary="Get a secret for an authenticator app",
        scopes=PEOPLE,
        needs_session=True,
        needs_password=True,
        answer=SecondFactor,
        statuses=(200, 404, 503),
    ),
    Operation(
        route="POST /session/second-factor/confirmation",
        handler=confirm,
        name="confirmSecondFactor",
        summary="Confirm the secret with a code",
        doc="From now on a sign-in needs a code as well. The code that confirms is used up.",
        scopes=PEOPLE,
        needs_session=True,
        needs_password=True,
        body=Fields(name="SecondFactorCode", doc="A code of the app.", fields=_CODE, required=("code",)),
        statuses=(204, 409, 422, 429, 503),
    ),
    Operation(
        route="DELETE /session/second-factor",
        handler=remove,
        name="removeSecondFactor",
        summary="Remove the second factor",
        scopes=PEOPLE,
        needs_session=True,
        needs_password=True,
        statuses=(204, 404, 503),
    ),
)
