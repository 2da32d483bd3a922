"""Which requests have an entry in the audit log, and its text. The operation's declaration decides (`Audit`).

A change has its entry in its own transaction. What changes nothing has its entry before the answer is sent.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from clicktrail.errors import ClicktrailError, Unavailable
from clicktrail.model.access import PERSONS, SYSTEM, ActorKind, Viewer
from clicktrail.model.audit import AuditEntry
from clicktrail.model.clock import Clock
from clicktrail.model.ids import is_id
from clicktrail.query.fields import CONTACT, PROFILE, Record, Resource
from clicktrail.query.grammar import Asked
from clicktrail.store.privacy.audit import by_system, record_all
from clicktrail.store.store import Store

_PERSONAL = frozenset({"contacts", "profile"})
"""Expansions that show contacts."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MADE = (("attribution_id", "registration"), ("session_id", "session"), ("erasure_id", "erasure"))
"""Attributes of what a change returns, and the kind of object whose id they are."""
_MINUTE_S = 60.0
REFUSALS = "refusals"
"""The action of the entry about refusals that have no entry of their own."""
MOST_STRANGERS = 60
"""Entries a minute about requests without a known caller, such as failed sign-ins. Further ones are counted."""


class Audit(Enum):
    """Which successful calls of an operation have an entry, besides calls that show contacts."""

    CHANGES = "all, if the method changes something"
    ALWAYS = "all"
    BY_HAND = "only of people and commands: programs send it in bulk, and clicks have their own history"
    NEVER = "none"


@dataclass(kw_only=True)
class Trail:
    """What is known of one request or command that has an entry. The handler may add to it."""

    action: str
    viewer: Viewer
    status: int | None = None
    """The status of the usual success."""
    address: str | None = None
    request_id: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    proven: tuple[ActorKind, str] | None = None
    """The user or OAuth client whose password or secret was right: a sign-in has no viewer yet."""
    detail: dict[str, Any] = field(default_factory=dict)

    def entry(self, status: int | None) -> AuditEntry:
        kind, actor = self._actor(status)
        return AuditEntry(
            actor_kind=kind,
            actor=actor,
            action=self.action,
            object_type=self.object_type,
            object_id=self.object_id,
            status=status,
            address=self.address,
            request_id=None if kind is ActorKind.UNKNOWN else self.request_id,  # a stranger's text stays for ever
            detail=self.detail,
        )

    def entry_of(self, result: Any) -> AuditEntry | None:
        """The entry of a change with this result, which may have its own `detail`. A repeated POST changes
        nothing, and has none.
        """
        made = result[0] if isinstance(result, tuple) and result else result
        if isinstance(result, tuple) and result[-1] is False:
            return None
        if self.object_id is None:
            kind, self.object_id = _object_of(made)
            self.object_type = self.object_type or kind
        entry = self.entry(self.status)
        return msgspec.structs.replace(entry, detail={**entry.detail, **getattr(result, "detail", {})})

    def _actor(self, status: int | None) -> tuple[ActorKind, str | None]:
        if self.viewer is not SYSTEM:
            return self.viewer.actor_kind, self.viewer.actor
        return (ActorKind.UNKNOWN, None) if (status or 0) >= 400 or self.proven is None else self.proven


def _object_of(made: Any) -> tuple[str | None, str | None]:
    """The kind, if it tells, and the id of what a change returned."""
    if isinstance(made, Record):
        return None, made.object_id
    for name, kind in _MADE:
        found = getattr(made, name, None)
        if found is not None:
            return kind, str(found)
    return None, made if isinstance(made, str) and is_id(made) else None


def is_due(audit: Audit, method: str, viewer: Viewer) -> bool:
    """Whether a successful call has an entry, whatever it shows."""
    if audit is Audit.BY_HAND:
        return viewer.actor_kind in PERSONS
    return audit is Audit.ALWAYS or (audit is Audit.CHANGES and method not in _SAFE)


