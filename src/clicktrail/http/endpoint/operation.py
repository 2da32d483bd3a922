"""An operation: one method on one path, and all that its route and its part of the OpenAPI document are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clicktrail.errors import ClicktrailError
from clicktrail.http.endpoint.call import JSON, Handler
from clicktrail.model.access import Scope
from clicktrail.query.fields import Field, Resource
from clicktrail.query.grammar import NOTHING, Grammar

PUBLIC: frozenset[Scope] = frozenset()
NAMES = frozenset({"file", "code"})
"""Path parameters that are no ids."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Fields:
    """A body made of fields of the field table that is not the body of a resource. It takes no other keys."""

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
    """Who may call it, what it takes and what it answers: declared whole, derived from no other operation.

    `route` is its method and path. `scopes` are those that may call it; none means that no token is needed. `body` is a
    resource (the method says which of its bodies), fields, rows or a type. `answer` is a resource, of which a list
    sends a page, or a type, or several types of which it sends one.
    """

    route: str
    handler: Handler
    name: str
    summary: str
    scopes: frozenset[Scope]
    query: Grammar = NOTHING
    body: Resource | Fields | Rows | type | None = None
    answer: Any = None
    statuses: tuple[int, ...] = (200,)
    """What it answers with, first where all is well. 200 after 201 answers a POST whose uuid is known.

    The refusals that follow from scopes, query and body are left out (`openapi.document.refusals`).
    """
    media_type: str = JSON
    samples: Mapping[str, str | None] = field(default_factory=dict)
    """Media type -> example, where `media_type` names none or the answer has no schema; None: bytes."""
    other_types: tuple[str, ...] = ()
    """Media types that it can send where they are asked for."""
    body_types: tuple[str, ...] = ()
    """Media types of the body beyond those that are taken as JSON."""
    max_bytes: int = 0
    """Largest body, if not that of the settings."""
    is_basic: bool = False
    """Whether it takes a client's own credentials instead of a token."""
    doc: str = ""
    """What the summary leaves open."""
    amend: Callable[[ClicktrailError], None] | None = None
    """Adds to every refusal what the operation's clients look for in it."""

    @cached_property
    def method(self) -> str:
        """GET, POST and so on."""
        return self.route.partition(" ")[0]

    @cached_property
    def path(self) -> str:
        """The path, its parameters in braces."""
        return self.route.partition(" ")[2]

    @property
    def successes(self) -> tuple[int, ...]:
        """The statuses that refuse nothing."""
        return tuple(status for status in self.statuses if status < 400)
