"""The list of erasures as a text, and its repetition on a restored store."""

from collections.abc import Iterator, Sequence

import msgspec

from clicktrail.model.access import SYSTEM, Reason
from clicktrail.model.click import Click
from clicktrail.model.erasure import Key, Named, is_stripped
from clicktrail.model.ids import created_s
from clicktrail.model.times import SECOND
from clicktrail.store.privacy.erasure import erase
from clicktrail.store.privacy.persons import Person, find_person
from clicktrail.store.privacy.remembered import Erased, Value, find_erased, values_of_click
from clicktrail.store.reads.statements import CLICK_SQL
from clicktrail.store.session.protocol import Session, list_values
from clicktrail.store.session.sql import named, names, number, sql
from clicktrail.store.session.transactions import Write, transaction

_PIECE = 20_000
_TABLES = {
    "erasures": (
        *("erasure_id", "time", "mode", "profiles", "contacts", "identities", "clicks", "registrations"),
        *("deliveries", "gone_time"),
    ),
    "erased_keys": ("erasure_id", "key_hash"),
    "erasure_secrets": ("secret",),
}
_VALUES = (
    (Key.PROFILE_ID, "SELECT profile_id FROM profiles"),
    (Key.CONTACT, "SELECT value FROM contacts"),
    (Key.UUID, "SELECT uuid FROM profiles UNION SELECT uuid FROM merged_profiles UNION SELECT uuid FROM identities"),
    (Key.VISITOR_ID, "SELECT visitor_id FROM identities UNION SELECT named_visitor_id FROM attributions"),
    (Key.UUID, "SELECT named_uuid FROM attributions"),
)
_CLICKS = "SELECT {} FROM clicks c WHERE c.click_id > {} ORDER BY c.click_id LIMIT {}"


class Listed(msgspec.Struct, frozen=True):
    """The rows of all erasures, by table. They hold no personal data, but the key of the hashes."""

    tables: dict[str, list[list[str | int | None]]]


def read_list(session: Session) -> Listed:
    return Listed(
        {
            table: [list(row) for row in session.rows(sql("SELECT {} FROM {}", names(columns), named(table)))]
            for table, columns in _TABLES.items()
        }
    )


@transaction(Write.ALONE)
def apply_list(session: Session, listed: Listed) -> int:
    """Adds the erasures that the store lacks, and repeats all. Returns the number of persons that were erased again.

    What is newer than an erasure stays: it came after it.
    """
    known = set(list_values(session, sql("SELECT erasure_id FROM erasures")))
    secrets = set(list_values(session, sql("SELECT secret FROM erasure_secrets")))
    for table, columns in _TABLES.items():
        held = secrets if table == "erasure_secrets" else known
        rows = [row for row in listed.tables.get(table, ()) if row[0] not in held]
        if table == "erasures":
            rows = [[*row[:-1], None] for row in rows]  # their bytes are in this store's files again
        if rows:
            session.insert(table, columns, rows)
    repeated = sum(_repeat(session, value, erased) for value, erased in _find_back(session))
    session.after_commit(session.memory.erased.set)
    return repeated


def _repeat(session: Session, value: Value, erased: Erased) -> bool:
    """Erases a person again, if there is anything older than the erasure."""
    key, text = value
    person = _older(find_person(session, Named(key, (text,)), follows=False), erased.time)
    is_there = any(getattr(person, name) for name in ("profile_ids", "identity_ids", "attribution_ids", "clicks"))
    if is_there:
        erase(session, SYSTEM.cause(Reason.ERASED), person, erased.mode)
    return is_there


def _older(person: Person, time: int) -> Person:
    """What a person had before a time. Ids begin with the second of their making."""

    def old(ids: frozenset[str]) -> frozenset[str]:
        return frozenset(each for each in ids if created_s(each) * SECOND <= time)

    return msgspec.structs.replace(
        person,
        profile_ids=old(person.profile_ids),
        identity_ids=old(person.identity_ids),
        attribution_ids=old(person.attribution_ids),
        clicks=[click for click in person.clicks if click.time <= time],
    )


def _find_back(session: Session) -> Iterator[tuple[Value, Erased]]:
    """The values of this store that belong to erased persons."""
    for key, text in _VALUES:
        values = [value for value in list_values(session, sql(text)) if value is not None]
        for start in range(0, len(values), _PIECE):
            yield from _known(session, [(key, value) for value in values[start : start + _PIECE]])
    last = ""
    while rows := session.rows(sql(_CLICKS, CLICK_SQL, last, number(_PIECE))):
        clicks = [Click(*row) for row in rows]
        last = clicks[-1].click_id
        yield from _known(
            session, [value for click in clicks if not is_stripped(click) for value in values_of_click(click)]
        )


def _known(session: Session, values: Sequence[Value]) -> list[tuple[Value, Erased]]:
    return sorted(find_erased(session, values).items())
