"""Every table of the store, one row each: its key, the tables it points to, and what happens to its rows.

Deletes, merges, moves and clusters read this table, so a new table needs one row here and one migration.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from clicktrail.reports.totals import TABLES
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, named, sql, update


class OnDelete(Enum):
    """What happens to a row when the row that it points to is deleted."""

    CLEAR = "it stays, and points to nothing"
    DELETE = "it is deleted as well"
    PART = "it is a part of the other row, and deleted with it"
    DISABLE = "it stays, switched off"
    KEEP = "it stays as it is: a record of what was"


class Reference(NamedTuple):
    """A column that holds the key of another table's row."""

    column: str
    table: str
    on_delete: OnDelete
    is_ownership: bool = False
    """Whether a row makes the profile in this column a partner."""
    is_merged: bool = False
    """Whether a merge of two profiles moves the pointer to the profile that stays."""


class Relation(NamedTuple):
    table: str
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    shard_column: str | None = None
    """The distribution column in Citus; None: every machine has a copy of the table."""
    is_moved: bool = True
    """Whether `move` copies it to another engine. Other tables are derived, or belong to one engine."""
    is_personal: bool = False
    """Whether it holds data of visitors or clients."""
    is_local: bool = False
    """Whether only the coordinator of a cluster has it."""


_CLEAR, _DELETE, _PART, _KEEP = OnDelete.CLEAR, OnDelete.DELETE, OnDelete.PART, OnDelete.KEEP

