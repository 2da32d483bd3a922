"""Users: who may sign in, with which scope, and what proves who they are. Invitations are in `invitations`, sessions
in `sessions`.
"""

from collections.abc import Mapping
from typing import Any

from clicktrail.errors import Conflict, InvalidBody, Mistake, NotFound
from clicktrail.model.access import PARTNERS, Scope
from clicktrail.model.ids import IdGenerator
from clicktrail.model.people import Credentials
from clicktrail.query.fields import USER
from clicktrail.store.objects.sessions import end_sessions
from clicktrail.store.reads.records import insert_row, update_row
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.relations import detach
from clicktrail.store.session.sql import Sql, sql
from clicktrail.store.session.transactions import Write, transaction

_CREDENTIALS = "SELECT user_id, name, enabled, password_hash, totp_secret FROM users WHERE {}"
_ADMIN = (
    "SELECT 1 FROM users u WHERE u.enabled AND u.scope = {} AND (u.password_hash IS NOT NULL OR EXISTS "
    "(SELECT 1 FROM invitations i WHERE i.user_id = u.user_id AND i.end_time > {})) LIMIT 1"
)
_UNSET = {"password_hash": None, "totp_secret": None, "totp_pending": None, "totp_step": None}


def find_credentials(session: Session, name: str) -> tuple[str, Credentials | None]:
    """The name in the form in which names are compared, and what a sign-in with it is checked against.

    Letter case and spaces around the name do not count.
    """
    [[folded]] = session.rows(sql("SELECT fold({}::VARCHAR)", name.strip()))
    return folded, _find(session, sql("fold(name) = {}", folded))


def get_credentials(session: Session, user_id: str) -> Credentials:
    """Raises NotFound."""
    found = _find(session, sql("user_id = {}", user_id))
    if found is None:
        raise NotFound(f"There is no user {user_id}.")
    return found


def _find(session: Session, where: Sql) -> Credentials | None:
    rows = session.rows(sql(_CREDENTIALS, where))
    if not rows:
        return None
    user_id, name, enabled, password_hash, totp_secret = rows[0]
    return Credentials(
        user_id=user_id, name=name, enabled=enabled, password_hash=password_hash, totp_secret=totp_secret
    )


def has_admin(session: Session) -> bool:
    """Whether an enabled admin has a password, or an invitation that is still valid."""
    return bool(session.rows(sql(_ADMIN, Scope.ADMIN.value, session.clock.now_us())))


@transaction(Write.CHANGE)
def create_user(session: Session, ids: IdGenerator, row: Mapping[str, Any]) -> str:
    """Adds a user without a password, and returns the id. Raises Conflict, InvalidBody."""
    return add_user(session, ids, row)


def add_user(session: Session, ids: IdGenerator, row: Mapping[str, Any]) -> str:
    """The work of `create_user`, inside a transaction; `row` may also have the hash of a password."""
    name = row["name"].strip()
    _refuse_taken(session, name, None)
    _check_partner(session, row["scope"], row["partner_id"])
    user_id = ids.new()
    insert_row(session, USER, {"user_id": user_id, "enabled": True, **row, "name": name})
    return user_id


@transaction(Write.CHANGE)
def update_user(session: Session, user_id: str, changes: Mapping[str, Any]) -> None:
    """Changes name, scope, partner or `enabled`. A disabled user's sessions end.

    Raises NotFound, Conflict, InvalidBody.
    """
    before = _get_rights(session, user_id)
    after = {**before, **changes}
    if after["scope"] not in PARTNERS and "partner_id" not in changes:
        after["partner_id"] = None
    if after["enabled"]:
        _check_partner(session, after["scope"], after["partner_id"])
    if not (after["enabled"] and after["scope"] == Scope.ADMIN):
        _refuse_last_admin(session, user_id)
    if "name" in changes:
        after["name"] = after["name"].strip()
        _refuse_taken(session, after["name"], user_id)
    update_row(session, USER, user_id, {name: value for name, value in after.items() if value != before[name]})
    if not after["enabled"]:
        end_sessions(session, user_id)
        session.rows(sql("DELETE FROM invitations WHERE user_id = {}", user_id))


