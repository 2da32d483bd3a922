"""Imports: rows of files, or whole objects of another server, into the store, by the command line and over HTTP."""

from collections.abc import Sequence
from typing import Any, TypeVar

from clicktrail.errors import Mistake
from clicktrail.ingest.imports import Parsed, parse_import
from clicktrail.ingest.recorder import Recorder
from clicktrail.model.reading import Reading
from clicktrail.query.imports import Imported, ImportedClick, ImportedObject
from clicktrail.store.exchange.clicks import import_clicks
from clicktrail.store.exchange.objects import import_objects
from clicktrail.store.store import Store

KEEP_MISSING = "missing=null"
"""The preference (RFC 7240) that stores a pointer to nothing as null."""
Row = TypeVar("Row", ImportedClick, ImportedObject)


def read_batch(bodies: Sequence[bytes], recorder: Recorder, reading: Reading) -> list[Parsed]:
    """Reads, checks and enriches each row: work for the processor alone."""
    return [parse_import(body, recorder, reading) for body in bodies]


async def store_batch(store: Store, rows: Sequence[Parsed], keeps_missing: bool) -> list[Imported]:
    """Stores a batch: objects first, then the clicks that point to them. Returns what became of each row."""
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


def render_outcome(outcome: Imported) -> dict[str, Any]:
    """What became of a row, as JSON."""
    document: dict[str, Any] = {"status": outcome.status, "id": outcome.object_id}
    if outcome.mistakes:
        document["errors"] = [{"pointer": each.pointer or "", "detail": each.detail} for each in outcome.mistakes]
    if outcome.notes:
        document["notes"] = list(outcome.notes)
    return document


def read_outcome(document: dict[str, Any]) -> Imported:
    """What `render_outcome` made."""
    mistakes = [Mistake(each["detail"], pointer=each["pointer"]) for each in document.get("errors", ())]
    return Imported(document["status"], document["id"], mistakes, tuple(document.get("notes", ())))
