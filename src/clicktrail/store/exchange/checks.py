"""Checks the files of an export before the import: their types, and values that no store can hold.

The store does not check its own rows when it reads them. A wrong id, address or word in a row would make later answers
fail.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clicktrail.model.access import Scope
from clicktrail.model.attribution import Outcome, Rule, Touch
from clicktrail.model.contacts import READERS
from clicktrail.model.countries import BY_ALPHA2
from clicktrail.model.postbacks import Event
from clicktrail.model.times import FIRST_US, LAST_US
from clicktrail.query.kinds import METHODS, REDIRECTS, USER_SCOPES
from clicktrail.store.exchange.move import TABLES, MoveRefused
from clicktrail.store.exchange.parquet import ask
from clicktrail.store.outbox.deliveries import DEAD, DELIVERED, WAITING


class Column(NamedTuple):
    """A column of a table. `kind` is its type in the files."""

    name: str
    kind: str
    is_nullable: bool


class Check(NamedTuple):
    """`holds` is SQL that is true for good values; `{}` is the column."""

    holds: str
    words: str


def _one_of(words: Iterable[str | int]) -> Check:
    shown = [str(word) for word in words]
    allowed = ", ".join(f"'{word}'" for word in shown)
    return Check(f"CAST({{}} AS VARCHAR) IN ({allowed})", "is not a word of this column")


def _matches(pattern: str, words: str) -> Check:
    return Check(f"regexp_full_match({{}}, '{pattern}')", words)


_ID = _matches("[0-9a-f]{{24}}", "is not an id of 24 lower-case hex digits")
_TEXT = Check("NOT contains({}, chr(0))", "has the character NUL")
_TIME = Check(f"{{}} BETWEEN {FIRST_US} AND {LAST_US}", "is not a time within the years 1 to 9999, in microseconds")
_HASH = "{{}} = CAST('0x' || substr(md5({}), 1, 8) AS BIGINT)"
_NOT_IDS = ("visitor_id", "named_visitor_id", "token_id", "request_id")
_OWN: Mapping[tuple[str, str], Check] = {
    ("clicks", "ip"): _matches(
        "(4[0-9a-f]{{6}}([0-9a-f]{{2}})?|6[0-9a-f]{{12}}([0-9a-f]{{20}})?|h[0-9a-f]{{16}})?",
        "is not the key of an address: 4 and 8 hex digits, or 6 and 32, or what a policy keeps of one",
    ),
    ("audit", "object_id"): _TEXT,
    ("clicks", "ip_hash"): Check(_HASH.format("ip"), "is not the hash of the address"),
    ("clicks", "uuid_hash"): Check(_HASH.format("uuid"), "is not the hash of the uuid"),
    ("visitor_salts", "salt"): _matches("([0-9a-f]{{2}})+", "is not a salt in hex digits"),
    ("attributions", "touch"): _one_of(Touch),
    ("attributions", "rule"): _one_of(Rule),
    ("attribution_clicks", "outcome"): _one_of(Outcome),
    ("contacts", "key"): _one_of(READERS),
    ("clients", "scope"): _one_of(Scope),
    ("users", "scope"): _one_of(USER_SCOPES),
    ("links", "redirect_status"): _one_of(REDIRECTS),
    ("profiles", "country_code"): _one_of(BY_ALPHA2),
    ("postbacks", "method"): _one_of(METHODS),
    ("deliveries", "event"): _one_of(Event),
    ("deliveries", "status"): _one_of((WAITING, DELIVERED, DEAD)),
}
"""Checks of single columns."""
_UNIQUE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("banners", "languages", "sizes", "themes", "postbacks"), (("uuid",),)),
    **dict.fromkeys(("clicks", "profiles"), (("uuid", "name_space"),)),
    "links": (("uuid",), ("code",)),
    "sites": (("uuid",), ("key",)),
    "contacts": (("uuid",), ("profile_id", "key", "value")),
    "identities": (("identity_id",),),
    "users": (("name",),),
}
"""Other columns than the key, whose values together belong to one row. Many rows may have NULL in the first one."""


def check_file(path: Path, table: str, columns: Sequence[Column]) -> None:
    """Raises MoveRefused that names file, row and column. Rows are counted from 1."""
    _check_types(path, table, columns)
    checks = [(column, check) for column in columns for check in _checks_of(table, column)]
    cases = " ".join(
        f"WHEN NOT ({check.holds.format(_quote(column.name))}) THEN {place}"
        for place, (column, check) in enumerate(checks)
    )
    for row, place in ask(
        path, f"SELECT file_row_number + 1, CASE {cases} END AS wrong FROM ", "WHERE wrong IS NOT NULL LIMIT 1"
    ):
        column, check = checks[place]
        raise _refusal(path, row, column.name, check.words)
    for names in (TABLES[table], *_UNIQUE.get(table, ())):
        listed = ", ".join(map(_quote, names))
        many = f"WHERE {_quote(names[0])} IS NOT NULL GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
        for (row,) in ask(path, "SELECT max(file_row_number) + 1 FROM ", many):
            raise _refusal(path, row, ", ".join(names), "repeats the value of an earlier row")


def _check_types(path: Path, table: str, columns: Sequence[Column]) -> None:
    found = {name: kind for name, kind, *_ in ask(path, "DESCRIBE SELECT * EXCLUDE (file_row_number) FROM ")}
    if found.keys() != {column.name for column in columns}:
        listed = ", ".join(column.name for column in columns)
        raise MoveRefused(f"{path.name} must have the columns {listed} of {table}.")
    for column in columns:
        if found[column.name] != column.kind:
            said = f"must have the type {column.kind}, not {found[column.name]}"
            raise MoveRefused(f"{path.name}, column {column.name}: {said}. Nothing was imported.")


def _checks_of(table: str, column: Column) -> Iterator[Check]:
    if not column.is_nullable:
        yield Check("{} IS NOT NULL", "has no value")
    if (table, column.name) in _OWN:
        yield _OWN[table, column.name]
    elif column.name.endswith("_id") and column.name not in _NOT_IDS:
        yield _ID
    elif column.kind == "BIGINT" and column.name.endswith("time"):
        yield _TIME
    elif column.kind == "VARCHAR":
        yield _TEXT


def _refusal(path: Path, row: int, column: str, words: str) -> MoveRefused:
    return MoveRefused(f"{path.name}, row {row}, column {column}: {words}. Nothing was imported.")


def _quote(name: str) -> str:
    return f'"{name}"'
