"""GET /clicks/export: every click that passes the filters, streamed in constant memory.

The engine writes into a pipe as fast as the caller reads from it. Nothing is collected in between.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from clicktrail.http.endpoint.call import Answer, Call
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.streams import read_pipe
from clicktrail.http.endpoint.trails import Audit
from clicktrail.model.access import READERS, Viewer
from clicktrail.query.exports import Export, exporting, read_export
from clicktrail.store.engines.pipes import Pipe
from clicktrail.store.exchange.export import FORMATS, export_clicks
from clicktrail.store.reads.records import refuse_secrets
from clicktrail.store.session.protocol import Engine

_ROW = ("6006dda272f002519c3eb505", "2021-01-01T00:00:00+00:00", "185.155.96.184")
SAMPLES = {
    FORMATS["csv"]: f"clickId,time,ip\n{','.join(_ROW)}\n",
    FORMATS["ndjson"]: '{{"clickId":"{}","time":"{}","ip":"{}"}}\n'.format(*_ROW),
    FORMATS["parquet"]: None,
}
"""Media type -> the beginning of an example file, for the docs."""


async def export(call: Call) -> Answer:
    wanted = read_export(call.asked)
    refuse_secrets(wanted.query, call.viewer)
    headers = {"Content-Disposition": f'attachment; filename="clicks.{wanted.kind}"', "Vary": "Accept-Language"}
    return Answer(
        status=200, body=b"", media_type=FORMATS[wanted.kind], headers=headers, stream=stream_clicks(call, wanted)
    )


async def stream_clicks(call: Call, wanted: Export) -> AsyncGenerator[bytes, None]:
    """The file in pieces. An error is raised at the end of the part that was written. Closing this early stops the
    work.
    """
    with call.services.exports.take(call.viewer.asker):
        async with aclosing(stream_file(call.store.engine, call.viewer, wanted)) as pieces:
            async for piece in pieces:
                yield piece


async def stream_file(engine: Engine, viewer: Viewer, wanted: Export) -> AsyncGenerator[bytes, None]:
    """The stream of `stream_clicks`, for a viewer who may have it."""
    pipe = Pipe()
    work = engine.export(lambda session: export_clicks(session, viewer, wanted, pipe.target_path))
    writing = asyncio.ensure_future(work)
    writing.add_done_callback(lambda _: pipe.close_target())
    try:
        async for piece in read_pipe(pipe.source):
            yield piece
        await writing
    finally:
        pipe.close_source()
        writing.cancel()
        await asyncio.wait((writing,))


OPERATIONS = (
    Operation(
        route="GET /clicks/export",
        handler=export,
        name="exportClicks",
        summary="Export clicks as CSV, NDJSON or Parquet",
        doc="The clicks that pass the filters, as a stream. Without `sort_by` they have no particular order.",
        scopes=READERS,
        needs_password=True,
        query=exporting(FORMATS),
        media_type="*/*",
        samples=SAMPLES,
        statuses=(200, 429, 503),
        audit=Audit.ALWAYS,
    ),
)
