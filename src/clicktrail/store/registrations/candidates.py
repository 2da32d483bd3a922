"""Finds the clicks that may have earned a client: by the values that a registration names, and by their visitors."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.model.access import Viewer
from clicktrail.model.attribution import MAX_AHEAD_US, Evidence, Model
from clicktrail.model.click import Click
from clicktrail.model.times import DAY_US, SECOND
from clicktrail.model.visitors import secret_visitor_of
from clicktrail.query.fields import Record
from clicktrail.store.objects.profiles import find_client
from clicktrail.store.reads.clicks import select_clicks
from clicktrail.store.reads.tables import TABLES
from clicktrail.store.reads.visibility import visible
from clicktrail.store.registrations.identities import browsers_of
from clicktrail.store.registrations.ranks import find_outranked, find_settled
from clicktrail.store.session.finding import with_id
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import Sql, and_, sql

_BY_UUID = "c.uuid_hash = {} AND c.uuid = {} AND c.name_space IS NULL"
_BY_PLACE = "c.link_id = {} AND c.ip_hash = {} AND c.ip = {} AND c.user_agent IS NOT DISTINCT FROM {}"
_BY_VISITOR = "c.link_id = {} AND c.time >= {}::BIGINT AND c.visitor = ANY({}::BIGINT[])"
"""Where the address or the user agent is not kept: clicks of the days whose salts are known."""
Found = dict[str, tuple[Click, set[Evidence]]]
"""Clicks by id, each with the evidence that found it."""


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A request to register a client (`query.fields.REGISTRATION`). `profile` has the client's values, by attribute."""

    click_id: str | None = None
    visitor_id: str | None = None
    uuid: str | None = None
    code: str | None = None
    time: int | None = None
    ip: str | None = None
    user_agent: str | None = None
    profile: Mapping[str, Any] = {}


class Named(msgspec.Struct, frozen=True):
    """What a registration names: the values by which its click is found."""

    click_id: str | None = None
    visitor_id: str | None = None
    uuid: str | None = None
    code: str | None = None
    code_link_id: str | None = None


class Gathered(NamedTuple):
    """All that the decision needs."""

    named: Named
    clicks: Found
    outranked: frozenset[str]
    """Where the site registers: the clients of these clicks that partners registered."""
    settled: frozenset[str]
    """Where a partner registers: the clicks that lost in a registration by the site."""


def gather(session: Session, name_space: str | None, named: Named, clicks: Found) -> Gathered:
    """Adds to the clicks the ranks of their clients."""
    stored = [click for click, _ in clicks.values()]
    if name_space is None:
        return Gathered(named, clicks, find_outranked(session, stored), frozenset())
    return Gathered(named, clicks, frozenset(), find_settled(session, stored))


def read_client(
    session: Session, name_space: str | None, values: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Record | None]:
    """Returns the client's values, with the current uuid if the profile was merged, and the stored profile."""
    found = find_client(session, name_space, values["uuid"]) if values.get("uuid") else None
    return (values if found is None else {**values, "uuid": found.uuid}), found


def check_named(session: Session, viewer: Viewer, said: Registration) -> tuple[Named, Click | None]:
    """Looks up the named code and the named click. Returns what is named, and the click. Raises InvalidBody."""
    mistakes = []
    code_link_id = None
    if said.code is not None:
        where = and_(sql("l.code = {}", said.code), visible(TABLES["link"], viewer))
        for [link_id] in session.rows(sql("SELECT l.link_id FROM links l WHERE {}", where)):
            code_link_id = link_id
        if code_link_id is None:
            mistakes.append(Mistake("there is no link with this code", pointer="/code"))
    click_id = said.click_id
    clicks = select_clicks(session, viewer, with_id(session.dialect, click_id)) if click_id is not None else []
    if click_id is not None and not clicks:
        mistakes.append(Mistake(f"there is no click {click_id}", pointer="/clickId"))
    if mistakes:
        raise InvalidBody("The body names objects that do not exist.", tuple(mistakes))
    named = Named(
        click_id=click_id, visitor_id=said.visitor_id, uuid=said.uuid, code=said.code, code_link_id=code_link_id
    )
    return named, clicks[0] if clicks else None


def find_clicks(
    session: Session,
    viewer: Viewer,
    named: Named,
    click: Click | None,
    said: Registration,
    people: set[str],
    at: int,
    model: Model,
) -> Found:
    """Returns all clicks that may have earned the client, with their evidence; `click` was named by its id.

    `people` are the uuids of persons whose browsers are considered. A uuid sent with a public key finds no browsers:
    anyone can send one. Nor does an address find a click for a partner who may not see addresses: the answer and the
    partner's reports would tell whether the address has clicked.
    """
    found: Found = {}

    def add(clicks: Iterable[Click], evidence: Evidence) -> None:
        for each in clicks:
            found.setdefault(each.click_id, (each, set()))[1].add(evidence)

    if click is not None:
        add([click], Evidence.CLICK_ID)
    if named.uuid is not None:
        add(select_clicks(session, viewer, sql(_BY_UUID, text_hash(named.uuid), named.uuid)), Evidence.UUID)
    own = {named.visitor_id, *(click.visitor_id for click, _ in found.values())} - {None}
    others = browsers_of(session, people) - own
    span = _span(at, model)
    for browsers, evidence in ((own, Evidence.VISITOR_ID), (others, Evidence.IDENTITY)):
        if browsers:
            wanted = sql("c.visitor_id = ANY({}::TEXT[])", sorted(map(str, browsers)))
            add(select_clicks(session, viewer, and_(wanted, span), model.touch), evidence)
    if named.code_link_id is not None and said.ip is not None and viewer.sees_visitors:
        for where in _of_place(session, named.code_link_id, said.ip, said.user_agent):
            add(select_clicks(session, viewer, and_(where, span), model.touch), Evidence.CODE)
    originals = {click.duplicate_of for click, _ in found.values() if click.duplicate_of} - found.keys()
    for click_id in sorted(map(str, originals)):
        add(select_clicks(session, viewer, with_id(session.dialect, click_id)), Evidence.ORIGINAL)
    return found


def _of_place(session: Session, link_id: str, ip: str, user_agent: str | None) -> Iterator[Sql]:
    """Clicks on a link from an address with a user agent. Where these are not kept, only recent ones can be found."""
    yield sql(_BY_PLACE, link_id, text_hash(ip), ip, user_agent)
    salts = session.memory.salts.by_day
    if session.memory.policy.has_secret_visitors and salts:
        keys = [secret_visitor_of(salt, ip, user_agent, day * DAY_US) for day, salt in salts.items()]
        yield sql(_BY_VISITOR, link_id, min(salts) * DAY_US, keys)


def _span(at: int, model: Model) -> Sql:
    """Clicks that may lie in the window, as a range of ids. Ids sort by time, so engines find the range at once."""
    first = max(at - model.window_days * DAY_US - MAX_AHEAD_US, 0) // SECOND
    return sql("c.click_id >= {}", f"{min(first, 0xFFFFFFFF):08x}")
