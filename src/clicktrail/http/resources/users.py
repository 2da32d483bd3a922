"""Users: who may sign in."""

from typing import Annotated

from clicktrail.http.endpoint.audit import note
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, Moment, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import Json, render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item
from clicktrail.http.resources.catalogue import get_on, list_on
from clicktrail.model.access import ADMINS, SYSTEM
from clicktrail.model.times import render_time
from clicktrail.query.fields import USER
from clicktrail.query.forms import parse_form
from clicktrail.store.objects import invitations, users
from clicktrail.store.reads.records import get_record

_NO_STORE = {"Cache-Control": "no-store"}


class Invitation(Document):
    """The link with which a user sets a password. Only this answer shows it."""

    url: Annotated[
        str, says("The link. What follows `#` is never sent to a server.", "https://x.example/welcome#q3vJx0")
    ]
    end_time: Annotated[Moment, says("When the link ends, if it is not used before.")]


async def create_user(call: Call) -> Answer:
    """The user cannot sign in before an invitation was accepted."""
    values = parse_form(call.body, USER, "POST", call.reading).values
    row = {"partner_id": None, "enabled": True, **values}
    user_id = await call.store.run(users.create_user, call.store.ids, row)
    note(call, "user created", user=user_id)
    return json_answer(await _show(call, user_id), 201, {"Location": call.url(f"{USER.path}/{user_id}")})


async def update_user(call: Call) -> Answer:
    form, user_id = parse_form(call.body, USER, "PATCH", call.reading), call.path["userId"]
    await refuse_changed_item(call, USER, form)
    await call.store.run(users.update_user, user_id, form.values)
    note(call, "user changed", user=user_id)
    return json_answer(await _show(call, user_id))


async def delete_user(call: Call) -> Answer:
    await call.store.run(users.delete_user, call.path["userId"])
    note(call, "user deleted", user=call.path["userId"])
    return NO_CONTENT


async def invite(call: Call) -> Answer:
    made = await call.store.run(invitations.invite, call.path["userId"])
    note(call, "user invited", user=call.path["userId"])
    return _answer(call, made)


async def reset(call: Call) -> Answer:
    """Removes password and second factor, and invites the user again."""
    await call.store.run(users.reset_user, call.path["userId"])
    note(call, "user reset", user=call.path["userId"])
    return await invite(call)


def _answer(call: Call, made: invitations.Invitation) -> Answer:
    shown = Invitation(url=call.url(f"/welcome#{made.token}"), end_time=render_time(made.end_time))
    return json_answer(shown, headers=_NO_STORE)


async def _show(call: Call, user_id: str) -> Json:
    return render_record(USER, await call.store.run(get_record, SYSTEM, USER, user_id), call.language)


OPERATIONS = (
    list_on(USER, scopes=ADMINS),
    get_on(USER, scopes=ADMINS),
    Operation(
        route="POST /users",
        handler=create_user,
        name="createUser",
        summary="Add a user",
        doc="The user can sign in after an invitation (`POST /users/{userId}/invitation`) was accepted.",
        scopes=ADMINS,
        needs_password=True,
        body=USER,
        answer=USER,
        statuses=(201, 409, 422, 503),
    ),
    Operation(
        route="PATCH /users/{userId}",
        handler=update_user,
        name="updateUser",
        summary="Change a user",
        scopes=ADMINS,
        needs_password=True,
        body=USER,
        answer=USER,
        statuses=(200, 404, 409, 422, 503),
    ),
    Operation(
        route="DELETE /users/{userId}",
        handler=delete_user,
        name="deleteUser",
        summary="Delete a user and all sessions of the user",
        scopes=ADMINS,
        needs_password=True,
        statuses=(204, 404, 409, 503),
    ),
    Operation(
        route="POST /users/{userId}/invitation",
        handler=invite,
        name="inviteUser",
        summary="Make a link with which the user sets a password",
        doc="The link is good for one use within seven days; earlier links end. A user with a password must be reset.",
        scopes=ADMINS,
        needs_password=True,
        answer=Invitation,
        statuses=(200, 404, 409, 503),
    ),
    Operation(
        route="POST /users/{userId}/reset",
        handler=reset,
        name="resetUser",
        summary="Remove password and second factor, and invite again",
        doc="Ends all sessions of the user. The answer is the link of a new invitation.",
        scopes=ADMINS,
        needs_password=True,
        answer=Invitation,
        statuses=(200, 404, 409, 503),
    ),
)
