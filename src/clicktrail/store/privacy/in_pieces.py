"""Erases in pieces a client who has more clicks than one transaction should take (ADR 47).

The profile goes first: who registers under its uuid from then on is a new client. The table `erasing` lists the values
that still lead to rows, and the secret of the made-up values: so all pieces give one browser one new id. A value leaves
the list when nothing is found under it. The profile's id is the last.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from clicktrail.model.access import SYSTEM, Reason
from clicktrail.model.erasure import NO_ONE, Key, Strangers
from clicktrail.store.clicks import change
from clicktrail.store.privacy.erasure import clear_answers, delete_rows
from clicktrail.store.privacy.persons import (
    find_deliveries,
    find_repeats,
    find_shared,
    has_uuid,
    is_any,
    read_clicks,
)
from clicktrail.store.privacy.remembered import KEY_BYTES
from clicktrail.store.session.history import rename_client
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import Sql, and_, number, or_, sql, update
from clicktrail.store.session.transactions import Write, transaction

PIECE = 5_000
"""Clicks that are stripped in one transaction, and as many of their repeats."""
_REGISTRATIONS = 500
"""Registrations that are stripped in one transaction."""
_FIRST = "SELECT profile_id, secret, key FROM erasing ORDER BY profile_id, key DESC LIMIT 1"
"""Browsers before uuids before the profile (`Key`): these find more browsers."""
_LISTED = "SELECT value FROM erasing WHERE profile_id = {} AND key = {} ORDER BY value"
_IS_WHOLE = f"c.ip NOT LIKE '{NO_ONE}%'"
_OF_NO_ONE = "{} AND a.profile_id <> {} AND NOT EXISTS (SELECT 1 FROM profiles p WHERE p.profile_id = a.profile_id)"
_NAMELESS: Mapping[str, str | None] = dict.fromkeys(("named_click_id", "named_visitor_id", "named_uuid"))


class _Client(NamedTuple):
    profile_id: str
    secret: str
    uuids: Collection[str]

    @property
    def strangers(self) -> Strangers:
        return Strangers(bytes.fromhex(self.secret))

    @property
    def made_up(self) -> str:
        """The id that takes the place of the profile's."""
        return self.strangers.profile(self.profile_id)


def begin(session: Session, profile_id: str, uuids: Collection[str]) -> None:
    """Deletes the profile with its contacts, and lists what is left to erase."""
    client = _Client(profile_id, secrets.token_hex(KEY_BYTES), uuids)
    merged = list_values(session, sql("SELECT merged_id FROM merged_profiles WHERE profile_id = {}", profile_id))
    _list(session, client, Key.PROFILE_ID, (profile_id, *merged))
    _list(session, client, Key.UUID, uuids)
    for table in ("contacts", "profile_tags", "merged_profiles", "profiles"):
        delete_rows(session, table, "profile_id", {profile_id})


@transaction(Write.BESIDE)
def erase_piece(session: Session) -> bool:
    """Erases a piece of the first client on the list. False if no one is on it."""
    for profile_id, secret, key in session.rows(sql(_FIRST)):
        uuids = list_values(session, sql(_LISTED, profile_id, Key.UUID.value))
        listed = list_values(session, sql(f"{_LISTED} LIMIT {PIECE}", profile_id, key))
        client = _Client(profile_id, secret, uuids)
        values = listed if key != Key.VISITOR_ID else sorted({*listed} - _find_shared(session, client, listed))
        if not values or not any(step(session, client, values) for step in _STEPS[Key(key)]):
            of_client = sql("profile_id = {} AND key = {} AND value <= {}", profile_id, key, listed[-1])
            if session.dialect.is_owned:  # the file keeps the values of deleted rows
                session.rows(update("erasing", {"value": "", "secret": ""}, of_client))
                of_client = sql("secret = ''")
            session.rows(sql("DELETE FROM erasing WHERE {}", of_client))
        return True
    return False


def _list(session: Session, client: _Client, key: Key, values: Collection[str]) -> None:
    its = sql("profile_id = {} AND key = {} AND value = ANY({}::TEXT[])", client.profile_id, key.value, list(values))
    listed = list_values(session, sql("SELECT value FROM erasing WHERE {}", its))
    rows = [(client.profile_id, client.secret, key.value, value) for value in sorted({*values}.difference(listed))]
    if rows:
        session.insert("erasing", ("profile_id", "secret", "key", "value"), rows)


def _find_shared(session: Session, client: _Client, visitor_ids: Collection[str]) -> frozenset[str]:
    return find_shared(session, visitor_ids, {client.profile_id, client.made_up}, client.uuids)


def _list_browsers(session: Session, client: _Client, visitor_ids: Collection[str | None]) -> None:
    """Adds the browsers that no one else uses."""
    found = {visitor_id for visitor_id in visitor_ids if visitor_id is not None}
    _list(session, client, Key.VISITOR_ID, found - _find_shared(session, client, found))


