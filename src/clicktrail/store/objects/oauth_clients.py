"""OAuth clients with hashed secrets, and revoked tokens."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from clicktrail.model.access import SYSTEM
from clicktrail.model.ids import IdGenerator
from clicktrail.query.fields import CLIENT, Record
from clicktrail.store.reads.records import check_references, check_there, get_record, insert_row, update_row
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import insert_into, sql
from clicktrail.store.session.transactions import Write, transaction

_SECRET_BYTES = 32


def hash_secret(secret: str) -> str:
    """SHA-256. Secrets are 256 random bits, so a slow hash would add nothing (ADR 7)."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction(Write.CATALOGUE)
def create_client(session: Session, ids: IdGenerator, values: Mapping[str, Any]) -> tuple[Record, str]:
    """Adds an OAuth client. Returns it and its secret, which cannot be read again. Raises InvalidBody."""
    check_references(session, CLIENT, values)
    client_id, secret = ids.new(), secrets.token_urlsafe(_SECRET_BYTES)
    row = {"client_id": client_id, "enabled": True, "secret_hash": hash_secret(secret)}
    insert_row(session, CLIENT, {**values, **row})
    return get_record(session, SYSTEM, CLIENT, client_id), secret


@transaction(Write.CATALOGUE)
def rotate_secret(session: Session, client_id: str) -> tuple[Record, str]:
    """Gives an OAuth client a new secret; the old one ends at once. Raises NotFound."""
    check_there(session, SYSTEM, CLIENT, client_id)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    update_row(session, CLIENT, client_id, {"secret_hash": hash_secret(secret)})
    return get_record(session, SYSTEM, CLIENT, client_id), secret


@transaction(Write.CATALOGUE)
def revoke_client(session: Session, client_id: str) -> None:
    """Disables an OAuth client: from now on its secret and tokens are refused. Raises NotFound."""
    check_there(session, SYSTEM, CLIENT, client_id)
    update_row(session, CLIENT, client_id, {"enabled": False})


def check_client(session: Session, client_id: str, secret: str) -> Record | None:
    """The enabled OAuth client with this secret, or None. A wrong id takes as long as a wrong secret."""
    known = list_values(session, sql("SELECT secret_hash FROM clients WHERE client_id = {} AND enabled", client_id))
    [stored] = known or [hash_secret("")]
    if not hmac.compare_digest(stored, hash_secret(secret)) or not known:
        return None
    return get_record(session, SYSTEM, CLIENT, client_id)


@transaction(Write.CATALOGUE)
def revoke_token(session: Session, token_id: str) -> None:
    """Revokes a token by its `jti`. Repeating it changes nothing."""
    if not session.rows(sql("SELECT 1 FROM revoked_tokens WHERE token_id = {}", token_id)):
        session.rows(insert_into("revoked_tokens", {"token_id": token_id, "revoke_time": session.clock.now_us()}))


def list_revoked_tokens(session: Session) -> list[str]:
    """The ids of revoked tokens, newest first."""
    return list_values(session, sql("SELECT token_id FROM revoked_tokens ORDER BY revoke_time DESC, token_id"))


def list_revoked(session: Session) -> frozenset[str]:
    """Ids that a token may not contain: revoked tokens and disabled OAuth clients."""
    ended = "SELECT token_id FROM revoked_tokens UNION ALL SELECT client_id FROM clients WHERE NOT enabled"
    return frozenset(list_values(session, sql(ended)))
