"""What every way to sign in shares: the lock against guessing, the proof, and the answer with the cookie."""

import secrets
from collections.abc import Mapping
from typing import Annotated

import msgspec

from clicktrail.errors import CodeRequired, Unauthenticated
from clicktrail.http.endpoint.access import viewer_of
from clicktrail.http.endpoint.audit import note, prove_as, tell
from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.cookies import CHALLENGE, render_cookie
from clicktrail.http.endpoint.documents import Document, Id, Moment, says
from clicktrail.model.access import PEOPLE, ActorKind, Right, Viewer
from clicktrail.model.people import CONFIRMED, Credentials, Proof, SignedIn, Visit
from clicktrail.model.times import render_time
from clicktrail.people.codes import find_step
from clicktrail.query.fields import MAX_CLICK_TEXT, Field
from clicktrail.query.forms import Values, check_form, decode_json
from clicktrail.store.objects.oauth_clients import hash_secret
from clicktrail.store.objects.sessions import begin_session
from clicktrail.store.objects.users import find_credentials, get_credentials

_SECRET_BYTES = 32
MAX_SIGN_IN_BYTES = 16 * 1024
"""Enough for a name and two passwords of the greatest length in any script."""


Rights = Annotated[
    list[Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(Right)})]],
    says("Which of links and postbacks the caller may change; a partner only its own.", ["links"]),
]


class CurrentSession(Document):
    """The caller's session and user."""

    session_id: Annotated[Id, says("The session.")]
    user_id: Annotated[Id, says("The user.")]
    name: Annotated[str, says("The user's name.", "mary")]
    scope: Annotated[str, says("What the user may do.", "admin", extra_json_schema={"enum": sorted(PEOPLE)})]
    partner_id: Annotated[Id | None, says("The partner of a user with the scope `partner`.")]
    rights: Rights
    has_second_factor: Annotated[bool, says("Whether a sign-in needs a code as well.", False)]
    create_time: Annotated[Moment, says("When the user signed in.")]
    end_time: Annotated[
        Moment, says("When the session ends at the latest. It ends earlier after 12 hours without use.")
    ]
    confirmed_until: Annotated[Moment, says("Until when the session may do what needs the password.")]


def render_rights(viewer: Viewer) -> list[str]:
    return sorted(viewer.changes)


def render_session(call: Call, found: SignedIn) -> CurrentSession:
    return CurrentSession(
        session_id=found.session_id,
        user_id=found.user_id,
        name=found.name,
        scope=found.scope,
        partner_id=found.partner_id,
        rights=render_rights(viewer_of(call.services, found)),
        has_second_factor=found.has_second_factor,
        create_time=render_time(found.create_time),
        end_time=render_time(found.end_time),
        confirmed_until=render_time(found.confirm_time + CONFIRMED),
    )


def current(call: Call) -> SignedIn:
    """The session of an operation that declares `needs_session`."""
    if call.signed_in is None:
        raise Unauthenticated("This needs a session.", headers=dict(CHALLENGE))
    return call.signed_in


def read(call: Call, fields: Mapping[str, Field], *required: str) -> Values:
    """The body. Raises MalformedRequest, InvalidBody."""
    return check_form(decode_json(call.body), fields, required, "", call.reading)


async def prove(call: Call, name: str, password: str, code: str | None = None) -> Proof:
    """Checks a user's name, password and code.

    A wrong name takes as long as a wrong password, and both are counted for the address and for the name, as the store
    compares names. So an attempt shows no one whether a name exists. Raises Unauthenticated, CodeRequired,
    TooManyRequests, Unavailable.
    """
    folded, credentials = await call.store.run(find_credentials, name)
    key = f"name {folded}"
    found = await _check_password(call, key, credentials, password, "The name or the password is wrong.")
    if found.totp_secret is None:
        return _proof(found)
    if code is None:
        raise CodeRequired("The user has a second factor: send its `code` as well.", headers=dict(CHALLENGE))
    step = find_step(found.totp_secret, code, call.store.memory.clock.unix_s())
    if step is None:
        raise refuse(call, key, found, "The code is wrong. It changes every 30 seconds.")
    return msgspec.structs.replace(_proof(found), totp_step=step)


async def prove_again(call: Call, own: SignedIn, password: str) -> Proof:
    """Checks the password in a session. Failures are counted for the session, so strangers cannot lock it.

    Raises Unauthenticated, TooManyRequests, Unavailable.
    """
    credentials = await call.store.run(get_credentials, own.user_id)
    return _proof(await _check_password(call, session_key(own), credentials, password, "The password is wrong."))


def session_key(own: SignedIn) -> str:
    """Under which failures in a session are counted."""
    return f"session {own.session_id}"


async def _check_password(call: Call, key: str, found: Credentials | None, password: str, refusal: str) -> Credentials:
    refuse_locked(call, key)
    is_right = await call.services.passwords.check(found.password_hash if found else None, password)
    refuse_locked(call, key)  # parallel attempts may have caused the lock meanwhile; none of them is answered
    if not is_right or found is None or found.password_hash is None or not found.enabled:
        raise refuse(call, key, found, refusal)
    return found


def _proof(found: Credentials) -> Proof:
    return Proof(user_id=found.user_id, password_hash=found.password_hash or "")


def refuse_locked(call: Call, key: str) -> None:
    """Raises TooManyRequests while the address, or the name or session in `key`, is locked out."""
    call.services.lockout.refuse_locked(call.client_address)
    call.services.names.refuse_locked(key)


def refuse(call: Call, key: str, found: Credentials | None, detail: str) -> Unauthenticated:
    """Counts and logs a failed attempt."""
    call.services.lockout.count_failure(call.client_address)
    call.services.names.count_failure(key)
    tell(call, **({"user": found.user_id} if found else {}))
    note(call, "sign-in failed", user=found.user_id if found else None)
    return Unauthenticated(detail, headers=dict(CHALLENGE))


async def begin(call: Call, proof: Proof, status: int = 201) -> Answer:
    """Begins a session with a new secret, whatever cookie the request has."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    prove_as(call, ActorKind.USER, proof.user_id)
    visit = Visit(address=call.client_address, user_agent=call.headers.get("user-agent", "")[:MAX_CLICK_TEXT])
    found = await call.store.run(begin_session, call.store.ids, proof, hash_secret(secret), visit)
    note(call, "signed in", user=proof.user_id, session=found.session_id)
    return json_answer(render_session(call, found), status, _headers(call, secret))


def forget(call: Call) -> dict[str, str]:
    """The headers that delete the cookie."""
    return _headers(call, "")


def _headers(call: Call, secret: str) -> dict[str, str]:
    cookie = render_cookie(call.services.limits, call.scope, call.headers, secret)
    location = {"Location": call.url("/session")} if secret else {}
    return {**cookie, **location, "Cache-Control": "no-store"}
