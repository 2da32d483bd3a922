"""Lists of sessions, for their owner and for admins: where someone is signed in, and how to end that."""

from dataclasses import replace
from typing import Annotated

from clicktrail.http.endpoint.audit import note
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, Id, Moment, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.resources.signing_in import current, forget
from clicktrail.model.access import ADMINS, PEOPLE
from clicktrail.model.times import render_time
from clicktrail.store.objects import sessions


class ListedSession(Document):
    """A session of a user."""

    session_id: Annotated[Id, says("The session.")]
    is_current: Annotated[bool, says("Whether this request belongs to it.", True)]
    create_time: Annotated[Moment, says("When the user signed in.")]
    last_used_time: Annotated[Moment, says("When it was used last; exact to a minute.")]
    end_time: Annotated[Moment, says("When it ends at the latest.")]
    address: Annotated[str, says("The IP address of the sign-in.", "192.0.2.7")]
    user_agent: Annotated[str, says("The browser of the sign-in.", "Mozilla/5.0")]


async def list_own(call: Call) -> Answer:
    return await _list(call, current(call).user_id)


async def list_of_user(call: Call) -> Answer:
    return await _list(call, call.path["userId"])


async def _list(call: Call, user_id: str) -> Answer:
    own = call.signed_in.session_id if call.signed_in else None
    return json_answer(
        [
            ListedSession(
                session_id=each.session_id,
                is_current=each.session_id == own,
                create_time=render_time(each.create_time),
                last_used_time=render_time(each.seen_time),
                end_time=render_time(each.end_time),
                address=each.address,
                user_agent=each.user_agent,
            )
            for each in await call.store.run(sessions.list_sessions, user_id)
        ]
    )


async def end_own(call: Call) -> Answer:
    own, session_id = current(call), call.path["sessionId"]
    await call.store.run(sessions.end_session, own.user_id, session_id)
    note(call, "signed out", session=session_id)
    return replace(NO_CONTENT, headers=forget(call)) if session_id == own.session_id else NO_CONTENT


async def end_all_own(call: Call) -> Answer:
    await _end_all(call, current(call).user_id)
    return replace(NO_CONTENT, headers=forget(call))


async def end_all_of_user(call: Call) -> Answer:
    await _end_all(call, call.path["userId"])
    return NO_CONTENT


async def _end_all(call: Call, user_id: str) -> None:
    await call.store.run(sessions.sign_out_everywhere, user_id)
    note(call, "signed out everywhere", user=user_id)


OPERATIONS = (
    Operation(
        route="GET /sessions",
        handler=list_own,
        name="listSessions",
        summary="List the own sessions",
        scopes=PEOPLE,
        needs_session=True,
        answer=list[ListedSession],
        statuses=(200, 404, 503),
    ),
    Operation(
        route="DELETE /sessions",
        handler=end_all_own,
        name="endSessions",
        summary="Sign out everywhere",
        scopes=PEOPLE,
        needs_session=True,
        statuses=(204, 404, 503),
    ),
    Operation(
        route="DELETE /sessions/{sessionId}",
        handler=end_own,
        name="endSession",
        summary="End one of the own sessions",
        scopes=PEOPLE,
        needs_session=True,
        statuses=(204, 404, 503),
    ),
    Operation(
        route="GET /users/{userId}/sessions",
        handler=list_of_user,
        name="listUserSessions",
        summary="List the sessions of a user",
        scopes=ADMINS,
        answer=list[ListedSession],
        statuses=(200, 404, 503),
    ),
    Operation(
        route="DELETE /users/{userId}/sessions",
        handler=end_all_of_user,
        name="endUserSessions",
        summary="End all sessions of a user",
        scopes=ADMINS,
        statuses=(204, 404, 503),
    ),
)