RELATIONS = (
    Relation("languages", ("language_id",)),
    Relation("sizes", ("size_id",)),
    Relation("themes", ("theme_id",)),
    Relation(
        "banners",
        ("banner_id",),
        tuple(Reference(f"{word}_id", f"{word}s", _CLEAR) for word in ("language", "theme", "size")),
    ),
    Relation("profiles", ("profile_id",), is_personal=True),
    Relation(
        "merged_profiles",
        ("merged_id", "time"),
        (Reference("profile_id", "profiles", _PART, is_merged=True),),
        is_personal=True,
    ),
    Relation(
        "profile_tags", ("profile_id", "position"), (Reference("profile_id", "profiles", _PART),), is_personal=True
    ),
    Relation("contacts", ("contact_id",), (Reference("profile_id", "profiles", _PART),), is_personal=True),
    Relation(
        "links",
        ("link_id",),
        (Reference("profile_id", "profiles", _CLEAR, is_ownership=True), Reference("banner_id", "banners", _CLEAR)),
    ),
    Relation("sites", ("site_id",)),
    Relation("postbacks", ("postback_id",), (Reference("profile_id", "profiles", _DELETE, is_ownership=True),)),
    Relation("clients", ("client_id",), (Reference("partner_id", "profiles", OnDelete.DISABLE, is_ownership=True),)),
    Relation("users", ("user_id",), (Reference("partner_id", "profiles", OnDelete.DISABLE, is_ownership=True),)),
    Relation("invitations", ("token_hash",), (Reference("user_id", "users", _PART),), is_moved=False),
    Relation("sessions", ("session_id",), (Reference("user_id", "users", _PART),), is_moved=False),
    Relation("revoked_tokens", ("token_id",)),
    Relation("visitor_salts", ("day",)),
    Relation("identities", ("visitor_id", "uuid"), is_personal=True),
    Relation(
        "attributions",
        ("attribution_id",),
        (
            Reference("profile_id", "profiles", _DELETE, is_merged=True),
            Reference("click_id", "clicks", _CLEAR),
            Reference("link_id", "links", _KEEP),
            Reference("partner_id", "profiles", _KEEP, is_merged=True),
        ),
        is_personal=True,
    ),
    Relation(
        "attribution_clicks",
        ("attribution_id", "click_id"),
        (
            Reference("attribution_id", "attributions", _PART),
            Reference("click_id", "clicks", _DELETE),
            Reference("link_id", "links", _KEEP),
        ),
    ),
    Relation(
        "deliveries",
        ("delivery_id",),
        (
            Reference("postback_id", "postbacks", _DELETE),
            Reference("profile_id", "profiles", _DELETE),
            Reference("click_id", "clicks", _KEEP),
            Reference("attribution_id", "attributions", _KEEP),
        ),
    ),
    Relation(
        "clicks",
        ("click_id",),
        (
            Reference("profile_id", "profiles", _CLEAR, is_merged=True),
            Reference("link_id", "links", _KEEP),  # a link with clicks is not deleted
            Reference("banner_id", "banners", _CLEAR),
            Reference("duplicate_of", "clicks", _CLEAR),
            Reference("partner_id", "profiles", _KEEP, is_merged=True),
            Reference("site_id", "sites", _KEEP),
        ),
        shard_column="click_id",
        is_personal=True,
    ),
    Relation("dropped_clicks", ("end_time",)),
    Relation("reduced_addresses", ("form",)),
    Relation(
        "dropped_figures",
        ("figures_id",),
        (Reference("link_id", "links", _KEEP), Reference("partner_id", "profiles", _KEEP, is_merged=True)),
    ),
    Relation("kept_totals", ("start_time",), is_moved=False),
    Relation("purges", ("purge_id",)),
    Relation("erasures", ("erasure_id",)),
    Relation("erased_keys", ("erasure_id", "key_hash")),
    Relation("erasure_secrets", ("secret",)),
    Relation("objections", ("site_id", "visitor_id")),
    Relation("erasing", ("profile_id", "key", "value"), is_personal=True),
    Relation("click_uuids", ("uuid_key",), shard_column="uuid_key", is_moved=False),
    Relation("link_visitors", ("visitor",), shard_column="visitor", is_moved=False, is_personal=True),
    Relation("link_figures", ("link_id",), is_moved=False),
    Relation("link_changes", ("link_id",), is_moved=False),
    *(Relation(table, ("day", *columns), is_moved=False) for table, columns in TABLES.items()),
    Relation("daily_changes", ("day",), is_moved=False),
    Relation("daily_fills", ("end_day",), is_moved=False),
    Relation("changes", ("object_id", "time", "field"), is_local=True),
    Relation("deleted_clicks", ("click_id", "delete_time"), is_local=True),
    Relation("deleted_registrations", ("attribution_id", "delete_time"), is_local=True),
    Relation("audit", ("position",), is_local=True),  # a cluster distributes no table that has triggers
    Relation("audit_turn", ("turn",), is_moved=False, is_local=True),
    Relation("signing_keys", ("position",), is_moved=False),
    Relation("issued_tokens", ("create_time",), is_moved=False),
    Relation("catalogue_version", ("version",), is_moved=False),
)
"""In an order in which rows only point to earlier tables; only a click may repeat a later click."""
DERIVED = frozenset({"is_totalled", "created_s", "uuid_number"})
"""Columns that are computed again and not copied."""
BY_TABLE = {each.table: each for each in RELATIONS}


def pointing_to(table: str) -> Iterator[tuple[Relation, Reference]]:
    for relation in RELATIONS:
        for reference in relation.references:
            if reference.table == table:
                yield relation, reference


def detach(session: Session, table: str, among: Callable[[Sql], Sql]) -> None:
    """Applies `OnDelete` to all rows that point to deleted rows of `table`. Clicks are changed elsewhere.

    `among` makes the condition that a column holds the key of a deleted row.
    """
    for relation, reference in pointing_to(table):
        where = among(named(reference.column))
        if relation.table == "clicks" or reference.on_delete is OnDelete.KEEP:
            continue
        if reference.on_delete is OnDelete.CLEAR:
            session.rows(update(relation.table, {reference.column: None}, where))
        elif reference.on_delete is OnDelete.DISABLE:
            session.rows(update(relation.table, {"enabled": False}, where))
        else:
            gone = sql("SELECT {} FROM {} WHERE {}", named(relation.key[0]), named(relation.table), where)
            detach(session, relation.table, lambda column, gone=gone: sql("{} IN ({})", column, gone))  # type: ignore[misc]
            session.rows(sql("DELETE FROM {} WHERE {}", named(relation.table), where))
