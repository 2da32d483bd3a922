"""The audit log: its entries, the chain of their hashes, and the check of a chain. Pure.

The hash of a line is the SHA-256 of the line without `hash`, and a line contains the hash of the line before it. So
whoever changes, removes or moves a line has to change all later hashes, and the last hash is known elsewhere.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from clicktrail.model.access import ActorKind
from clicktrail.model.times import SECOND, render_time

NO_HASH = "0" * 64
"""`previousHash` of the first line."""
DROP = "dropAudit"
"""The action of the entry that is written before the retention drops earlier lines."""
MAX_DETAIL = 8_192
"""Bytes of a detail as JSON. A longer one is left out."""
_TOO_LONG: Mapping[str, Any] = {"left_out": True}


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, with which object, and from where.

    `detail` is small, and has no personal data and no secret. Of the values that a user typed it has only those of
    links: `uri`, `code`, `enabled` and `profileId`.
    """

    actor_kind: ActorKind
    actor: str | None
    """The id of a user, token or OAuth client, or the name of the operating system's user."""
    action: str
    """The name of an operation of the API (`operationId`), or a command."""
    object_type: str | None = None
    object_id: str | None = None
    status: int | None = None
    """The HTTP status of the answer; None for commands and for the system."""
    address: str | None = None
    """The client address."""
    request_id: str | None = None
    detail: Mapping[str, Any] = {}


class AuditLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An entry at its place in the chain, as it is exported. The order of its members is the order that is hashed."""

    audit_id: str
    position: int
    """1 for the first entry of the store; no number is left out."""
    time: str
    actor_kind: str
    actor: str | None
    action: str
    object_type: str | None
    object_id: str | None
    status: int | None
    address: str | None
    request_id: str | None
    detail: dict[str, Any]
    previous_hash: str
    hash: str | UnsetType = UNSET


class Place(msgspec.Struct, frozen=True):
    """Where a chain ends: the position and the hash of its last line."""

    position: int = 0
    hash: str = NO_HASH


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a chain found. Without `reason` the chain is sound."""

    lines: int
    first: int | None
    """The position of the first line; above 1 where the retention dropped earlier lines."""
    end: Place
    """The last line that is sound."""
    broken: int | None = None
    """The position that the first broken line should have."""
    reason: str | None = None


def chain(entry: AuditEntry, time: int, end: Place) -> AuditLine:
    """The line of an entry after the line at `end`. `time` is in microseconds."""
    position = end.position + 1
    line = AuditLine(
        audit_id=f"{time // SECOND:08x}{position:016x}",
        position=position,
        time=render_time(time),
        actor_kind=entry.actor_kind.value,
        actor=entry.actor,
        action=entry.action,
        object_type=entry.object_type,
        object_id=entry.object_id,
        status=entry.status,
        address=entry.address,
        request_id=entry.request_id,
        detail=dict(entry.detail if len(msgspec.json.encode(entry.detail)) <= MAX_DETAIL else _TOO_LONG),
        previous_hash=end.hash,
    )
    return msgspec.structs.replace(line, hash=hash_line(line))


def hash_line(line: AuditLine) -> str:
    """The hash that the line must have."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(line, hash=UNSET))).hexdigest()


def verify(lines: Iterable[AuditLine]) -> Verdict:
    """Checks lines in the order in which they are given, up to the first broken one."""
    count, first, end, begin, is_dropped = 0, None, Place(), Place(), False
    for line in lines:
        if first is None:
            first, begin = line.position, Place(line.position - 1, line.previous_hash)
            end = begin if line.position > 1 else Place()
        if count == 1 and line.position < first:
            wrong = f"line 1 of the file has position {first}; 1 is expected"
            return Verdict(lines=0, first=first, end=Place(), broken=1, reason=wrong)
        reason = _find_fault(line, end)
        if reason is not None:
            return Verdict(lines=count, first=first, end=end, broken=end.position + 1, reason=reason)
        is_dropped = is_dropped or (line.action == DROP and _is_place(line.detail, begin))
        count, end = count + 1, Place(line.position, str(line.hash))
    if first is not None and first > 1 and not is_dropped:
        reason = f"no entry says that the retention dropped the lines before {first}"
        return Verdict(lines=count, first=first, end=end, broken=first - 1, reason=reason)
    return Verdict(lines=count, first=first, end=end)


def place_detail(place: Place) -> dict[str, Any]:
    """The detail of a `DROP` entry: the last line that the retention drops."""
    return {"position": place.position, "hash": place.hash}


def _is_place(detail: Mapping[str, Any], place: Place) -> bool:
    return detail == place_detail(place)


def _find_fault(line: AuditLine, end: Place) -> str | None:
    if line.position != end.position + 1:
        return f"line {end.position + 1} is missing; line {line.position} stands there"
    if line.previous_hash != end.hash:
        return f"line {line.position} does not follow the line before it: previousHash is another one"
    if line.hash != hash_line(line):
        return f"line {line.position} was changed: its content does not have its hash"
    return None
