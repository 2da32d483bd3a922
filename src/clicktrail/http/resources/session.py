"""The caller's own session: sign in, sign out, and the password."""

from dataclasses import replace
from typing import Annotated

import msgspec

from clicktrail.http.endpoint.audit import note
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, Id, says
from clicktrail.http.endpoint.operation import PUBLIC, Fields, Operation
from clicktrail.http.resources.signing_in import (
    MAX_SIGN_IN_BYTES,
    CurrentSession,
    Rights,
    begin,
    current,
    forget,
    prove,
    prove_again,
    read,
    render_rights,
    render_session,
)
from clicktrail.model.access import PEOPLE, Scope
from clicktrail.model.people import Proof
from clicktrail.query.fields.user import NAME, NEW_PASSWORD, OLD_PASSWORD, OPTIONAL_CODE, PASSWORD
from clicktrail.store.objects import sessions, users

SIGN_IN = {field.name: field for field in (NAME, PASSWORD, OPTIONAL_CODE)}
CONFIRMATION = {"password": PASSWORD}
NEW = {field.name: field for field in (OLD_PASSWORD, NEW_PASSWORD)}


class Access(Document):
    """What the caller may do."""

    scope: Annotated[str, says("The scope.", "partner", extra_json_schema={"enum": sorted(Scope)})]
    partner_id: Annotated[Id | None, says("The partner whose data alone the caller sees.")]
    rights: Rights
    sees_contacts: Annotated[bool, says("Whether contact values are shown whole.", True)]


async def sign_in(call: Call) -> Answer:
    """The session gets a new secret: no one can prepare one before the sign-in."""
    body = read(call, SIGN_IN, "name", "password")
    return await begin(call, await prove(call, body["name"], body["password"], body.get("code")))


async def get_access(call: Call) -> Answer:
    viewer = call.viewer
    return json_answer(
        Access(
            scope=viewer.scope,
            partner_id=viewer.partner_id,
            rights=render_rights(viewer),
            sees_contacts=viewer.sees_contacts,
        )
    )


async def get_session(call: Call) -> Answer:
    return json_answer(render_session(call, current(call)))


async def sign_out(call: Call) -> Answer:
    own = current(call)
    await call.store.run(sessions.end_session, own.user_id, own.session_id)
    note(call, "signed out", session=own.session_id)
    return replace(NO_CONTENT, headers=forget(call))


async def confirm(call: Call) -> Answer:
    own, body = current(call), read(call, CONFIRMATION, "password")
    await prove_again(call, own, body["password"])
    confirm_time = await call.store.run(sessions.note_confirmation, own.session_id)
    return json_answer(render_session(call, msgspec.structs.replace(own, confirm_time=confirm_time)))


async def change_password(call: Call) -> Answer:
    """Ends all sessions of the user, and begins a new one here."""
    own, body = current(call), read(call, NEW, "current", "password")
    await prove_again(call, own, body["current"])
    fresh = await call.services.passwords.hash(body["password"])
    await call.store.run(users.set_password, own.user_id, fresh)
    note(call, "password changed", user=own.user_id)
    return await begin(call, Proof(user_id=own.user_id, password_hash=fresh), 200)


OPERATIONS = (
    Operation(
        route="POST /session",
        handler=sign_in,
        name="signIn",
        summary="Sign in",
        doc="Sets the cookie of a session, which has the rights of a token of the user's scope. If the user has a "
        "second factor and the code is missing, the answer is 401 of the type `urn:clicktrail:problem:code-required`.",
        scopes=PUBLIC,
        is_sign_in=True,
        body=Fields(
            name="SignIn",
            doc="What a user knows, and the code of the second factor.",
            fields=SIGN_IN,
            required=("name", "password"),
        ),
        max_bytes=MAX_SIGN_IN_BYTES,
        answer=CurrentSession,
        statuses=(201, 401, 403, 422, 429, 503),
    ),
    Operation(
        route="GET /session",
        handler=get_session,
        name="getSession",
        summary="Get the own session and user",
        scopes=PEOPLE,
        needs_session=True,
        answer=CurrentSession,
        statuses=(200, 503),
    ),
    Operation(
        route="GET /access",
        handler=get_access,
        name="getAccess",
        summary="Get what the own token or session may do",
        scopes=frozenset(Scope),
        answer=Access,
    ),
    Operation(
        route="DELETE /session",
        handler=sign_out,
        name="signOut",
        summary="Sign out",
        scopes=PEOPLE,
        needs_session=True,
        statuses=(204, 404, 503),
    ),
    Operation(
        route="POST /session/confirmation",
        handler=confirm,
        name="confirmPassword",
        summary="Type the password again",
        doc="Allows this session for five minutes what needs the password: changes of users, OAuth clients and "
        "revocations, exports and backups. A sign-in does the same.",
        scopes=PEOPLE,
        needs_session=True,
        body=Fields(
            name="Confirmation", doc="The password of the signed-in user.", fields=CONFIRMATION, required=("password",)
        ),
        max_bytes=MAX_SIGN_IN_BYTES,
        answer=CurrentSession,
        statuses=(200, 422, 429, 503),
    ),
    Operation(
        route="POST /session/password",
        handler=change_password,
        name="changePassword",
        summary="Change the own password",
        doc="Ends all sessions of the user. The answer begins a new one.",
        scopes=PEOPLE,
        needs_session=True,
        body=Fields(
            name="NewPassword",
            doc="The current and the new password.",
            fields=NEW,
            required=("current", "password"),
        ),
        max_bytes=MAX_SIGN_IN_BYTES,
        answer=CurrentSession,
        statuses=(200, 422, 429, 503),
    ),
)
