"""Finds all that the store holds of one person.

A person has profiles, uuids and browsers. One of them is named; the others follow from registrations, identities and
clicks. A browser that several persons use leads to none of them, and clicks of other clients are never the person's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from clicktrail.errors import Conflict
from clicktrail.model.click import Click
from clicktrail.model.erasure import Key, Named
from clicktrail.model.times import DAY_US
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.hashes import text_hash
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, and_, named, number, or_, sql

MOST_CLICKS = 100_000
"""Clicks of one person that are exported or erased by one request."""
_MOST_BROWSERS = 10_000
_OWN = "name_space IS NULL"
_LED = "SELECT profile_id FROM merged_profiles WHERE {} UNION SELECT profile_id FROM profiles WHERE {}"
_HAD = "SELECT uuid FROM merged_profiles WHERE {} UNION SELECT uuid FROM profiles WHERE {}"
_REPEATS = (
    "SELECT c.click_id FROM clicks c JOIN (SELECT unnest({}::VARCHAR[]) AS click_id, "
    "unnest({}::VARCHAR[]) AS link_id, unnest({}::BIGINT[]) AS time) n ON c.link_id = n.link_id "
    f"AND c.time >= n.time AND c.time <= n.time + {DAY_US} AND c.duplicate_of = n.click_id"
)
"""Repeats of clicks, at most a day later: by the index of link and time, or by columns."""


class TooMuch(Conflict):
    """The person has more than one transaction should take."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has in the store; empty for an unknown one. `visitor_ids`: the browsers that no one else uses.
    `merged_ids`: the profiles that became a part of the person's; the history and older stores have their ids."""

    profile_ids: frozenset[str] = frozenset()
    merged_ids: frozenset[str] = frozenset()
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


def find_person(session: Session, asked: Named, follows: bool = True, most: int | None = None) -> Person:
    """`follows`: whether a browser or a click leads to its person. Raises TooMuch if there are more than `most` clicks
    (`MOST_CLICKS`)."""
    is_led = follows or asked.key is Key.CONTACT
    start = _STARTS[asked.key](session, list(asked.values)) if is_led else _start_alone(asked)
    profile_ids, uuids = find_names(session, start.profile_ids, start.uuids)
    browsers = start.visitor_ids | _named_browsers(session, profile_ids) | _browsers_of(session, uuids)
    if len(browsers) > _MOST_BROWSERS:
        raise TooMuch(f"The person has more than {_MOST_BROWSERS} browsers; delete some of its identities first.")
    shared = find_shared(session, browsers, profile_ids, uuids)
    visitor_ids = browsers - shared
    identity_ids = _list(
        session, "SELECT identity_id FROM identities WHERE {}", {"uuid": uuids, "visitor_id": visitor_ids}
    )
    attribution_ids = _attributions(session, profile_ids, uuids, visitor_ids)
    led = _named_clicks(session, attribution_ids, shared)
    most = most or MOST_CLICKS
    clicks = _find_clicks(session, start.click_ids, led, profile_ids, uuids, visitor_ids | start.visitor_ids, most)
    return Person(
        profile_ids=profile_ids,
        merged_ids=_among(session, "SELECT merged_id FROM merged_profiles WHERE {}", "profile_id", profile_ids),
        uuids=uuids,
        visitor_ids=visitor_ids,
        contacts=_among(session, "SELECT value FROM contacts WHERE {}", "profile_id", profile_ids),
        identity_ids=identity_ids,
        attribution_ids=attribution_ids,
        clicks=clicks,
        delivery_ids=find_deliveries(session, [click.click_id for click in clicks], attribution_ids),
    )


