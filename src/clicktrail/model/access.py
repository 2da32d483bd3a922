"""The viewer behind a token or a session, and what its scope allows."""

from enum import StrEnum

import msgspec

from clicktrail.model.ids import is_id

_COMMAND = "command:"


class Scope(StrEnum):
    """What a token may do. Each scope allows only what its line says."""

    ADMIN = "admin"
    """Everything, including tokens and OAuth clients."""
    WRITE = "write"
    """Record clicks and register clients. Read only the clicks in the answers to its own requests."""
    READ = "read"
    """Read everything; change nothing."""
    PARTNER = "partner"
    """Read one partner's own data: its links, their clicks, and the clients that they brought."""

    POSTBACK = "postback"
    """Register clients of one partner's links, by GET /postback. Reads nothing else."""


class Right(StrEnum):
    """What partners may change themselves, if the operator allows it."""

    LINKS = "links"
    POSTBACKS = "postbacks"


class OwnRules(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of what partners change themselves.

    `origins` are the allowed origins of landing pages. `links` and `postbacks` are the most that one partner may have;
    with 0 a partner can add none.
    """

    origins: frozenset[str] = frozenset()
    links: int = 0
    postbacks: int = 0

    @property
    def rights(self) -> frozenset[Right]:
        """The rights of every partner."""
        allowed = {Right.LINKS: bool(self.origins), Right.POSTBACKS: self.postbacks > 0}
        return frozenset(right for right, is_allowed in allowed.items() if is_allowed)


NO_RULES = OwnRules()
"""Partners change nothing."""
PARTNERS = frozenset({Scope.PARTNER, Scope.POSTBACK})
"""Scopes of one partner: their tokens see only that partner's data."""
READERS = frozenset({Scope.ADMIN, Scope.READ, Scope.PARTNER})
RECORDERS = frozenset({Scope.ADMIN, Scope.WRITE})
ADMINS = frozenset({Scope.ADMIN})
OWNERS = frozenset({Scope.ADMIN, Scope.PARTNER})
"""Scopes that change links and postbacks: a partner changes only its own, and only with the right to it."""
OBSERVERS = frozenset({Scope.ADMIN, Scope.READ})
PEOPLE = frozenset({Scope.ADMIN, Scope.READ, Scope.PARTNER})
"""Scopes of users; programs alone have the others."""


class ActorKind(StrEnum):
    """Who acts."""

    USER = "user"
    """A person with a session."""
    TOKEN = "token"  # noqa: S105 - a word
    CLIENT = "client"
    """An OAuth client, by one of its tokens."""
    COMMAND = "command"
    """A command, run by a user of the operating system."""
    SYSTEM = "system"
    """The program itself."""
    UNKNOWN = "unknown"
    """No one who is known: a failed sign-in."""


PERSONS = frozenset({ActorKind.USER, ActorKind.COMMAND})
"""Actors who do things by hand."""


class Viewer(msgspec.Struct, frozen=True):
    """On whose behalf a request is served.

    `partner_id` is set for the partner scopes: the store then returns only that partner's objects. `sees_contacts`
    is False if contact values must be masked, `sees_visitors` if addresses and user agents of clicks must. `holder`
    owns resources that are limited per holder: it is a partner, an OAuth client, or a token that was created by
    hand.
    """

    scope: Scope
    partner_id: str | None = None
    sees_contacts: bool = True
    sees_visitors: bool = True
    asker: str = ""
    """The owner of the share of the store that its queries use: the partner, the OAuth client, the user, else the
    token itself."""
    actor: str = "system"
    """The author of its changes: the id of a token, an OAuth client or a user, the name of the operating system's
    user, or `system` for the program itself."""
    actor_kind: ActorKind = ActorKind.SYSTEM
    rights: frozenset[Right] = frozenset()
    """What a partner may change."""

    @property
    def changes(self) -> frozenset[Right]:
        """Which of links and postbacks it may change; a partner only its own."""
        return frozenset(Right) if self.scope is Scope.ADMIN else self.rights

    @property
    def name_space(self) -> str | None:
        """The name space of the uuids that the viewer sends: None is the site's own; a partner has its own."""
        return self.partner_id if self.scope in PARTNERS else None

    def cause(self, reason: "Reason") -> "Cause":
        """Of a change by this viewer."""
        return Cause(self.actor, reason, self.actor_kind)


class Reason(StrEnum):
    """Why a stored click changes."""

    REGISTERED = "a client registered through it"
    OUTRANKED = "the site's registration replaced a partner's registration"
    RECOGNISED = "its browser came to a page of the site"
    DELETED = "it was deleted"
    MERGED = "its client became a part of another profile"
    AGED = "its address grew old"
    HANDED_OVER = "the link was handed over to another partner"
    POINTER_DELETED = "the object that it pointed to was deleted"
    ERASED = "its person was erased"
    OBJECTED = "its browser objected"
    PURGED = "it was older than the retention"


class Cause(msgspec.Struct, frozen=True):
    """Who changes a stored click, and why."""

    actor: str
    reason: Reason
    actor_kind: ActorKind = ActorKind.SYSTEM


def command_subject(user: str) -> str:
    """The subject of the short-lived token with which a command asks a running server."""
    return f"{_COMMAND}{user}"


def actor_of(subject: str, token_id: str) -> tuple[str, ActorKind]:
    """Who acts with a token. Only `command_subject` makes subjects of commands: `token create` puts `cli:` before a
    name."""
    if subject.startswith(_COMMAND):
        return subject.removeprefix(_COMMAND), ActorKind.COMMAND
    return (subject, ActorKind.CLIENT) if is_id(subject) else (token_id, ActorKind.TOKEN)


SYSTEM = Viewer(Scope.ADMIN)
"""The program itself: start-up, and the command line on an offline store."""
