"""What partners change themselves: their own links and postbacks, within the operator's limits.

The callers run in transactions that exclude each other, so the limits are exact under parallel requests.
"""

from collections.abc import Mapping
from typing import Any

from clicktrail.errors import Conflict, InvalidBody, Mistake
from clicktrail.model.access import PARTNERS, OwnRules, Viewer
from clicktrail.query.fields import LINK, Record, Resource
from clicktrail.query.texts import find_origin
from clicktrail.store.objects.catalogue import find_link
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import named, sql

_PAGES = ("uri", "fallback_uri")
_COUNT = "SELECT count(*) FROM {} WHERE profile_id = {}"
"""By the index of partners."""


def check_added(
    session: Session, viewer: Viewer, resource: Resource, values: Mapping[str, Any], rules: OwnRules
) -> None:
    """Checks what a partner adds; other viewers may add anything. Raises Conflict, InvalidBody."""
    if viewer.scope not in PARTNERS:
        return
    most = rules.links if resource is LINK else rules.postbacks
    has = int(session.rows(sql(_COUNT, named(TABLES[resource.name].name), viewer.partner_id))[0][0])
    if has >= most:
        raise Conflict(f"This partner has {has} {resource.name}s; this server lets partners add up to {most}.")
    if resource is LINK:
        _check_link(session, values, rules, None)


def check_changed(session: Session, viewer: Viewer, record: Record, values: Mapping[str, Any], rules: OwnRules) -> None:
    """Checks how a partner changes a link; an unchanged value is never refused. Raises Conflict, InvalidBody."""
    if viewer.scope in PARTNERS:
        _check_link(session, record.changes(values), rules, record.object_id)


def _check_link(session: Session, values: Mapping[str, Any], rules: OwnRules, own_id: str | None) -> None:
    allowed = ", ".join(sorted(rules.origins))
    mistakes = [
        Mistake(f"must be a page of: {allowed}", pointer=f"/{LINK.keys[name]}")
        for name in _PAGES
        if values.get(name) is not None and find_origin(values[name]) not in rules.origins
    ]
    if own_id is not None and values.get("enabled"):
        mistakes.append(Mistake("can be switched on again only by the operator", pointer="/enabled"))
    if mistakes:
        raise InvalidBody("The body is not valid.", tuple(mistakes))
    _refuse_taken(session, values.get("code"), own_id)


def _refuse_taken(session: Session, code: str | None, own_id: str | None) -> None:
    """Raises Conflict, without the id of the link that has the code: it may be another partner's."""
    found = None if code is None else find_link(session, code)
    if found is not None and found.link_id != own_id:
        raise Conflict("Another link has this code.", (Mistake("is taken", pointer="/code"),))
