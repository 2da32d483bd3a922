"""POST /clicks/batch: up to 10,000 clicks in one request and one transaction.

All or nothing, unless `Prefer: handling=lenient` (RFC 7240) asks for a result for each row.
"""

import asyncio
from collections.abc import Mapping

from clicktrail.errors import Conflict, InvalidBody
from clicktrail.http.endpoint.call import LENIENT, Answer, Call, encode, json_answer
from clicktrail.ingest.batches import Batch, find_conflicts, find_mistakes, make_batch, row_results
from clicktrail.ingest.hits import split_batch
from clicktrail.model.click import Click
from clicktrail.store.clicks.insert import insert_clicks

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
"""Media types of lines of JSON."""
MAX_BYTES = 64 * 1024 * 1024
_SHOWN = 100
"""Mistakes that are named of a refused batch; after so many the sender knows."""


async def create_clicks(call: Call) -> Answer:
    """Add many clicks."""
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
        body = await asyncio.to_thread(encode, {"results": row_results(batch, repeated)})
        return Answer(200, body)
    stored = [repeated.get(click.click_id, click).click_id for click in batch.clicks]
    return json_answer({"created": created, "repeated": len(repeated), "clickIds": stored}, 201)


def _read(call: Call) -> Batch:
    """Decodes, checks and enriches: tens of milliseconds of work, kept off the event loop."""
    return make_batch(split_batch(call.body, call.content_type in LINES), call.services.recorder, call.reading)