@transaction(Write.CHANGE)
def delete_user(session: Session, user_id: str) -> None:
    """Deletes a user with all sessions and invitations. Raises NotFound, Conflict."""
    _get_rights(session, user_id)
    _refuse_last_admin(session, user_id)
    detach(session, "users", lambda column: sql("{} = {}", column, user_id))
    session.rows(sql("DELETE FROM users WHERE user_id = {}", user_id))


@transaction(Write.CHANGE)
def reset_user(session: Session, user_id: str) -> None:
    """Removes password and second factor, and ends all sessions. Raises NotFound."""
    _get_rights(session, user_id)
    update_row(session, USER, user_id, _UNSET)
    end_sessions(session, user_id)


@transaction(Write.CHANGE)
def set_password(session: Session, user_id: str, password_hash: str) -> None:
    """Replaces the password, and ends all sessions. Raises NotFound."""
    get_credentials(session, user_id)
    update_row(session, USER, user_id, {"password_hash": password_hash})
    end_sessions(session, user_id)


@transaction(Write.CHANGE)
def begin_second_factor(session: Session, user_id: str, secret: str) -> None:
    """Stores a secret that becomes the second factor when a code confirms it. Raises NotFound."""
    get_credentials(session, user_id)
    update_row(session, USER, user_id, {"totp_pending": secret})


def find_pending_factor(session: Session, user_id: str) -> str | None:
    """The secret that waits for its first code."""
    rows = session.rows(sql("SELECT totp_pending FROM users WHERE user_id = {}", user_id))
    return rows[0][0] if rows else None


@transaction(Write.CHANGE)
def confirm_second_factor(session: Session, user_id: str, secret: str, step: int) -> None:
    """From now on a sign-in needs a code of a later time step. Raises Conflict if `secret` was replaced meanwhile."""
    if find_pending_factor(session, user_id) != secret:
        raise Conflict("The second factor was begun again meanwhile; use its newest secret.")
    update_row(session, USER, user_id, {"totp_secret": secret, "totp_pending": None, "totp_step": step})


@transaction(Write.CHANGE)
def remove_second_factor(session: Session, user_id: str) -> None:
    """A sign-in needs no code any more. Raises NotFound."""
    get_credentials(session, user_id)
    update_row(session, USER, user_id, {"totp_secret": None, "totp_pending": None, "totp_step": None})


def _get_rights(session: Session, user_id: str) -> dict[str, Any]:
    columns = ("name", "scope", "partner_id", "enabled")
    rows = session.rows(sql("SELECT name, scope, partner_id, enabled FROM users WHERE user_id = {}", user_id))
    if not rows:
        raise NotFound(f"There is no user {user_id}.")
    return dict(zip(columns, rows[0], strict=True))


def _refuse_taken(session: Session, name: str, own_id: str | None) -> None:
    found = _find(session, sql("fold(name) = fold({})", name))
    if found is not None and found.user_id != own_id:
        raise Conflict("Another user has this name.", (Mistake(f"is taken by {found.user_id}", pointer="/name"),))


def _check_partner(session: Session, scope: str, partner_id: str | None) -> None:
    """A partner is required with the scope partner, and not allowed with others. Raises InvalidBody."""
    detail = None
    if (scope in PARTNERS) != (partner_id is not None):
        detail = "must be given with the scope partner, and with no other scope"
    elif partner_id and not session.rows(sql("SELECT 1 FROM profiles WHERE profile_id = {}", partner_id)):
        detail = f"there is no profile {partner_id}"
    if detail is not None:
        raise InvalidBody("The body is not valid.", (Mistake(detail, pointer="/partnerId"),))


def _refuse_last_admin(session: Session, user_id: str) -> None:
    """Raises Conflict if no other user could give users their rights back.

    An admin who has not accepted the invitation counts only while no admin has a password.
    """
    found = "SELECT user_id, password_hash IS NOT NULL FROM users WHERE enabled AND scope = {}"
    admins = session.rows(sql(found, Scope.ADMIN.value))
    ready = [row[0] for row in admins if row[1]] or [row[0] for row in admins]
    if ready == [user_id]:
        raise Conflict("This is the last enabled user with the scope admin; invite another one first.")