def shows_contacts(answer: Any, asked: Asked, viewer: Viewer) -> bool:
    """Whether the answer of a read shows contacts, or depends on them."""
    if not viewer.sees_contacts or viewer is SYSTEM:
        return False
    if answer in (PROFILE, CONTACT) or asked.view.expansions & _PERSONAL:
        return True
    columns = asked.own.get("columns") or ()
    filters = asked.filtered.conditions if asked.filtered is not None else ()
    return any(name.startswith("profile.") for name in columns) or any(each.field.secret for each in filters)


def question_of(asked: Asked) -> dict[str, Any]:
    """The names of filters, expansions and parameters. Their values may be contacts."""
    query = asked.filtered
    named = {
        "filters": sorted({each.field.name for each in query.conditions}) if query is not None else [],
        "expansions": sorted(asked.view.expansions),
        "parameters": sorted(asked.given),
    }
    return {name: values for name, values in named.items() if values}


def fields_of(body: bytes, resource: Resource) -> dict[str, list[str]]:
    """The names of the fields that a body sets. Keys that the resource does not declare are left out: people type
    secrets anywhere. A body that is not JSON has none; its handler refuses it.
    """
    try:
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {"fields": sorted(sent.keys() & resource.writable.keys())}


def object_of(path: str, parameters: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The kind and the id of the innermost object that a path names."""
    for part in reversed(path.split("/")):
        name = part.strip("{}")
        if part.startswith("{") and name.endswith("Id"):
            return name.removesuffix("Id"), parameters[name]
    return None, None


def kind_of(resource: Resource) -> str:
    """The kind of the objects of a resource, as paths name it: also where an answer has a secret in addition."""
    return resource.id_field.name.removesuffix("Id")


class Entries:
    """Writes the entries of requests that change nothing. Entries that wait together are one transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._waiting: list[AuditEntry] = []
        self._next: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._minute_ends_at, self._strangers, self._unwritten = 0.0, 0, 0

    async def write(self, trail: Trail, status: int) -> None:
        """Returns when the entry is stored. Raises Unavailable."""
        entry = trail.entry(status)
        if entry.actor_kind is ActorKind.UNKNOWN and not self._takes_stranger():
            return
        if self._unwritten:
            entry = msgspec.structs.replace(entry, detail={**entry.detail, "unwritten": self._unwritten})
            self._unwritten = 0
        self._waiting.append(entry)
        if self._next is None:
            self._next = asyncio.create_task(self._write_next())
        await asyncio.shield(self._next)

    async def write_refusal(self, trail: Trail, error: ClicktrailError) -> None:
        """Writes that credentials were wrong. The refusal is answered even if the store takes no entry."""
        trail.detail["refused"] = error.code
        with suppress(Unavailable):
            await self.write(trail, error.status)

    async def run(self) -> None:
        """Writes once a minute how many refusals of strangers have no entry of their own."""
        while True:
            await asyncio.sleep(_MINUTE_S)
            with suppress(Unavailable):
                await self.sum_up()

    async def sum_up(self) -> None:
        """Raises Unavailable; the next attempt then says the count."""
        count, self._unwritten = self._unwritten, 0
        if not count:
            return
        try:
            await self._store.run(record_all, [by_system(REFUSALS, {"unwritten": count})])
        except Unavailable:
            self._unwritten += count
            raise

    def _takes_stranger(self) -> bool:
        now = self._clock.passed_s()
        if now >= self._minute_ends_at:
            self._minute_ends_at, self._strangers = now + _MINUTE_S, 0
        self._strangers += 1
        self._unwritten += self._strangers > MOST_STRANGERS
        return self._strangers <= MOST_STRANGERS

    async def _write_next(self) -> None:
        async with self._turn:
            entries, self._waiting, self._next = self._waiting, [], None
            await self._store.run(record_all, entries)
