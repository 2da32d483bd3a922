"""An operation: one method on one path. Its route and its part of the OpenAPI document are made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clicktrail.errors import ClicktrailError
from clicktrail.http.endpoint.call import JSON, Handler
from clicktrail.http.endpoint.trails import Audit
from clicktrail.model.access import Right, Scope
from clicktrail.query.fields import Field, Resource
from clicktrail.query.grammar import NOTHING, Grammar

PUBLIC: frozenset[Scope] = frozenset()
NAMES = frozenset({"file", "code", "version"})
"""Path parameters that are not ids."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Fields:
    """A body made of fields of the field table that is not the body of a resource. It accepts no other keys."""

    name: str
    doc: str
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    example: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """A body of up to `most` objects: new objects of a resource, or objects of a type."""

    name: str
    doc: str
    item: Any
    most: int
    item_name: str = ""
    """The name of the type."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation, declared whole: its access, its input and its answers.

    `route` is its method and path. `scopes` may call it; an empty set means that no token is needed. `body` is a
    resource (the method says which of its bodies), fields, rows or a type. `answer` is a resource (a list sends a
    page), a type, or several types of which one is sent.
    """

    route: str
    handler: Handler
    name: str
    summary: str
    scopes: frozenset[Scope]
    right: Right | None = None
    """What the operator must allow before a partner may call it."""
    query: Grammar = NOTHING
    body: Resource | Fields | Rows | type | None = None
    answer: Any = None
    statuses: tuple[int, ...] = (200,)
    """The statuses of its answers, the usual success first. 200 after 201 answers a POST whose uuid is known.

    Refusals that follow from scopes, query and body are not listed here (`openapi.document.refusals`).
    """
    media_type: str = JSON
    samples: Mapping[str, str | None] = field(default_factory=dict)
    """Media type -> example, if `media_type` names none or the answer has no schema; None: bytes."""
    other_types: tuple[str, ...] = ()
    """Other media types that callers may ask for."""
    body_types: tuple[str, ...] = ()
    """Media types of the body, in addition to the types that are read as JSON."""
    max_bytes: int = 0
    """Maximum bytes of the body; 0 uses the limit of the settings."""
    is_basic: bool = False
    """Whether it accepts an OAuth client's credentials instead of a token."""
    is_sign_in: bool = False
    """Whether it begins a session: a browser may send it only from our own pages."""
    needs_session: bool = False
    """Whether it is about the caller's own session or user: tokens are refused."""
    needs_password: bool = False
    """Whether a session may call it only a short time after its user typed the password. Tokens may always."""
    audit: Audit = Audit.CHANGES
    doc: str = ""
    """Details that the summary does not give."""
    amend: Callable[[ClicktrailError], None] | None = None
    """Adds the members that the operation's callers expect to every refusal."""

    @cached_property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @cached_property
    def path(self) -> str:
        """The path with its parameters in braces."""
        return self.route.partition(" ")[2]

    @property
    def successes(self) -> tuple[int, ...]:
        return tuple(status for status in self.statuses if status < 400)
