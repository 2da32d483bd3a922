"""An operation: one method on one path, and all that its route and its part of the OpenAPI document are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clicktrail.errors import ClicktrailError
from clicktrail.http.endpoint.call import JSON, Handler
from clicktrail.model.access import READERS, Scope
from clicktrail.query.fields import Resource

PUBLIC: frozenset[Scope] = frozenset()
NAMES = frozenset({"file", "code"})
"""Path parameters that are no ids."""
Parameter = tuple[str, Mapping[str, Any], str, str]
"""A query parameter: name, schema, what it is for, an example."""
FLAG_SCHEMA: Mapping[str, Any] = {"type": "boolean"}
"""A switch in a query string. The server also takes `1` and `0`."""
BODY_METHODS = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`scopes` are those that may call it; none means that no token is needed.

    `body` and `answer` name schemas of the OpenAPI document; `is_list`, `is_view` and `is_export` say which query
    parameters of `resource` are taken.
    `refusals` are the statuses beyond those that every operation of its kind can have.
    """

    method: str
    path: str
    handler: Handler
    name: str
    summary: str
    tag: str
    scopes: frozenset[Scope] = PUBLIC
    resource: Resource | None = None
    is_list: bool = False
    is_view: bool = False
    is_export: bool = False
    is_filtered: bool = False
    """Whether filters of `resource` say what it is done to."""
    parameters: tuple[Parameter, ...] = ()
    """Query parameters beyond those of `resource`."""
    body: str = ""
    answer: str = ""
    status: int = 200
    other_statuses: tuple[int, ...] = ()
    """Statuses of answers that are like that of `status`."""
    repeat: bool = False
    """Whether a repeated POST with the same uuid answers 200."""
    refusals: tuple[int, ...] = ()
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

    @property
    def asks(self) -> bool:
        """Whether it puts a question to the store, which may have to wait too long for its turn, or take too long."""
        return self.method == "GET" and (self.resource is not None or self.scopes == READERS)

    @property
    def takes_query(self) -> bool:
        """Whether a query string is read."""
        return self.method == "GET" or self.is_filtered

    @property
    def takes_body(self) -> bool:
        """Whether a body is read and must be of a type that is taken as JSON."""
        return bool(self.body)
