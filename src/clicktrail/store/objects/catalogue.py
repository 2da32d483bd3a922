"""Links, banners, languages, sizes, themes, and the catalogue that clicks are made with."""

import secrets
from collections.abc import Mapping
from typing import Any

from clicktrail.model.access import SYSTEM
from clicktrail.model.catalogue import Catalogue, CatalogueBanner, CatalogueLink, CataloguePostback, CatalogueSite
from clicktrail.model.ids import IdGenerator
from clicktrail.model.postbacks import Event
from clicktrail.query.fields import Record, Resource
from clicktrail.store.counting.salts import load_salts
from clicktrail.store.objects.oauth_clients import list_revoked
from clicktrail.store.reads.records import (
    check_references,
    check_unused,
    find_repeat,
    get_record,
    insert_row,
    update_row,
)
from clicktrail.store.session.protocol import Row, Session, list_values
from clicktrail.store.session.sql import Sql, named, names, sql
from clicktrail.store.session.transactions import Write, transaction

_GENERATED: Mapping[str, tuple[str, int]] = {"link": ("code", 8), "site": ("key", 12)}
"""Resource -> a column that is generated if missing, and its random bytes. 64 bits cannot be guessed; a collision is
practically impossible, and refused."""
_LINK = names(CatalogueLink.__struct_fields__)
_NOTIFIED = (
    "SELECT l.link_id, q.events, q.postback_id, q.profile_id FROM postbacks q "
    "JOIN links l ON l.profile_id = q.profile_id WHERE q.enabled ORDER BY q.postback_id"
)
_USED = "SELECT f.{} AS id, f.{} AS name FROM {} f WHERE f.{} IN (SELECT {} FROM banners) ORDER BY name, id"
"""Id and name of each language, size or theme that a banner has. These tables have few rows."""


def load_catalogue(session: Session) -> Catalogue:
    """The catalogue as this transaction sees it."""
    links = {code: CatalogueLink(*link) for code, *link in session.rows(sql("SELECT code, {} FROM links", _LINK))}
    banners = session.rows(sql("SELECT banner_id, banner_name, cdn_file_url FROM banners"))
    sites = session.rows(sql("SELECT key, site_id, origins FROM sites WHERE enabled"))
    return Catalogue(
        links=links,
        partners={link.link_id: link.profile_id for link in links.values()},
        banners={banner_id: CatalogueBanner(name, url) for banner_id, name, url in banners},
        sites={key: CatalogueSite(site_id, frozenset(origins.split())) for key, site_id, origins in sites},
        postback_ids=frozenset(list_values(session, sql("SELECT postback_id FROM postbacks WHERE enabled"))),
        told_of_clicks=_load_notified(session),
    )


def _load_notified(session: Session) -> dict[str, tuple[CataloguePostback, ...]]:
    """Link id -> the postbacks that its clicks notify."""
    notified: dict[str, tuple[CataloguePostback, ...]] = {}
    for link_id, events, *postback in session.rows(sql(_NOTIFIED)):
        if Event.CLICK in events.split():
            notified[link_id] = (*notified.get(link_id, ()), CataloguePostback(*postback))
    return notified


def find_link(session: Session, code: str) -> CatalogueLink | None:
    """Reads a link from the store by its code."""
    rows = session.rows(sql("SELECT {} FROM links WHERE code = {}", _LINK, code))
    return CatalogueLink(*rows[0]) if rows else None


def refresh(session: Session) -> None:
    """Reads catalogue, revocations and salts. Memory gets them after the commit."""
    version = session.catalogue_version()
    catalogue, revoked, salts = load_catalogue(session), list_revoked(session), load_salts(session)
    memory = session.memory

    def learn() -> None:
        if memory.published.learn(catalogue, revoked, version):
            memory.salts.by_day = salts

    session.after_commit(learn)


@transaction(Write.CATALOGUE)
def create_item(
    session: Session, ids: IdGenerator, resource: Resource, values: Mapping[str, Any]
) -> tuple[Record, bool]:
    """Adds an object. Returns it, and whether it is new. Raises Conflict, InvalidBody."""
    repeated = find_repeat(session, resource, values)
    if repeated is not None:
        return repeated, False
    check_references(session, resource, values)
    row = resource.defaults | dict(values)
    name = generate(resource, row)
    if name is not None:
        check_unused(session, resource, name, row[name], None)
    object_id = ids.new()
    insert_row(session, resource, {resource.id_field.column: object_id, **row})
    return get_record(session, SYSTEM, resource, object_id), True


def generate(resource: Resource, row: dict[str, Any]) -> str | None:
    """Generates the code of a link or the key of a site if missing. Returns the column."""
    if resource.name not in _GENERATED:
        return None
    name, size = _GENERATED[resource.name]
    row[name] = row.get(name) or secrets.token_urlsafe(size)
    return name


@transaction(Write.CATALOGUE)
def update_item(session: Session, resource: Resource, object_id: str, values: Mapping[str, Any]) -> Record:
    """Changes the fields in `values`. Raises NotFound, Conflict, InvalidBody."""
    record = get_record(session, SYSTEM, resource, object_id)
    check_references(session, resource, values)
    for name in ("uuid", "code"):
        check_unused(session, resource, name, values.get(name), object_id)
    update_row(session, resource, object_id, record.changes(values))
    return get_record(session, SYSTEM, resource, object_id)


def _used(word: str) -> Sql:
    key, label, table = named(f"{word}_id"), named(f"{word}_name"), named(f"{word}s")
    return sql(_USED, key, label, table, key, key)


def list_used_facets(session: Session) -> dict[str, list[Row]]:
    """The languages, sizes and themes that banners have: id and name, sorted by name."""
    return {f"{word}s": session.rows(_used(word)) for word in ("language", "size", "theme")}
