"""Sessions of users. A session's secret is stored as its hash (`hash_secret`), and every request reads its row."""

from clicktrail.errors import NotFound, Unauthenticated
from clicktrail.model import people
from clicktrail.model.access import Scope
from clicktrail.model.ids import IdGenerator
from clicktrail.model.people import OwnSession, Proof, SignedIn, Visit
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import and_, insert_into, sql, update
from clicktrail.store.session.transactions import Write, question, transaction

_FOUND = (
    "SELECT s.session_id, s.user_id, s.create_time, s.seen_time, s.confirm_time, s.end_time, "
    "u.name, u.scope, u.partner_id, u.totp_secret IS NOT NULL FROM sessions s JOIN users u ON u.user_id = s.user_id "
    "WHERE s.token_hash = {} AND u.enabled AND s.end_time > {} AND s.seen_time > {}"
)
_LISTED = (
    "SELECT session_id, create_time, seen_time, end_time, address, user_agent FROM sessions "
    "WHERE user_id = {} AND end_time > {} AND seen_time > {} ORDER BY seen_time DESC, session_id"
)
_SURPLUS = "SELECT session_id FROM sessions WHERE user_id = {} ORDER BY seen_time DESC, session_id OFFSET {}"


@question(lambda *_, **__: True)
def find_session(session: Session, token_hash: str) -> SignedIn | None:
    """The session and its user, if neither has ended: one row, read by its key."""
    now = session.clock.now_us()
    rows = session.rows(sql(_FOUND, token_hash, now, now - people.IDLE))
    if not rows:
        return None
    session_id, user_id, created, seen, confirmed, ends, name, scope, partner_id, has_second_factor = rows[0]
    return SignedIn(
        session_id=session_id,
        user_id=user_id,
        name=name,
        scope=Scope(scope),
        partner_id=partner_id,
        create_time=created,
        seen_time=seen,
        confirm_time=confirmed,
        end_time=ends,
        has_second_factor=has_second_factor,
    )


@transaction(Write.CHANGE)
def begin_session(session: Session, ids: IdGenerator, proof: Proof, token_hash: str, visit: Visit) -> SignedIn:
    """Adds a session, and deletes sessions that have ended.

    Raises Unauthenticated if the user was disabled or the password was changed since it was checked, or if the code
    was used before.
    """
    _accept(session, proof)
    now = session.clock.now_us()
    session.rows(sql("DELETE FROM sessions WHERE end_time <= {} OR seen_time <= {}", now, now - people.IDLE))
    row = {
        "session_id": ids.new(),
        "token_hash": token_hash,
        "user_id": proof.user_id,
        **dict.fromkeys(("create_time", "seen_time", "confirm_time"), now),
        "end_time": now + people.LONGEST,
        "address": visit.address,
        "user_agent": visit.user_agent,
    }
    session.rows(insert_into("sessions", row))
    for (surplus,) in session.rows(sql(_SURPLUS, proof.user_id, people.MAX_SESSIONS)):
        session.rows(sql("DELETE FROM sessions WHERE session_id = {}", surplus))
    found = find_session(session, token_hash)
    if found is None:
        raise Unauthenticated("The session has ended; sign in again.")
    return found


def _accept(session: Session, proof: Proof) -> None:
    """Uses up the code. Raises Unauthenticated."""
    its = sql("user_id = {}", proof.user_id)
    still = and_(its, sql("enabled"), sql("password_hash = {}", proof.password_hash))
    rows = session.rows(sql("SELECT coalesce(totp_step, 0) FROM users WHERE {}", still))
    if not rows or (proof.totp_step is not None and proof.totp_step <= rows[0][0]):
        raise Unauthenticated("The user was changed meanwhile, or the code was used before; try again.")
    if proof.totp_step is not None:
        session.rows(update("users", {"totp_step": proof.totp_step}, its))


@transaction(Write.QUEUE, is_single=True)
def note_use(session: Session, session_id: str) -> None:
    """The session was used now."""
    session.rows(sql("UPDATE sessions SET seen_time = {} WHERE session_id = {}", session.clock.now_us(), session_id))


@transaction(Write.QUEUE, is_single=True)
def note_confirmation(session: Session, session_id: str) -> int:
    """The user has typed the password again. Returns the time that is stored."""
    now = session.clock.now_us()
    session.rows(sql("UPDATE sessions SET confirm_time = {} WHERE session_id = {}", now, session_id))
    return now


def list_sessions(session: Session, user_id: str) -> list[OwnSession]:
    """A user's sessions, those used last first. Raises NotFound."""
    if not session.rows(sql("SELECT 1 FROM users WHERE user_id = {}", user_id)):
        raise NotFound(f"There is no user {user_id}.")
    now = session.clock.now_us()
    return [
        OwnSession(
            session_id=row[0], create_time=row[1], seen_time=row[2], end_time=row[3], address=row[4], user_agent=row[5]
        )
        for row in session.rows(sql(_LISTED, user_id, now, now - people.IDLE))
    ]


@transaction(Write.CHANGE)
def end_session(session: Session, user_id: str, session_id: str) -> None:
    """Ends one session of a user. Raises NotFound, also for a session of another user."""
    its = and_(sql("session_id = {}", session_id), sql("user_id = {}", user_id))
    if not session.rows(sql("SELECT 1 FROM sessions WHERE {}", its)):
        raise NotFound(f"There is no session {session_id}.")
    session.rows(sql("DELETE FROM sessions WHERE {}", its))


def end_sessions(session: Session, user_id: str) -> None:
    """Ends all sessions of a user, inside a transaction."""
    session.rows(sql("DELETE FROM sessions WHERE user_id = {}", user_id))


@transaction(Write.CHANGE)
def sign_out_everywhere(session: Session, user_id: str) -> None:
    """Ends all sessions of a user. Raises NotFound."""
    if not session.rows(sql("SELECT 1 FROM users WHERE user_id = {}", user_id)):
        raise NotFound(f"There is no user {user_id}.")
    end_sessions(session, user_id)
