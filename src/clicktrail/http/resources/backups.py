"""GET /backup: a consistent copy of the embedded store, made while the server runs."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

from clicktrail.http.endpoint.call import Answer, Call
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.trails import Audit
from clicktrail.model.access import ADMINS
from clicktrail.store.vitals import note_backup

MEDIA_TYPE = "application/octet-stream"
_PIECE_BYTES = 1024 * 1024


async def get_backup(call: Call) -> Answer:
    headers = {"Content-Disposition": 'attachment; filename="clicktrail.duckdb"', "Cache-Control": "no-store"}
    return Answer(status=200, body=b"", media_type=MEDIA_TYPE, headers=headers, stream=stream_backup(call))


async def stream_backup(call: Call) -> AsyncGenerator[bytes, None]:
    """The copy in pieces. It has its own temporary directory until it is sent."""
    with tempfile.TemporaryDirectory(prefix="clicktrail-backup-", dir=call.services.limits.scratch) as folder:
        target = Path(folder) / "clicktrail.duckdb"
        await call.store.engine.backup(target)
        with await asyncio.to_thread(target.open, "rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                yield piece
    if call.services.health.file is not None:
        await asyncio.to_thread(note_backup, call.services.health.file, call.store.memory.clock)


OPERATIONS = (
    Operation(
        route="GET /backup",
        handler=get_backup,
        name="getBackup",
        summary="Download a consistent copy of the store",
        scopes=ADMINS,
        needs_password=True,
        media_type=MEDIA_TYPE,
        statuses=(200, 409, 503),
        audit=Audit.ALWAYS,
    ),
)
