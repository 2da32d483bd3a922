"""Who asks: the viewer behind a token, and what its scope allows."""

from enum import StrEnum

import msgspec


class Scope(StrEnum):
    """What a token may do. Least rights: each scope allows only what its line says."""

    ADMIN = "admin"
    """Everything, tokens and clients included."""
    WRITE = "write"
    """Record clicks and register clients; reads nothing but what it wrote."""
    READ = "read"
    """Read everything; change nothing."""
    PARTNER = "partner"
    """Read what belongs to one partner: the own links, their clicks, the clients they brought."""

    POSTBACK = "postback"
    """Register clients whom a partner's own links brought, by GET /postback; reads nothing else."""


PARTNERS = frozenset({Scope.PARTNER, Scope.POSTBACK})
"""Scopes of one partner: who has one sees nothing but that partner's."""
READERS = frozenset({Scope.ADMIN, Scope.READ, Scope.PARTNER})
RECORDERS = frozenset({Scope.ADMIN, Scope.WRITE})
ADMINS = frozenset({Scope.ADMIN})
OBSERVERS = frozenset({Scope.ADMIN, Scope.READ})


class Viewer(msgspec.Struct, frozen=True):
    """On whose behalf a request is served.

    `partner_id` is set for the scopes of partners: the store then answers with nothing but that partner's objects.
    `sees_contacts` is False where contact values must be masked. `holder` is who has what may not all be had by one:
    a partner, an OAuth client, or a token that was made by hand.
    """

    scope: Scope
    partner_id: str | None = None
    sees_contacts: bool = True
    asker: str = ""
    """Whose share of the store its questions count to: the partner, the OAuth client, else the token itself."""
    actor: str = "system"
    """Who changes what it changes: the id of a token; `system` for the program itself."""

    @property
    def name_space(self) -> str | None:
        """Where the uuids lie that the viewer sends: among the site's own (None), or among those of one partner."""
        return self.partner_id if self.scope in PARTNERS else None


class Reason(StrEnum):
    """Why a stored click is changed."""

    REGISTERED = "a client registered through it"
    OUTRANKED = "the site's word took it from a client whom a partner had registered"
    RECOGNISED = "its browser came to a page of the site"
    DELETED = "it was deleted"
    MERGED = "its client became a part of another profile"
    POINTER_DELETED = "what it pointed to was deleted"


class Cause(msgspec.Struct, frozen=True):
    """Who changes a stored click, and why."""

    actor: str
    reason: Reason


SYSTEM = Viewer(Scope.ADMIN)
"""The program itself: start-up, the command line on an offline store."""
