"""What partners change themselves: their own links and postbacks, within the operator's limits.

The callers run in transactions that exclude each other, so the limits are exact under parallel requests.
"""

from collections.abc import Mapping
from math import inf
from typing import Any

from clicktrail.errors import Conflict, InvalidBody, Mistake
from clicktrail.model.access import PARTNERS, OwnRules, Viewer
from clicktrail.model.ids import least_id
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.query.fields import LINK, Record, Resource
from clicktrail.query.texts import find_origin
from clicktrail.store.objects.catalogue import find_link
from clicktrail.store.reads.records import get_record
from clicktrail.store.reads.report_sql import parameter_pattern, plain_key
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import named, sql

_PAGES = ("uri", "fallback_uri")
_FROZEN = ("code", "uri", "enabled", "expire_time", "fallback_uri")
"""What decides where a link leads. Only the operator changes it once the link is disabled or expired."""
_COUNT = "SELECT count(*) FROM {} WHERE profile_id = {}"
"""By the index of partners."""
_EARNED = "SELECT 1 FROM attributions WHERE link_id = {} OR code_link_id = {} LIMIT 1"
_NAMED = "SELECT 1 FROM attributions WHERE named_code = {} LIMIT 1"
_CARRIED = (
    "SELECT 1 FROM clicks c WHERE c.click_id >= {} AND c.link_id IS NULL "
    "AND uri_parameter(c.uri, {}::VARCHAR, {}::VARCHAR) = {} LIMIT 1"
)
_CARRIED_S = 7 * DAY_US // SECOND
"""Seconds for which clicks keep a code from partners."""
_ENABLED = "SELECT 1 FROM profiles WHERE profile_id = {} AND enabled"


def check_added(
    session: Session, viewer: Viewer, resource: Resource, values: Mapping[str, Any], rules: OwnRules
) -> None:
    """Checks what a partner adds; other viewers may add anything. Raises Conflict, InvalidBody."""
    if viewer.scope not in PARTNERS:
        return
    check_partner(session, viewer)
    most = rules.links if resource is LINK else rules.postbacks
    has = int(session.rows(sql(_COUNT, named(TABLES[resource.name].name), viewer.partner_id))[0][0])
    if has >= most:
        raise Conflict(f"This partner has {has} {resource.name}s; this server lets partners add up to {most}.")
    if resource is LINK:
        _refuse(_find_foreign(values, rules))
        _refuse_taken(session, values.get("code"))


def check_changed(session: Session, viewer: Viewer, record: Record, values: Mapping[str, Any], rules: OwnRules) -> None:
    """Checks how a partner changes a link; an unchanged value is never refused. Raises Conflict, InvalidBody."""
    if viewer.scope not in PARTNERS:
        return
    check_partner(session, viewer)
    changes = record.changes(values)
    mistakes = _find_frozen(changes, _find_end(record, session.clock.now_us()))
    _refuse(mistakes or _find_later(record, changes) + _find_foreign(changes, rules))


def check_deleted(session: Session, viewer: Viewer, resource: Resource, object_id: str) -> None:
    """Checks what a partner deletes: a deleted link could be added again, with its old code, and registrations would no
    longer say which link earned them. Raises Conflict."""
    if viewer.scope not in PARTNERS:
        return
    check_partner(session, viewer)
    if resource is LINK:
        end = _find_end(get_record(session, viewer, LINK, object_id), session.clock.now_us())
        if end is not None:
            raise Conflict(f"This link {end}: only the operator can delete it.")
        if session.rows(sql(_EARNED, object_id, object_id)):
            raise Conflict("This link has registrations: only the operator can delete it.")


def check_unclaimed(session: Session, code: str, parameter: str) -> None:
    """Refuses a code that a registration named, or that clicks of the last days without a link have in the query
    parameter `parameter`: whoever adds its link would earn what others brought. Raises Conflict."""
    since = least_id(int(session.clock.unix_s()) - _CARRIED_S)
    carried = sql(_CARRIED, since, parameter_pattern(parameter), plain_key(parameter), code)
    if session.rows(sql(_NAMED, code)) or session.rows(carried):
        raise Conflict(
            "Clicks or registrations already have this code: only the operator can give it to a link.",
            (Mistake("is in use without a link", pointer="/code"),),
        )


def check_partner(session: Session, viewer: Viewer) -> None:
    """Refuses changes by a partner whose profile is disabled. Raises Conflict."""
    if viewer.scope in PARTNERS and not session.rows(sql(_ENABLED, viewer.partner_id)):
        raise Conflict("The operator has disabled this partner, who changes nothing until it is enabled again.")


def _find_end(link: Record, now_us: int) -> str | None:
    """Why a link no longer leads to its landing page; None while it does."""
    if not link.enabled:
        return "is disabled"
    return "has expired" if link.expire_time is not None and link.expire_time <= now_us else None


def _find_frozen(changes: Mapping[str, Any], end: str | None) -> list[Mistake]:
    """The changed fields that only the operator may change. The code is one of them for every link: whoever took an
    abandoned code would earn what comes with it.
    """
    frozen, reason = (("code",), "") if end is None else (_FROZEN, f": the link {end}")
    detail = f"can be changed only by the operator{reason}"
    return [Mistake(detail, pointer=f"/{LINK.keys[name]}") for name in frozen if name in changes]


def _find_later(link: Record, changes: Mapping[str, Any]) -> list[Mistake]:
    """An end that is set may come earlier, never later: the operator may have set it."""
    end = link.expire_time
    if end is None or "expire_time" not in changes or (changes["expire_time"] or inf) < end:
        return []
    return [Mistake("can be moved only to an earlier time; the operator can change it", pointer="/expireTime")]


def _find_foreign(values: Mapping[str, Any], rules: OwnRules) -> list[Mistake]:
    """The pages that are not on an allowed origin."""
    allowed = ", ".join(sorted(rules.origins))
    return [
        Mistake(f"must be a page of: {allowed}", pointer=f"/{LINK.keys[name]}")
        for name in _PAGES
        if values.get(name) is not None and find_origin(values[name]) not in rules.origins
    ]


def _refuse(mistakes: list[Mistake]) -> None:
    if mistakes:
        raise InvalidBody("The body is not valid.", tuple(mistakes))


def _refuse_taken(session: Session, code: str | None) -> None:
    """Raises Conflict, without the id of the link that has the code: it may be another partner's."""
    if code is not None and find_link(session, code) is not None:
        raise Conflict("Another link has this code.", (Mistake("is taken", pointer="/code"),))
