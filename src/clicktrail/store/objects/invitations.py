"""Invitations: links with which a user sets a password. Stored as hashes, used once."""

import secrets
from typing import NamedTuple

from clicktrail.errors import Conflict, InvalidBody, Mistake, Unauthenticated
from clicktrail.model import people
from clicktrail.model.access import Scope
from clicktrail.model.ids import IdGenerator
from clicktrail.model.people import Invited
from clicktrail.query.fields import USER
from clicktrail.store.objects.oauth_clients import hash_secret
from clicktrail.store.objects.sessions import end_sessions
from clicktrail.store.objects.users import add_user, get_credentials, has_admin
from clicktrail.store.reads.records import update_row
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import insert_into, sql
from clicktrail.store.session.transactions import Write, transaction

_SECRET_BYTES = 32
_FOUND = (
    "SELECT i.user_id, u.name FROM invitations i LEFT JOIN users u ON u.user_id = i.user_id "
    "WHERE i.token_hash = {} AND i.end_time > {} AND (i.user_id IS NULL OR u.enabled)"
)


class Invitation(NamedTuple):
    """The secret of the link, which cannot be read again, and the time when it ends."""

    token: str
    end_time: int


@transaction(Write.CHANGE)
def invite_first(session: Session) -> Invitation | None:
    """The invitation of the first user, an admin; None if there is an admin."""
    return None if has_admin(session) else _insert(session, None, people.FIRST_INVITATION)


@transaction(Write.CHANGE)
def invite(session: Session, user_id: str) -> Invitation:
    """A new invitation of a user; earlier ones end. Raises NotFound, Conflict for a user who has a password."""
    user = get_credentials(session, user_id)
    if user.password_hash is not None:
        raise Conflict("This user has a password. A reset removes it, and then the user can be invited.")
    if not user.enabled:
        raise Conflict("This user is disabled; enable the user first.")
    session.rows(sql("DELETE FROM invitations WHERE user_id = {}", user_id))
    return _insert(session, user_id, people.INVITATION)


def _insert(session: Session, user_id: str | None, lifetime: int) -> Invitation:
    token, now = secrets.token_urlsafe(_SECRET_BYTES), session.clock.now_us()
    session.rows(sql("DELETE FROM invitations WHERE end_time <= {}", now))
    row = {"token_hash": hash_secret(token), "user_id": user_id, "create_time": now, "end_time": now + lifetime}
    session.rows(insert_into("invitations", row))
    return Invitation(token, now + lifetime)


def find_invited(session: Session, token: str) -> Invited:
    """What an invitation is for. Raises Unauthenticated."""
    rows = session.rows(sql(_FOUND, hash_secret(token), session.clock.now_us()))
    if not rows or (rows[0][0] is None and has_admin(session)):
        raise Unauthenticated("This link is not valid any more: it was used or replaced, or its time is over.")
    return Invited(user_id=rows[0][0], name=rows[0][1])


@transaction(Write.CHANGE)
def accept(session: Session, ids: IdGenerator, token: str, name: str | None, password_hash: str) -> str:
    """Sets the password, uses up the invitation, and returns the user's id. Makes the first user, an admin.

    Raises Unauthenticated, InvalidBody.
    """
    invited = find_invited(session, token)
    if invited.user_id is None:
        session.rows(sql("DELETE FROM invitations WHERE user_id IS NULL"))
        row = {"name": check_name(invited, name), "scope": Scope.ADMIN.value, "partner_id": None}
        return add_user(session, ids, {**row, "password_hash": password_hash})
    check_name(invited, name)
    session.rows(sql("DELETE FROM invitations WHERE user_id = {}", invited.user_id))
    update_row(session, USER, invited.user_id, {"password_hash": password_hash})
    end_sessions(session, invited.user_id)
    return invited.user_id


def check_name(invited: Invited, name: str | None) -> str:
    """The name of the user. Raises InvalidBody if the first user has none, or another user another one."""
    detail = None
    if invited.name is None and not (name or "").strip():
        detail = "is required for the first user"
    elif invited.name is not None and name not in (None, "", invited.name):
        detail = "differs from the name of the invited user; omit it"
    if detail is not None:
        raise InvalidBody("The body is not valid.", (Mistake(detail, pointer="/name"),))
    return invited.name or name or ""
