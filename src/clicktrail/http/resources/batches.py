"""POST /clicks/batch: up to 10,000 clicks in one request and one transaction.

All or nothing, unless `Prefer: handling=lenient` (RFC 7240) asks for a result for each row.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, UnsetType

from clicktrail.errors import Conflict, InvalidBody, Mistake
from clicktrail.http.endpoint.call import LENIENT, Answer, Call, encode, json_answer
from clicktrail.http.endpoint.documents import Count, Document, Id, says
from clicktrail.http.endpoint.operation import Operation, Rows
from clicktrail.http.endpoint.trails import Audit
from clicktrail.ingest.batches import Batch, find_conflicts, find_mistakes, judge_rows, make_batch
from clicktrail.ingest.hits import MAX_BATCH, split_batch
from clicktrail.model.access import RECORDERS
from clicktrail.model.click import Click
from clicktrail.query.fields import CLICK
from clicktrail.store.clicks.insert import insert_clicks

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
"""Media types of lines of JSON."""
MAX_BYTES = 64 * 1024 * 1024
_SHOWN = 100
"""Maximum number of reported mistakes of a refused batch; more would not help the sender."""


class ClickBatchSummary(Document):
    """The result of a batch that was stored whole."""

    created: Annotated[Count, says("The number of new clicks.")]
    repeated: Annotated[Count, says("The number of clicks that were already stored.")]
    click_ids: Annotated[list[Id], says("The ids of the clicks, row by row.")]


class ClickBatchRowResult(Document):
    """The result of one row."""

    status: Annotated[
        int,
        says(
            "The status that the row would have as a separate request.",
            extra_json_schema={"enum": [200, 201, 409, 422]},
        ),
    ]
    click_id: Annotated[Id | UnsetType, says("The id of the click, if there is one.")] = UNSET
    errors: Annotated[tuple[Mistake, ...] | UnsetType, says("The mistakes in the row.")] = UNSET


class ClickBatchResults(Document):
    """The result of a batch, row by row."""

    results: Annotated[list[ClickBatchRowResult], says("One result per row.")]


async def create_clicks(call: Call) -> Answer:
    is_lenient = LENIENT in call.preferences
    batch = await asyncio.to_thread(_read, call)
    mistakes = find_mistakes(batch)
    if mistakes and not is_lenient:
        raise InvalidBody(f"{len(mistakes)} mistakes; nothing was stored.", tuple(mistakes[:_SHOWN]))

    def inspect(repeated: Mapping[str, Click]) -> None:
        conflicts = [] if is_lenient else find_conflicts(batch, repeated)
        if conflicts:
            raise Conflict(f"{len(conflicts)} differences; nothing was stored.", tuple(conflicts[:_SHOWN]))

    done = await call.store.run(insert_clicks, batch.clicks, batch.given, inspect, relink=call.store.relink)
    repeated = done.repeated
    created = len(batch.clicks) - len(repeated)
    call.services.observer.click("recorded", created)
    call.services.observer.click("repeated", len(repeated))
    if is_lenient:
        return Answer(200, await asyncio.to_thread(_render, batch, repeated))
    stored = [repeated.get(click.click_id, click).click_id for click in batch.clicks]
    return json_answer(ClickBatchSummary(created=created, repeated=len(repeated), click_ids=stored), 201)


def _read(call: Call) -> Batch:
    """Decodes, checks and enriches: tens of milliseconds of work, kept off the event loop."""
    return make_batch(split_batch(call.body, call.content_type in LINES), call.services.recorder, call.reading)


def _render(batch: Batch, repeated: Mapping[str, Click]) -> bytes:
    results = [
        ClickBatchRowResult(status=status, click_id=click_id or UNSET, errors=mistakes or UNSET)
        for status, click_id, mistakes in judge_rows(batch, repeated)
    ]
    return encode(ClickBatchResults(results=results))


OPERATIONS = (
    Operation(
        route="POST /clicks/batch",
        handler=create_clicks,
        name="createClicks",
        summary="Add up to 10,000 clicks",
        doc="All or nothing, in one transaction. With `Prefer: handling=lenient` the valid rows are stored, and each "
        "row has its own result.",
        scopes=RECORDERS,
        body=Rows(name="ClickBatch", doc="Clicks to record.", item=CLICK, most=MAX_BATCH),
        body_types=LINES,
        max_bytes=MAX_BYTES,
        answer=(ClickBatchSummary, ClickBatchResults),
        statuses=(201, 200, 409, 422, 503),
        audit=Audit.BY_HAND,
    ),
)
