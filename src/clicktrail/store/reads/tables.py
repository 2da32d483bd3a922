"""How resources lie in tables: the FROM clause of each, where joined fields come from, and who may see which rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from clicktrail.model.access import Viewer
from clicktrail.query.fields import (
    AUDIT,
    BANNER,
    CLICK,
    CLIENT,
    CONTACT,
    DELIVERY,
    EARNED,
    IDENTITY,
    LANGUAGE,
    LINK,
    POSTBACK,
    PROFILE,
    SITE,
    SIZE,
    THEME,
    USER,
    Field,
    Source,
)
from clicktrail.store.reads.visibility import visible
from clicktrail.store.session.relations import BY_TABLE
from clicktrail.store.session.sql import Sql, and_, named, sql

OWN_CLIENTS = "(SELECT profile_id FROM clicks WHERE profile_id IS NOT NULL AND partner_id = {})"


@dataclass(frozen=True)
class Table:
    """One resource's table: `name`, `alias`, the joins that its fields need, and what a partner may see of it."""

    name: str
    alias: str
    partner_sees: str
    """SQL condition with `{}` for the partner's id; `TRUE` for what every partner may see."""
    own: str = "TRUE"
    """SQL condition, by the bare columns, of the rows whose uuid is the site's own and not a partner's word."""
    joins: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Field name -> the column that holds a hash of its text."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of a field -> SQL expression, if this table has no such column. Creation times are in the key."""

    @cached_property
    def source(self) -> Sql:
        """What stands behind FROM."""
        return sql("{} {}{}", named(self.name), named(self.alias), sql(self.joins))

    def column(self, column: str) -> Sql:
        """A column of this table."""
        return named(f"{self.alias}.{column}")

    def expression(self, row: Field) -> Sql:
        """The SQL expression of a field's own value."""
        if row.column in self.columns:
            return sql(self.columns[row.column])
        return self.column(BY_TABLE[self.name].key[0] if row.column == "create_time" else row.column)


TABLES: Mapping[str, Table] = {
    CLICK.name: Table(
        "clicks",
        "c",
        "c.partner_id = {}",
        hashes={"ip": "c.ip_hash", "uuid": "c.uuid_hash"},
        columns={
            "registration": "(c.profile_id IS NOT NULL)",
            "tag": "t.first_tag",
            "is_bot": "(c.bot <> '')",
            "bot_rule": "nullif(c.bot, '')",
        },
    ),
    PROFILE.name: Table(
        "profiles",
        "p",
        f"(p.profile_id = {{}} OR p.profile_id IN {OWN_CLIENTS})",
        own="name_space IS NULL",
        columns={"is_partner": "EXISTS (SELECT 1 FROM links w WHERE w.profile_id = p.profile_id)"},
    ),
    CONTACT.name: Table(
        "contacts",
        "k",
        f"(k.profile_id = {{}} OR k.profile_id IN {OWN_CLIENTS})",
    ),
    LINK.name: Table("links", "l", "l.profile_id = {}", columns={"search": "concat_ws(' ', l.code, l.name, l.uri)"}),
    BANNER.name: Table(
        "banners",
        "b",
        "TRUE",
        joins=" LEFT JOIN languages g ON g.language_id = b.language_id"
        " LEFT JOIN themes h ON h.theme_id = b.theme_id"
        " LEFT JOIN sizes z ON z.size_id = b.size_id",
        columns={
            "language_name": "g.language_name",
            "theme_name": "h.theme_name",
            "size_name": "z.size_name",
            "width": "coalesce(b.width, z.width)",
            "height": "coalesce(b.height, z.height)",
        },
    ),
    LANGUAGE.name: Table("languages", "g", "TRUE"),
    SIZE.name: Table("sizes", "z", "TRUE"),
    THEME.name: Table("themes", "h", "TRUE"),
    SITE.name: Table("sites", "w", "FALSE"),
    POSTBACK.name: Table("postbacks", "q", "q.profile_id = {}"),
    DELIVERY.name: Table("deliveries", "d", "d.profile_id = {}"),
    EARNED.name: Table("attributions", "a", "a.partner_id = {}"),
    IDENTITY.name: Table("identities", "i", "FALSE", columns={"create_time": "i.identity_id"}),
    CLIENT.name: Table("clients", "o", "FALSE"),
    AUDIT.name: Table("audit", "e", "FALSE", columns={"create_time": "e.audit_id"}),
    USER.name: Table(
        "users",
        "u",
        "FALSE",
        columns={"has_password": "(u.password_hash IS NOT NULL)", "has_second_factor": "(u.totp_secret IS NOT NULL)"},
    ),
}

SORT_JOINS: Mapping[str, str] = {"tag": " LEFT JOIN profiles t ON t.profile_id = c.profile_id"}
"""Joins that one sort key of the clicks needs and no other question does."""
SORT_EQUALS: Mapping[str, str] = {
    "tag": "c.profile_id = ANY(ARRAY(SELECT f.profile_id FROM profiles f WHERE f.first_tag = {}))"
}
"""What an equality with a joined sort value implies of the clicks themselves."""


@dataclass(frozen=True)
class Way:
    """How a field that lies in another table is reached: the click's or profile's `pointer` is one of `found`."""

    pointer: str
    found: str
    """A query of the pointers to rows for which the condition in place of `{}` holds."""
    alias: str = "s"
    """The alias of the table in `found`."""
    resource: str = ""
    """The resource of these rows, if a partner may see the click but not the row: the row then has no values."""

    @property
    def column(self) -> Sql:
        """The pointer."""
        return named(self.pointer)

    def value(self, row: Field) -> Sql:
        """The field's value, where it lies."""
        return named(f"{self.alias}.{row.column}")

    def find(self, condition: Sql, viewer: Viewer) -> Sql:
        """The pointers to rows that the viewer sees and for which the condition holds."""
        return sql(self.found, and_(visible(TABLES[self.resource], viewer), condition) if self.resource else condition)


_PROFILES, _TAGS, _CONTACTS = (
    f"SELECT s.profile_id FROM {table} s WHERE {{}}" for table in ("profiles", "profile_tags", "contacts")
)
THROUGH: Mapping[Source, Way] = {
    Source.LINK: Way("c.link_id", "SELECT l.link_id FROM links l WHERE {}", alias="l", resource=LINK.name),
    Source.PARTNER: Way("c.partner_id", _PROFILES),
    Source.CLIENT: Way("c.profile_id", _PROFILES),
    Source.CLIENT_TAGS: Way("c.profile_id", _TAGS),
    Source.CLIENT_CONTACTS: Way("c.profile_id", _CONTACTS),
    Source.TAGS: Way("p.profile_id", _TAGS),
    Source.CONTACTS: Way("p.profile_id", _CONTACTS),
}


PARTS: Mapping[str, str] = {"time": "time", "create_time": "click_id", "click_id": "click_id"}
"""Column of a sort key of the clicks -> the order whose parts can be counted (`session.parts`)."""
