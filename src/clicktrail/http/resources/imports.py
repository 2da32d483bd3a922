"""POST /imports: a programme's history from another server or from files, up to 10,000 objects a request.

Each object is what its id says: a profile, a link, a banner, or a click with what it points to. All keep their ids and
times, and nobody is told of them. There is a result for each.
"""

import asyncio

from clicktrail.http.endpoint.call import Answer, Call, encode
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.resources.batches import LINES, MAX_BYTES
from clicktrail.imports import KEEP_MISSING, read_batch, render_outcome, store_batch
from clicktrail.ingest.hits import split_batch
from clicktrail.ingest.imports import Parsed
from clicktrail.model.access import ADMINS


async def import_objects(call: Call) -> Answer:
    """Import objects of another server."""
    keeps_missing = KEEP_MISSING in call.preferences
    rows = await asyncio.to_thread(_read, call)
    outcomes = await store_batch(call.store, rows, keeps_missing)
    body = await asyncio.to_thread(lambda: encode({"results": [render_outcome(each) for each in outcomes]}))
    return Answer(200, body, headers={"Preference-Applied": KEEP_MISSING} if keeps_missing else {})


def _read(call: Call) -> list[Parsed]:
    return read_batch(split_batch(call.body, call.content_type in LINES), call.services.recorder, call.reading)


IMPORT = Operation(
    method="POST",
    path="/imports",
    handler=import_objects,
    name="importObjects",
    summary="Import profiles, links, banners and clicks with their ids",
    tag="Operating",
    scopes=ADMINS,
    body="ImportBatch",
    answer="ImportResult",
    refusals=(409, 422, 503),
    body_types=LINES,
    max_bytes=MAX_BYTES,
)
