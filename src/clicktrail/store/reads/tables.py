"""How resources lie in tables: the FROM clause of each, where joined fields come from, and who may see which rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clicktrail.model.access import PARTNERS, Viewer
from clicktrail.query.fields import (
    BANNER,
    CLICK,
    CLIENT,
    CONTACT,
    DELIVERY,
    IDENTITY,
    LANGUAGE,
    LINK,
    POSTBACK,
    PROFILE,
    SITE,
    SIZE,
    THEME,
    Field,
    Source,
)
from clicktrail.store.session.protocol import Params

OWN_LINKS = "(SELECT link_id FROM links WHERE profile_id = {partner})"
OWN_CLIENTS = "(SELECT profile_id FROM clicks WHERE profile_id IS NOT NULL AND link_id IN " + OWN_LINKS + ")"


@dataclass(frozen=True)
class Table:
    """One resource's table: `name`, `alias`, the joins that its fields need, and what a partner may see of it."""

    name: str
    alias: str
    partner_sees: str
    """SQL condition with `{partner}` for the partner's id; `TRUE` for what every partner may see."""
    own: str = "TRUE"
    """SQL condition, by the bare columns, of the rows whose uuid is the site's own and not a partner's word."""
    joins: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Field name -> the column that holds a hash of its text."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field name -> SQL expression, where it is not simply a column of this table."""

    def expression(self, row: Field) -> str:
        """The SQL expression of a field's own value."""
        return self.columns.get(row.name, f"{self.alias}.{row.column}")


TABLES: Mapping[str, Table] = {
    CLICK.name: Table(
        "clicks",
        "c",
        f"c.link_id IN {OWN_LINKS}",
        hashes={"ip": "c.ip_hash", "uuid": "c.uuid_hash"},
        columns={
            "createTime": "c.click_id",
            "registration": "(c.profile_id IS NOT NULL)",
            "tag": "t.first_tag",
            "isBot": "(c.bot <> '')",
            "botRule": "nullif(c.bot, '')",
        },
    ),
    PROFILE.name: Table(
        "profiles",
        "p",
        f"(p.profile_id = {{partner}} OR p.profile_id IN {OWN_CLIENTS})",
        own="name_space IS NULL",
        columns={"createTime": "p.profile_id"},
    ),
    CONTACT.name: Table(
        "contacts",
        "k",
        f"(k.profile_id = {{partner}} OR k.profile_id IN {OWN_CLIENTS})",
        columns={"createTime": "k.contact_id"},
    ),
    LINK.name: Table("links", "l", "l.profile_id = {partner}", columns={"createTime": "l.link_id"}),
    BANNER.name: Table(
        "banners",
        "b",
        "TRUE",
        joins=" LEFT JOIN languages g ON g.language_id = b.language_id"
        " LEFT JOIN themes h ON h.theme_id = b.theme_id"
        " LEFT JOIN sizes z ON z.size_id = b.size_id",
        columns={
            "createTime": "b.banner_id",
            "languageName": "g.language_name",
            "themeName": "h.theme_name",
            "sizeName": "z.size_name",
            "width": "coalesce(b.width, z.width)",
            "height": "coalesce(b.height, z.height)",
        },
    ),
    LANGUAGE.name: Table("languages", "g", "TRUE", columns={"createTime": "g.language_id"}),
    SIZE.name: Table("sizes", "z", "TRUE", columns={"createTime": "z.size_id"}),
    THEME.name: Table("themes", "h", "TRUE", columns={"createTime": "h.theme_id"}),
    SITE.name: Table("sites", "w", "FALSE", columns={"createTime": "w.site_id"}),
    POSTBACK.name: Table("postbacks", "q", "q.profile_id = {partner}", columns={"createTime": "q.postback_id"}),
    DELIVERY.name: Table("deliveries", "d", "d.profile_id = {partner}", columns={"createTime": "d.delivery_id"}),
    IDENTITY.name: Table("identities", "i", "FALSE", columns={"createTime": "i.identity_id"}),
    CLIENT.name: Table("clients", "o", "FALSE", columns={"createTime": "o.client_id"}),
}

SORT_JOINS: Mapping[str, str] = {"tag": " LEFT JOIN profiles t ON t.profile_id = c.profile_id"}
"""Joins that one sort key of the clicks needs and no other question does."""
SORT_EQUALS: Mapping[str, str] = {
    "tag": "c.profile_id = ANY(ARRAY(SELECT f.profile_id FROM profiles f WHERE f.first_tag = {value})) AND "
}
"""What an equality with a joined sort value implies of the clicks themselves."""


@dataclass(frozen=True)
class Way:
    """How a field that lies in another table is reached: `column` is one of `found`; that table's alias is `s`."""

    column: str
    found: str


_PROFILES = "SELECT s.profile_id FROM {table} s WHERE {condition}"
THROUGH: Mapping[Source, Way] = {
    Source.LINK: Way("c.link_id", "SELECT s.link_id FROM links s WHERE {condition}"),
    Source.PARTNER: Way(
        "c.link_id",
        "SELECT l.link_id FROM links l JOIN profiles s ON s.profile_id = l.profile_id WHERE {condition}",
    ),
    Source.CLIENT: Way("c.profile_id", _PROFILES.replace("{table}", "profiles")),
    Source.CLIENT_TAGS: Way("c.profile_id", _PROFILES.replace("{table}", "profile_tags")),
    Source.CLIENT_CONTACTS: Way("c.profile_id", _PROFILES.replace("{table}", "contacts")),
    Source.TAGS: Way("p.profile_id", _PROFILES.replace("{table}", "profile_tags")),
    Source.CONTACTS: Way("p.profile_id", _PROFILES.replace("{table}", "contacts")),
}

Condition = Callable[[Params], str]


def visible(table: Table, viewer: Viewer, params: Params) -> str:
    """The condition that every read of `table` carries: the one place where partners are kept apart."""
    if viewer.scope not in PARTNERS:
        return "TRUE"
    if viewer.partner_id is None:
        return "FALSE"
    if "{partner}" not in table.partner_sees:  # a value that no placeholder names is an error to engines
        return table.partner_sees
    return table.partner_sees.replace("{partner}", params.add(viewer.partner_id))