def find_names(
    session: Session, profile_ids: frozenset[str], uuids: frozenset[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """All profiles and uuids of the person who has these."""
    uuids |= _texts(session, _HAD, profile_ids, "profile_id", _OWN)
    profile_ids |= _texts(session, _LED, uuids, "uuid", _OWN)
    return profile_ids, uuids | _texts(session, _HAD, profile_ids, "profile_id", _OWN)


def is_any(column: str, values: Iterable[str]) -> Sql:
    """The column has one of the values: one list, however long."""
    return sql("{} IN (SELECT unnest({}::VARCHAR[]))", named(column), sorted(values))


def read_clicks(session: Session, where: Sql, most: int) -> list[Click]:
    """The newest clicks `c` for which a condition holds."""
    table = sql("clicks c")
    if session.dialect.row_id is not None:  # no index: whole rows of these only
        place = named(f"c.{session.dialect.row_id}")
        newest = sql("SELECT {} FROM clicks c WHERE {} ORDER BY c.click_id DESC LIMIT {}", place, where, number(most))
        rows = list_values(session, newest)
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
    uuids -= _texts(session, _HAD, profile_ids, "profile_id", _OWN)
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


def _start_alone(asked: Named) -> _Start:
    """What is named, and nothing that it leads to. A browser may have another person by now."""
    starts = {
        Key.VISITOR_ID: "visitor_ids",
        Key.CLICK_ID: "click_ids",
        Key.UUID: "uuids",
        Key.PROFILE_ID: "profile_ids",
    }
    return _Start(**{starts[asked.key]: frozenset(asked.values)})


def _browsers_of(session: Session, uuids: Collection[str]) -> frozenset[str]:
    """The browsers that identities of these persons name."""
    return _among(session, "SELECT visitor_id FROM identities WHERE {}", "uuid", uuids)


def find_shared(
    session: Session, visitor_ids: Collection[str], profile_ids: Collection[str], uuids: Collection[str]
) -> frozenset[str]:
    """The browsers that others use too."""
    uses = (
        ("c.visitor_id, c.profile_id FROM clicks c WHERE {} AND c.profile_id IS NOT NULL", "c.visitor_id"),
        ("named_visitor_id, profile_id FROM attributions WHERE {}", "named_visitor_id"),
        ("visitor_id, uuid FROM identities WHERE {}", "visitor_id"),
    )
    own = {*profile_ids, *uuids, None}
    if not visitor_ids:
        return frozenset()
    pairs = (sql(f"SELECT DISTINCT {text}", is_any(column, visitor_ids)) for text, column in uses)
    rows = (row for each in pairs for row in session.rows(each))
    return frozenset(visitor_id for visitor_id, user in rows if user not in own)


def _named_browsers(session: Session, profile_ids: Collection[str]) -> frozenset[str]:
    """The browsers that registrations of these clients named, and the browsers of their clicks."""
    found = "SELECT named_visitor_id FROM attributions WHERE {} UNION SELECT c.visitor_id FROM clicks c WHERE {}"
    return _texts(session, f"{found} LIMIT {_MOST_BROWSERS + 2}", profile_ids, "profile_id")


def _conditions(wanted: Mapping[str, Collection[str]]) -> list[Sql]:
    """One condition for each column that has values. Each is searched alone: by an index, or by one column."""
    return [is_any(column, values) for column, values in wanted.items() if values]


def _named_clicks(session: Session, attribution_ids: Collection[str], shared: Collection[str]) -> frozenset[str]:
    """The clicks that registrations named or considered, but not the clicks of browsers that others use too."""
    found = _among(session, "SELECT named_click_id FROM attributions WHERE {}", "attribution_id", attribution_ids)
    considered = _among(session, "SELECT click_id FROM attribution_clicks WHERE {}", "attribution_id", attribution_ids)
    if not considered:
        return found
    others = is_any("c.visitor_id", shared)
    its = and_(is_any("c.click_id", considered), sql("({}) IS NOT TRUE", others))
    return found | {click.click_id for click in read_clicks(session, its, MOST_CLICKS)}


def _find_clicks(
    session: Session,
    click_ids: Collection[str],
    led: Collection[str],
    profile_ids: Collection[str],
    uuids: Collection[str],
    visitor_ids: Collection[str],
    most: int,
) -> list[Click]:
    """The person's clicks with their repeats, the newest first. A click of another client is not the person's, unless
    it is one of `click_ids`."""
    named_ids = {*click_ids, *led}
    wanted = _conditions({"c.click_id": named_ids, "c.profile_id": profile_ids, "c.visitor_id": visitor_ids})
    if uuids:
        wanted.append(has_uuid(uuids))
    free = or_((sql("c.profile_id IS NULL"), *_conditions({"c.profile_id": profile_ids, "c.click_id": click_ids})))
    found: dict[str, Click] = {}

    def read(condition: Sql) -> None:
        clicks = read_clicks(session, and_(condition, free), most + 1)
        found.update((click.click_id, click) for click in clicks)
        if len(found) > most:
            raise TooMuch(f"The person has more than {most} clicks; delete some by DELETE /clicks with filters.")

    for each in wanted:
        read(each)
    if originals := {click.duplicate_of for click in found.values() if click.duplicate_of} - found.keys():
        read(is_any("c.click_id", originals))
    if repeats := find_repeats(session, found.values()):
        read(is_any("c.click_id", repeats))
    return [found[click_id] for click_id in sorted(found, reverse=True)]


def has_uuid(uuids: Collection[str]) -> Sql:
    """The click `c` has one of these uuids in the site's own name space."""
    hashed = sql("c.uuid_hash IN (SELECT unnest({}::BIGINT[]))", [text_hash(uuid) for uuid in uuids])
    return and_(hashed, is_any("c.uuid", uuids), sql(f"c.{_OWN}"))


def find_repeats(session: Session, clicks: Iterable[Click], more: Sql | None = None) -> set[str]:
    """The ids of clicks that repeat these. They follow on the same link. `more`: the end of the statement."""
    originals = [click for click in clicks if click.link_id is not None]
    if not originals:
        return set()
    columns = zip(*((click.click_id, click.link_id, click.time) for click in originals), strict=True)
    return set(list_values(session, sql("{} {}", sql(_REPEATS, *map(list, columns)), more or sql(""))))


def _attributions(
    session: Session, profile_ids: Collection[str], uuids: Collection[str], visitor_ids: Collection[str]
) -> frozenset[str]:
    """The registrations of these clients. Of deleted clients: registrations that named the person's uuid or browser."""
    own = _list(session, "SELECT attribution_id FROM attributions WHERE {}", {"profile_id": profile_ids})
    of_no_one = (
        "SELECT a.attribution_id FROM attributions a WHERE {} AND NOT EXISTS "
        "(SELECT 1 FROM profiles p WHERE p.profile_id = a.profile_id)"
    )
    return own | _list(session, of_no_one, {"a.named_uuid": uuids, "a.named_visitor_id": visitor_ids})


def find_deliveries(session: Session, click_ids: Collection[str], attribution_ids: Collection[str]) -> frozenset[str]:
    wanted = {"click_id": click_ids, "attribution_id": attribution_ids}
    return _list(session, "SELECT delivery_id FROM deliveries WHERE {}", wanted)


def _list(session: Session, text: str, wanted: Mapping[str, Collection[str]]) -> frozenset[str]:
    return frozenset(each for its in _conditions(wanted) for each in list_values(session, sql(text, its)))
