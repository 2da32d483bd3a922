"""Imports rows of files or whole objects of another server. The command line and HTTP use it."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from clicktrail.errors import Mistake
from clicktrail.ingest.imports import Parsed, parse_imports
from clicktrail.ingest.recorder import Recorder
from clicktrail.model.reading import Reading
from clicktrail.query.imports import Imported, ImportedClick, ImportedObject
from clicktrail.store.exchange.clicks import import_clicks
from clicktrail.store.exchange.objects import import_objects
from clicktrail.store.store import Store

KEEP_MISSING = "missing=null"
"""The preference (RFC 7240) that stores a reference to a missing object as null."""
Row = TypeVar("Row", ImportedClick, ImportedObject)


def read_batch(bodies: Sequence[bytes], recorder: Recorder, reading: Reading) -> list[Parsed]:
    """Reads, checks and enriches each row. Uses only the processor."""
    return parse_imports(bodies, recorder, reading)


async def store_batch(store: Store, rows: Sequence[Parsed], keeps_missing: bool) -> list[Imported]:
    """Stores a batch: objects first, then the clicks that reference them. Returns the result of each row."""
    outcomes: dict[int, Imported] = {
        place: Imported(422, None, row) for place, row in enumerate(rows) if isinstance(row, tuple)
    }
    objects, clicks = _pick(rows, ImportedObject), _pick(rows, ImportedClick)
    if objects:
        done = await store.run(import_objects, list(objects.values()), keeps_missing)
        outcomes |= dict(zip(objects, done, strict=True))
    if clicks:
        done = await store.run(import_clicks, list(clicks.values()), keeps_missing, store.relink)
        outcomes |= dict(zip(clicks, done, strict=True))
    return [outcomes[place] for place in range(len(rows))]


def _pick(rows: Sequence[Parsed], kind: type[Row]) -> dict[int, Row]:
    return {place: row for place, row in enumerate(rows) if isinstance(row, kind)}


class ImportMistake(msgspec.Struct, frozen=True):
    """One mistake in an object."""

    pointer: Annotated[str, Meta(description="The place in the object (RFC 6901).")]
    detail: Annotated[str, Meta(description="The mistake, and what is allowed.", examples=["is required"])]


class ImportRowResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one object."""

    status: Annotated[int, Meta(description="The result.", extra_json_schema={"enum": [200, 201, 409, 422]})]
    id: Annotated[str | None, Meta(description="Its id here.")]
    errors: Annotated[list[ImportMistake] | UnsetType, Meta(description="The mistakes in it.")] = UNSET
    notes: Annotated[tuple[str, ...] | UnsetType, Meta(description="What was not imported, or is missing.")] = UNSET


def render_outcome(outcome: Imported) -> ImportRowResult:
    errors = [ImportMistake(each.pointer or "", each.detail) for each in outcome.mistakes]
    return ImportRowResult(
        status=outcome.status, id=outcome.object_id, errors=errors or UNSET, notes=outcome.notes or UNSET
    )


def read_outcome(document: dict[str, Any]) -> Imported:
    """The opposite of `render_outcome`."""
    result = msgspec.convert(document, ImportRowResult)
    mistakes = [Mistake(each.detail, pointer=each.pointer) for each in result.errors or ()]
    return Imported(result.status, result.id, mistakes, result.notes or ())
