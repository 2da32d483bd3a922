"""The classes of the field table: a field, and a resource."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import msgspec

from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.query import kinds
from clicktrail.query.kinds import Kind

MAX_TEXT = 255
"""Longest text of a profile, link or banner (reference: "can't exceed 255 characters")."""
MAX_CLICK_TEXT = 2048
"""Longest referrer, user agent and locale of a click (contract, section 3)."""


class Source(StrEnum):
    """Where a field's value is found. A click has its own values, and others reached through another table."""

    OWN = "own"
    LINK = "link"
    """The click's link."""
    PARTNER = "partner"
    """The partner who owns the click's link."""
    CLIENT = "client"
    """The client who registered through the click."""
    CLIENT_TAGS = "client_tags"
    CLIENT_CONTACTS = "client_contacts"
    TAGS = "tags"
    CONTACTS = "contacts"


@dataclass(frozen=True, eq=False, kw_only=True)
class Field:
    """One field: its name, its content and its uses.

    `plain` is the operator of a filter without an operator. PUT's body needs all `required` fields, PUT's and POST's
    bodies all `needed` fields.
    """

    name: str
    kind: Kind = kinds.TEXT
    doc: str
    column: str = ""
    source: Source = Source.OWN
    plain: str = "eq"
    filterable: bool = False
    sortable: bool = False
    shown: bool = True
    writable: bool = False
    required: bool = False
    needed: bool = False
    nullable: bool = True
    may_be_withheld: bool = False
    """Whether a privacy policy may leave it out, so that an answer shows null although no body may."""
    max_length: int = MAX_TEXT
    default: Any = None
    aliases: tuple[str, ...] = ()
    """Other names of the filter. They also work without the word `filter` and brackets."""
    example: Any = None
    is_repetitive: bool = False
    """Whether many rows share few values: finding the values that fill a page is then cheaper than sorting all rows.
    """
    takes_number: bool = False
    """Whether a body may have a number here, which is read as its text."""
    is_cut: bool = False
    """Whether a too long text is cut to `max_length` instead of being refused."""
    of_visitor: bool = False
    """An address or a user agent: a viewer who sees visitors masked may not filter or sort by it either."""
    secret: bool = False
    """A contact value: a viewer who sees contacts masked may not filter by it either."""

    def __post_init__(self) -> None:
        if not self.column:
            object.__setattr__(self, "column", _snake(self.name))

    @cached_property
    def attribute(self) -> str:
        """The name of the value in a record and in the values of a body: its column, if the own row has it."""
        return self.column if self.source is Source.OWN else _snake(self.name)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


