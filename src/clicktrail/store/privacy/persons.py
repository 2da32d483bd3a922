"""Finds all that the store holds of one person.

A person has profiles, uuids and browsers. One of them is named; the others follow from registrations, identities and
clicks. A browser that several persons use leads to none of them, and clicks of other clients are never the person's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from clicktrail.errors import Conflict
from clicktrail.model.click import Click
from clicktrail.model.erasure import Key, Named
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, and_, named, number, or_, sql

MOST_CLICKS = 100_000
"""Clicks of one person that are exported or erased by one request."""
_MOST_BROWSERS = 1_000
_OWN = "name_space IS NULL"
_LED = "SELECT profile_id FROM merged_profiles WHERE {} UNION SELECT profile_id FROM profiles WHERE {}"
_HAD = "SELECT uuid FROM merged_profiles WHERE {} UNION SELECT uuid FROM profiles WHERE {}"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has in the store. `keys` are all values that lead to the person; empty for an unknown one."""

    profile_ids: frozenset[str] = frozenset()
    uuids: frozenset[str] = frozenset()
    visitor_ids: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()
    identity_ids: frozenset[str] = frozenset()
    attribution_ids: frozenset[str] = frozenset()
    clicks: Sequence[Click] = ()
    delivery_ids: frozenset[str] = frozenset()


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where the search begins."""

    profile_ids: frozenset[str] = frozenset()
    uuids: frozenset[str] = frozenset()
    visitor_ids: frozenset[str] = frozenset()
    click_ids: frozenset[str] = frozenset()


def find_person(session: Session, asked: Named) -> Person:
    """Raises Conflict if the person has more than `MOST_CLICKS` clicks."""
    start = _STARTS[asked.key](session, list(asked.values))
    uuids = start.uuids | _texts(session, _HAD, start.profile_ids, "profile_id")
    profile_ids = start.profile_ids | _texts(session, _LED, uuids, "uuid", _OWN)
    uuids |= _texts(session, _HAD, profile_ids, "profile_id")
    identities = _identities(session, uuids, start.visitor_ids)
    own_browsers = _named_browsers(session, profile_ids) | {each for _, each, uuid in identities if uuid in uuids}
    visitor_ids = start.visitor_ids | own_browsers
    if len(visitor_ids) > _MOST_BROWSERS:
        raise Conflict(f"The person has more than {_MOST_BROWSERS} browsers; erase them one by one, by visitorId.")
    clicks = _find_clicks(session, start.click_ids, profile_ids, uuids, visitor_ids)
    attribution_ids = _attributions(session, profile_ids, uuids, visitor_ids)
    return Person(
        profile_ids=profile_ids,
        uuids=uuids,
        visitor_ids=visitor_ids,
        contacts=_among(session, "SELECT value FROM contacts WHERE {}", "profile_id", profile_ids),
        identity_ids=frozenset(identity_id for identity_id, *_ in identities),
        attribution_ids=attribution_ids,
        clicks=clicks,
        delivery_ids=_deliveries(session, [click.click_id for click in clicks], attribution_ids),
    )


def is_any(column: str, values: Iterable[str]) -> Sql:
    """The column has one of the values: one list, however long."""
    return sql("{} IN (SELECT unnest({}::VARCHAR[]))", named(column), sorted(values))


def read_clicks(session: Session, where: Sql, most: int) -> list[Click]:
    """The newest clicks `c` for which a condition holds."""
    table = sql("clicks c")
    if session.dialect.row_id is not None:  # no index: whole rows of these only
        place = named(f"c.{session.dialect.row_id}")
        rows = list_values(session, sql("SELECT {} FROM clicks c WHERE {}", place, where))
        where = sql("{} IN (SELECT unnest({}::BIGINT[]))", place, rows)
    found = sql("SELECT {} FROM {} WHERE {} ORDER BY c.click_id DESC LIMIT {}", CLICK_SQL, table, where, number(most))
    return [Click(*row) for row in session.rows(found)]


def _by_contact(session: Session, values: Sequence[str]) -> _Start:
    same = "fold(value) IN (SELECT fold(v) FROM (SELECT unnest({}::VARCHAR[]) AS v) n)"
    found = list_values(session, sql(f"SELECT profile_id FROM contacts WHERE {same}", list(values)))
    return _Start(profile_ids=frozenset(found))


def _by_uuid(session: Session, values: Sequence[str]) -> _Start:
    del session
    return _Start(uuids=frozenset(values))


def _by_profile(session: Session, values: Sequence[str]) -> _Start:
    del session
    return _Start(profile_ids=frozenset(values))


def _by_browser(session: Session, values: Sequence[str]) -> _Start:
    """The browser, and its person if it has only one."""
    its = is_any("visitor_id", values)
    uuids = set(list_values(session, sql("SELECT uuid FROM identities WHERE {}", its)))
    clients = sql("SELECT c.profile_id FROM clicks c WHERE {} AND c.profile_id IS NOT NULL", its)
    named_by = sql("SELECT profile_id FROM attributions WHERE {}", is_any("named_visitor_id", values))
    profile_ids = set(list_values(session, sql("{} UNION {}", clients, named_by)))
    profile_ids |= _texts(session, _LED, uuids, "uuid", _OWN)
    uuids -= _texts(session, _HAD, profile_ids, "profile_id")
    is_one = len(profile_ids) + len(uuids) == 1
    return _Start(
        visitor_ids=frozenset(values),
        profile_ids=frozenset(profile_ids if is_one else ()),
        uuids=frozenset(uuids if is_one else ()),
    )


def _by_click(session: Session, values: Sequence[str]) -> _Start:
    """The click, and its client; without a client, its browser."""
    clicks = read_clicks(session, is_any("c.click_id", values), 1)
    start = _Start(click_ids=frozenset(click.click_id for click in clicks))
    for click in clicks:
        if click.profile_id is not None:
            return msgspec.structs.replace(start, profile_ids=frozenset({click.profile_id}))
        if click.visitor_id is not None:
            return msgspec.structs.replace(_by_browser(session, [click.visitor_id]), click_ids=start.click_ids)
    return start


_STARTS = {
    Key.CONTACT: _by_contact,
    Key.UUID: _by_uuid,
    Key.VISITOR_ID: _by_browser,
    Key.CLICK_ID: _by_click,
    Key.PROFILE_ID: _by_profile,
}


def _among(session: Session, text: str, column: str, values: Collection[str]) -> frozenset[str]:
    """The texts that a statement finds where a column has one of the values."""
    if not values:
        return frozenset()
    return frozenset(each for each in list_values(session, sql(text, is_any(column, values))) if each is not None)


def _texts(session: Session, text: str, values: Collection[str], column: str, more: str = "TRUE") -> frozenset[str]:
    """The same for a statement over two tables."""
    if not values:
        return frozenset()
    its = and_(is_any(column, values), sql(more))
    return frozenset(each for each in list_values(session, sql(text, its, its)) if each is not None)


def _identities(session: Session, uuids: Collection[str], visitor_ids: Collection[str]) -> list[tuple[str, str, str]]:
    """Id, browser and uuid of the identities of these persons, and of the browsers that were named."""
    found = "SELECT identity_id, visitor_id, uuid FROM identities WHERE {}"
    wanted = _conditions({"uuid": uuids, "visitor_id": visitor_ids})
    rows = {row for each in wanted for row in session.rows(sql(found, each))}
    return [(identity_id, visitor_id, uuid) for identity_id, visitor_id, uuid in rows]


def _named_browsers(session: Session, profile_ids: Collection[str]) -> frozenset[str]:
    """The browsers that registrations of these clients named, and those of their clicks."""
    found = "SELECT named_visitor_id FROM attributions WHERE {} UNION SELECT c.visitor_id FROM clicks c WHERE {}"
    return _texts(session, found, profile_ids, "profile_id")


def _conditions(wanted: Mapping[str, Collection[str]]) -> list[Sql]:
    """One condition for each column that has values. Each is searched alone: by an index, or by one column."""
    return [is_any(column, values) for column, values in wanted.items() if values]


def _find_clicks(
    session: Session,
    click_ids: Collection[str],
    profile_ids: Collection[str],
    uuids: Collection[str],
    visitor_ids: Collection[str],
) -> list[Click]:
    """The person's clicks, the newest first. A click of another client is not the person's."""
    wanted = _conditions({"c.click_id": click_ids, "c.profile_id": profile_ids, "c.visitor_id": visitor_ids})
    if uuids:
        hashed = sql("c.uuid_hash IN (SELECT unnest({}::BIGINT[]))", [text_hash(uuid) for uuid in uuids])
        wanted.append(and_(hashed, is_any("c.uuid", uuids), sql(f"c.{_OWN}")))
    free = or_((sql("c.profile_id IS NULL"), *_conditions({"c.profile_id": profile_ids, "c.click_id": click_ids})))
    found: dict[str, Click] = {}
    for each in wanted:
        found |= {click.click_id: click for click in read_clicks(session, and_(each, free), MOST_CLICKS + 1)}
    if len(found) > MOST_CLICKS:
        raise Conflict(f"The person has more than {MOST_CLICKS} clicks; delete some by DELETE /clicks with filters.")
    return [found[click_id] for click_id in sorted(found, reverse=True)]


def _attributions(
    session: Session, profile_ids: Collection[str], uuids: Collection[str], visitor_ids: Collection[str]
) -> frozenset[str]:
    """The registrations of these clients, and those that named the person's uuid or browser."""
    wanted = {"profile_id": profile_ids, "named_uuid": uuids, "named_visitor_id": visitor_ids}
    return _list(session, "SELECT attribution_id FROM attributions WHERE {}", wanted)


def _deliveries(session: Session, click_ids: Collection[str], attribution_ids: Collection[str]) -> frozenset[str]:
    wanted = {"click_id": click_ids, "attribution_id": attribution_ids}
    return _list(session, "SELECT delivery_id FROM deliveries WHERE {}", wanted)


def _list(session: Session, text: str, wanted: Mapping[str, Collection[str]]) -> frozenset[str]:
    return frozenset(each for its in _conditions(wanted) for each in list_values(session, sql(text, its)))
