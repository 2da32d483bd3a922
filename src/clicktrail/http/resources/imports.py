"""POST /imports: a programme's history from another server or from files, up to 10,000 objects a request.

The id of an object shows its kind: a profile, a link, a banner, or a click with the objects that it references. All
keep their ids and times, and no partner is notified. Each object has its own result.
"""

import asyncio
from typing import Annotated, Any

from clicktrail.http.endpoint.call import Answer, Call, encode
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import Operation, Rows
from clicktrail.http.resources.batches import LINES, MAX_BYTES
from clicktrail.imports import KEEP_MISSING, ImportRowResult, read_batch, render_outcome, store_batch
from clicktrail.ingest.hits import MAX_BATCH, split_batch
from clicktrail.ingest.imports import Parsed
from clicktrail.model.access import ADMINS
from clicktrail.query.imports import Imported


class ImportResult(Document):
    """The result of each object."""

    results: Annotated[list[ImportRowResult], says("One result per object.")]


_EXAMPLE = {"profileId": "6006dda272f002519c3eb504", "firstName": "Ada", "lastName": "Partner"}
ImportObject = Annotated[
    dict[str, Any],
    says(
        "A profile, link, banner or click, as the other server shows it.",
        extra_json_schema={"additionalProperties": True, "example": _EXAMPLE},
    ),
]


async def import_objects(call: Call) -> Answer:
    keeps_missing = KEEP_MISSING in call.preferences
    rows = await asyncio.to_thread(_read, call)
    outcomes = await store_batch(call.store, rows, keeps_missing)
    body = await asyncio.to_thread(_render, outcomes)
    return Answer(200, body, headers={"Preference-Applied": KEEP_MISSING} if keeps_missing else {})


def _read(call: Call) -> list[Parsed]:
    return read_batch(split_batch(call.body, call.content_type in LINES), call.services.recorder, call.reading)


def _render(outcomes: list[Imported]) -> bytes:
    return encode(ImportResult(results=[render_outcome(each) for each in outcomes]))


OPERATIONS = (
    Operation(
        route="POST /imports",
        handler=import_objects,
        name="importObjects",
        summary="Import profiles, links, banners and clicks with their ids",
        scopes=ADMINS,
        body=Rows(
            name="ImportBatch",
            doc="Objects of another server.",
            item=ImportObject,
            item_name="ImportObject",
            most=MAX_BATCH,
        ),
        body_types=LINES,
        max_bytes=MAX_BYTES,
        answer=ImportResult,
        statuses=(200, 409, 422, 503),
    ),
)
