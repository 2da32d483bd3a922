"""GET /clicks/export: every click that the filters let through, streamed in constant memory.

The engine writes into a named pipe as fast as the client reads from it: nothing is collected in between.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from clicktrail.http.calls import Answer, Call, chain
from clicktrail.query.fields import CLICK
from clicktrail.query.parse import parse_export
from clicktrail.query.questions import ListQuery
from clicktrail.store.engine import Session
from clicktrail.store.export import FORMATS, export_clicks
from clicktrail.store.records import refuse_secrets

_PIECE_BYTES = 256 * 1024
_ROW = ("6006dda272f002519c3eb505", "2021-01-01T00:00:00+00:00", "185.155.96.184")
SAMPLES = {
    FORMATS["csv"]: f"clickId,time,ip\n{','.join(_ROW)}\n",
    FORMATS["ndjson"]: '{{"clickId":"{}","time":"{}","ip":"{}"}}\n'.format(*_ROW),
    FORMATS["parquet"]: None,
}
"""Media type -> the beginning of such a file, for the docs."""


async def export(call: Call) -> Answer:
    """Export clicks."""
    query, kind = parse_export(call.query, CLICK, FORMATS, call.language, call.reading)
    refuse_secrets(query, call.viewer)
    pieces = stream_clicks(call, query, kind)
    first = await anext(pieces, b"")  # a failure before the first byte is still an error document
    headers = {"Content-Disposition": f'attachment; filename="clicks.{kind}"', "Vary": "Accept-Language"}
    return Answer(200, b"", FORMATS[kind], headers, chain(first, pieces))


async def stream_clicks(call: Call, query: ListQuery, kind: str) -> AsyncIterator[bytes]:
    """The file in pieces. An error of the engine's is raised where the file would have ended."""
    with tempfile.TemporaryDirectory(prefix="clicktrail-") as folder:
        pipe = Path(folder) / "clicks"
        os.mkfifo(pipe, 0o600)

        def write(session: Session) -> None:
            try:
                export_clicks(session, call.viewer, query, str(pipe), kind)
            except BaseException:
                _release(pipe)
                raise

        writing = asyncio.ensure_future(call.store.engine.export(write))
        reader: IO[bytes] = await asyncio.to_thread(pipe.open, "rb", 0)
        try:
            while piece := await asyncio.to_thread(reader.read, _PIECE_BYTES):
                yield piece
        finally:
            reader.close()  # a writer whose reader went away ends with an error of its own
            results = await asyncio.gather(writing, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


def _release(pipe: Path) -> None:
    """Lets a reader go that waits for a writer which will never come."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return  # nobody waits
