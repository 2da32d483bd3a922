"""Many rows at once: each is read, and what its hit says is found. Needs the settings, not the store, so that a second
process can do it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from clicktrail.errors import Mistake
from clicktrail.ingest.facts import FactFinder, Facts
from clicktrail.model.click import Hit
from clicktrail.model.reading import Reading
from clicktrail.query.imports import ImportedObject


class ReadClick(msgspec.Struct, frozen=True, gc=False):
    """A click that is not yet made: what another server found, by attribute, and old ids by column."""

    hit: Hit
    found: Mapping[str, Any]
    pointers: Mapping[str, str]


ReadRow = ReadClick | ImportedObject | tuple[Mistake, ...]


class Rules(NamedTuple):
    """What reading a row needs."""

    facts: FactFinder
    reading: Reading
    new_id: Callable[[], str]


class Piece(NamedTuple):
    """Rows in their order, and the facts of the rows that are clicks."""

    rows: list[ReadRow]
    facts: list[Facts]


ReadOne = Callable[[bytes, Rules], ReadRow]


def read_piece(bodies: Sequence[bytes], read: ReadOne, rules: Rules) -> Piece:
    return find_facts([read(body, rules) for body in bodies], rules.facts)


def find_facts(rows: list[ReadRow], finder: FactFinder) -> Piece:
    return Piece(rows, finder.find_all([row.hit for row in rows if isinstance(row, ReadClick)]))


class NeedsStore(LookupError):
    """A row that only the store's process can read: it needs a new id."""


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """A piece between processes. `left` are the places of rows that the store's process has to read."""

    hits: list[Hit]
    facts: list[Facts]
    mistakes: dict[int, tuple[Mistake, ...]]
    found: dict[int, dict[str, Any]]
    pointers: dict[int, dict[str, str]]
    left: list[int]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack_piece(bodies: Sequence[bytes], read: ReadOne, rules: Rules) -> bytes:
    """Reads rows in a process without the store."""
    rows = [_try_to_read(body, read, rules) for body in bodies]
    clicks = {place: row for place, row in enumerate(rows) if isinstance(row, ReadClick)}
    hits = [row.hit for row in clicks.values()]
    packed = _Packed(
        hits=hits,
        facts=rules.facts.find_all(hits),
        mistakes={place: row for place, row in enumerate(rows) if isinstance(row, tuple)},
        found={place: dict(row.found) for place, row in clicks.items() if row.found},
        pointers={place: dict(row.pointers) for place, row in clicks.items() if row.pointers},
        left=[place for place, row in enumerate(rows) if row is None],
    )
    return _encode(packed)


def _try_to_read(body: bytes, read: ReadOne, rules: Rules) -> ReadClick | tuple[Mistake, ...] | None:
    """None for a row that the store's process has to read."""
    try:
        row = read(body, rules)
    except NeedsStore:
        return None
    return None if isinstance(row, ImportedObject) else row


def unpack_piece(packed: bytes, bodies: Sequence[bytes], read: ReadOne, rules: Rules) -> Piece:
    """The piece that `pack_piece` packed; reads what was left. Raises ValueError."""
    piece = _decode(packed)
    pairs = zip(piece.hits, piece.facts, strict=True)
    left = {place: read(bodies[place], rules) for place in piece.left}
    rows: list[ReadRow] = []
    facts: list[Facts] = []
    for place in range(len(bodies)):
        row: ReadRow | None = left.get(place) or piece.mistakes.get(place)
        if row is None:
            hit, fact = next(pairs)
            row = ReadClick(hit, piece.found.get(place, _NOTHING), piece.pointers.get(place, _NOTHING))
            facts.append(fact)
        elif isinstance(row, ReadClick):
            facts.append(rules.facts.find(row.hit))
        rows.append(row)
    return Piece(rows, facts)


_NOTHING: Mapping[str, Any] = {}
