"""What is remembered of erasures: keyed hashes of the values that led to an erased person.

The key is in the store. So a person who comes back with a backup or an imported file is found and erased again, and
nobody who has only the hashes learns of whom they are.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from clicktrail.errors import Mistake
from clicktrail.model.click import Click
from clicktrail.model.erasure import Clicks, Key
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import insert_into, sql

KEY_BYTES = 32
_KNOWN = (
    "SELECT k.key_hash, max(e.time), min(e.mode) FROM erased_keys k JOIN erasures e ON e.erasure_id = k.erasure_id "
    "WHERE k.key_hash IN (SELECT unnest({}::VARCHAR[])) GROUP BY k.key_hash"
)
Value = tuple[Key, str]


WAS_ERASED = Mistake("belongs to a person who was erased", pointer="")


class Erased(NamedTuple):
    """When a value's person was erased last, and how."""

    time: int
    mode: Clicks


def find_erased(session: Session, values: Iterable[Value]) -> dict[Value, Erased]:
    """The values whose persons were erased."""
    found: dict[Value, Erased] = {}
    for secret in list_values(session, sql("SELECT secret FROM erasure_secrets")):
        hashes = {_hash(secret, value): value for value in set(values)}
        for digest, time, mode in session.rows(sql(_KNOWN, list(hashes))):
            found[hashes[digest]] = Erased(time, Clicks(mode))
    return found


def find_rows(session: Session, rows: Sequence[tuple[int, Collection[Value]]]) -> set[int]:
    """The places of rows that belong to persons who were erased after the rows' times. What came later is new."""
    known = find_erased(session, {value for _, values in rows for value in values})
    return {
        place
        for place, (time, values) in enumerate(rows)
        if known and any(value in known and time <= known[value].time for value in values)
    }


def values_of_click(click: Click) -> list[Value]:
    """What leads to the person of a click."""
    values: list[Value] = [(Key.CLICK_ID, click.click_id)]
    if click.visitor_id is not None:
        values.append((Key.VISITOR_ID, click.visitor_id))
    if click.uuid is not None and click.name_space is None:
        values.append((Key.UUID, click.uuid))
    if click.profile_id is not None:
        values.append((Key.PROFILE_ID, click.profile_id))
    return values


def remember(session: Session, erasure_id: str, values: Collection[Value]) -> None:
    """Keeps the hashes of the values."""
    secret = _secret(session)
    hashes = sorted({_hash(secret, value) for value in values})
    session.insert("erased_keys", ("erasure_id", "key_hash"), [(erasure_id, each) for each in hashes])


def _secret(session: Session) -> str:
    known: list[str] = list_values(session, sql("SELECT secret FROM erasure_secrets ORDER BY secret LIMIT 1"))
    if known:
        return known[0]
    secret = secrets.token_hex(KEY_BYTES)
    session.rows(insert_into("erasure_secrets", {"secret": secret}))
    return secret


def _hash(secret: str, value: Value) -> str:
    key, text = value
    folded = text.lower() if key is Key.CONTACT else text
    return hashlib.blake2b(f"{key}\0{folded}".encode(), digest_size=16, key=bytes.fromhex(secret)).hexdigest()