def _strip(session: Session, client: _Client, where: Sql) -> bool:
    """Strips a piece of the clicks `c`, and the clicks that they repeat. Repeats of them are stripped first. Lists the
    browsers that only the client uses."""
    free = sql("(c.profile_id IS NULL OR c.profile_id = {})", client.profile_id)
    clicks = read_clicks(session, and_(where, free), PIECE)
    if not clicks:
        return False
    known = {click.click_id for click in clicks}
    originals = {click.duplicate_of for click in clicks if click.duplicate_of} - known
    if originals:
        clicks += read_clicks(session, and_(is_any("c.click_id", originals), free, sql(_IS_WHOLE)), PIECE)
    others = sql("NOT {}", is_any("c.click_id", {click.click_id for click in clicks}))
    rest = sql("AND {} AND {} AND {} LIMIT {}", others, free, sql(_IS_WHOLE), number(PIECE))
    if repeats := find_repeats(session, clicks, rest):
        found = read_clicks(session, is_any("c.click_id", repeats), PIECE)
        clicks = found if len(found) == PIECE else [*clicks, *found]
    _list_browsers(session, client, {click.visitor_id for click in clicks if click.profile_id is not None})
    made_up = {client.profile_id: client.made_up}
    change.erase(session, clicks, client.strangers, made_up, False, SYSTEM.cause(Reason.PURGED))
    clear_answers(session, find_deliveries(session, [click.click_id for click in clicks], ()))
    return True


def _strip_named(session: Session, client: _Client, its: Sql) -> bool:
    """Strips a piece of the registrations `a`, after the clicks that they named or considered."""
    found = list_values(
        session, sql("SELECT a.attribution_id FROM attributions a WHERE {} LIMIT {}", its, number(_REGISTRATIONS))
    )
    if not found:
        return False
    these = is_any("attribution_id", found)
    rows = session.rows(sql("SELECT named_click_id, named_visitor_id FROM attributions WHERE {}", these))
    click_ids, browsers = ({each for each in column if each is not None} for column in zip(*rows, strict=True))
    considered = list_values(session, sql("SELECT DISTINCT click_id FROM attribution_clicks WHERE {}", these))
    users = sql("SELECT DISTINCT c.visitor_id FROM clicks c WHERE {}", is_any("c.click_id", considered))
    shared = _find_shared(session, client, {each for each in list_values(session, users) if each is not None})
    own = and_(is_any("c.click_id", considered), sql("({}) IS NOT TRUE", is_any("c.visitor_id", shared)))
    if _strip(session, client, and_(or_((is_any("c.click_id", click_ids), own)), sql(_IS_WHOLE))):
        return True
    _list_browsers(session, client, browsers)
    session.rows(update("attributions", _NAMELESS, these))
    of_client = and_(these, sql("profile_id = {}", client.profile_id))
    session.rows(update("attributions", {"profile_id": client.made_up}, of_client))
    clear_answers(session, find_deliveries(session, (), found))
    return True


def _strip_visits(session: Session, client: _Client, visitor_ids: Sequence[str]) -> bool:
    return _strip(session, client, is_any("c.visitor_id", visitor_ids))


def _strip_lost(column: str) -> Callable[[Session, _Client, Sequence[str]], bool]:
    """Strips registrations of deleted clients that named one of the values."""

    def strip(session: Session, client: _Client, values: Sequence[str]) -> bool:
        return _strip_named(session, client, sql(_OF_NO_ONE, is_any(column, values), client.profile_id))

    return strip


def _delete_uses(session: Session, client: _Client, visitor_ids: Sequence[str]) -> bool:
    del client
    delete_rows(session, "identities", "visitor_id", visitor_ids)
    return False


def _strip_events(session: Session, client: _Client, uuids: Sequence[str]) -> bool:
    return _strip(session, client, has_uuid(uuids))


def _move_uses(session: Session, client: _Client, uuids: Sequence[str]) -> bool:
    """Lists some browsers that identities of the client name, and deletes these identities."""
    some = sql("SELECT identity_id, visitor_id FROM identities WHERE {} LIMIT {}", is_any("uuid", uuids), number(PIECE))
    found = session.rows(some)
    _list_browsers(session, client, {visitor_id for _, visitor_id in found})
    delete_rows(session, "identities", "identity_id", [identity_id for identity_id, _ in found])
    return bool(found)


def _strip_clicks(session: Session, client: _Client, profile_ids: Sequence[str]) -> bool:
    return _strip(session, client, is_any("c.profile_id", profile_ids))


def _strip_registrations(session: Session, client: _Client, profile_ids: Sequence[str]) -> bool:
    return _strip_named(session, client, is_any("a.profile_id", profile_ids))


def _rename(session: Session, client: _Client, profile_ids: Sequence[str]) -> bool:
    """The ids in the history, also those of profiles that were merged into the client's."""
    return any(rename_client(session, old, client.strangers.profile(old), PIECE) for old in profile_ids)


_STEPS: Mapping[Key, Sequence[Callable[[Session, _Client, Sequence[str]], bool]]] = {
    Key.VISITOR_ID: (_strip_visits, _strip_lost("a.named_visitor_id"), _delete_uses),
    Key.UUID: (_strip_events, _strip_lost("a.named_uuid"), _move_uses),
    Key.PROFILE_ID: (_strip_clicks, _strip_registrations, _rename),
}
"""What is done with listed values of each kind, step after step. True: there was a piece; there may be more."""