class Record(msgspec.Struct):
    """The stored values of one object: base of the types that `Resource.record` makes. The first value is the id."""

    if TYPE_CHECKING:  # each type has the attributes of its resource

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    @property
    def object_id(self) -> str:
        object_id: str = getattr(self, self.__struct_fields__[0])
        return object_id

    @property
    def create_time(self) -> int:
        """In microseconds, from the id."""
        return created_s(self.object_id) * SECOND

    def changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that differ from this object."""
        return {name: value for name, value in values.items() if getattr(self, name) != value}


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind of object: its word, its path, and its fields in the order in which they are sent."""

    name: str
    path: str
    fields: tuple[Field, ...]
    doc: str
    expansions: tuple[str, ...] = ()
    groups: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    """Expansion -> the object's own fields that it shows."""
    extras: tuple[str, ...] = ()
    """Additional keys of some answers."""
    has_history: bool = False
    """Whether it can be asked for as it was known at an earlier moment."""

    @property
    def id_field(self) -> Field:
        """The identifier, always the first field."""
        return self.fields[0]

    @cached_property
    def filters(self) -> dict[str, Field]:
        """Filter name or alias -> field."""
        return {field.name: field for field in self.fields if field.filterable} | self.filter_aliases

    @cached_property
    def filter_aliases(self) -> dict[str, Field]:
        """Filter alias -> field."""
        return {alias: field for field in self.fields for alias in field.aliases}

    @cached_property
    def sorts(self) -> dict[str, Field]:
        """Sort key -> field."""
        return {field.name: field for field in self.fields if field.sortable}

    @cached_property
    def shown(self) -> tuple[Field, ...]:
        """The keys of the object, in order."""
        return tuple(field for field in self.fields if field.shown)

    @cached_property
    def columns(self) -> dict[str, Field]:
        """Column of the object's own row -> field. The creation time is not among them: it is in the id."""
        own = (field for field in self.fields if field.source is Source.OWN and field.name != "createTime")
        found: dict[str, Field] = {}
        for each in own:
            if each.shown or each.writable:
                found.setdefault(each.column, each)
        return found

    @cached_property
    def record(self) -> type[Record]:
        """The type of a stored object: an attribute for each column, then the lists from other tables."""
        lists = [field.attribute for field in self.fields if field.source in (Source.TAGS, Source.CONTACTS)]
        attributes: list[Any] = [*((name, Any) for name in self.columns), *((name, Any, ()) for name in lists)]
        return cast(type[Record], msgspec.defstruct(self.name.capitalize(), attributes, bases=(Record,)))

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The values of a new object whose body is empty."""
        return {field.attribute: field.default for field in self.writable.values()}

    @cached_property
    def keys(self) -> dict[str, str]:
        """Attribute -> its key in bodies and answers."""
        return {field.attribute: field.name for field in reversed(self.fields)}

    @cached_property
    def renewed(self) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        """Columns whose stored value may come from an earlier version, each with the function that updates it."""
        return tuple((name, field.kind.renew) for name, field in self.columns.items() if field.kind.renew is not None)

    @cached_property
    def writable(self) -> dict[str, Field]:
        """The keys of a body."""
        return {field.name: field for field in self.fields if field.writable}

    @cached_property
    def read_only(self) -> frozenset[str]:
        """Keys that the object shows and that no body can change. A body may repeat them unchanged."""
        return frozenset({*(field.name for field in self.shown), *self.expansions, *self.extras} - self.writable.keys())

    def without_writing(self, names: Collection[str]) -> "Resource":
        """The same resource, whose bodies cannot set the fields of these names."""
        fields = tuple(
            replace(each, writable=False, required=False, needed=False) if each.name in names else each
            for each in self.fields
        )
        return replace(self, fields=fields)

    def with_secret(self, name: str, key: str, doc: str, may_be_null: bool = False) -> "Resource":
        """The same resource with its secret, which only one answer shows."""
        secret = Field(name=key, doc=doc, nullable=may_be_null, example=None if may_be_null else "s3cr3t")
        return Resource(
            name, self.path, (*self.fields, secret), f"{self.doc} With its secret, which only this answer shows."
        )


def id_field(name: str, doc: str, **rest: Any) -> Field:
    return Field(name=name, kind=kinds.ID, doc=doc, example="6006dda272f002519c3eb505", **rest)


def name_field(name: str, doc: str, **rest: Any) -> Field:
    """A name that people type; `contains` is the default operator."""
    return Field(name=name, doc=doc, plain="contains", filterable=True, sortable=True, **rest)


def enabled_field(doc: str, is_sortable: bool = True) -> Field:
    return Field(
        name="enabled",
        kind=kinds.FLAG,
        filterable=True,
        sortable=is_sortable,
        writable=True,
        required=True,
        nullable=False,
        default=True,
        doc=doc,
        example=True,
    )


OWN_TIMES = (
    Field(
        name="createTime",
        kind=kinds.TIME,
        nullable=False,
        doc="When the object was created; the first four bytes of its id.",
        sortable=True,
        example="2021-01-01T00:00:00+00:00",
    ),
    Field(
        name="updateTime",
        kind=kinds.TIME,
        nullable=False,
        doc="When the object was last changed.",
        sortable=True,
        example="2021-01-01T00:00:00+00:00",
    ),
)
UUID = Field(
    name="uuid",
    takes_number=True,
    doc="Your own key for the object. A repeated POST with it creates nothing.",
    filterable=True,
    writable=True,
)
