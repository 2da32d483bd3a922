"""`python -m clicktrail.helper`: the second process of `ingest.helping`. It has the settings, and no store."""

import contextlib
import gc
import json
import select
import signal
import sys
from dataclasses import replace
from typing import IO

import msgspec

from clicktrail.choices import make_geo, parameters_of, read_reading
from clicktrail.ingest.batches import read_hit
from clicktrail.ingest.facts import FactFinder
from clicktrail.ingest.helping import IDLE_S, Request, read_frame, write_frame
from clicktrail.ingest.imports import read_import
from clicktrail.ingest.pieces import NeedsStore, ReadOne, Rules, pack_piece
from clicktrail.settings import Settings

READERS: dict[str, ReadOne] = {"clicks": read_hit, "imports": read_import}
_READY = b"ready"
_GC_THRESHOLD = 50_000
"""Objects before a garbage collection: rows make no cycles."""
_decode = msgspec.msgpack.Decoder(Request).decode


def _refuse() -> str:
    raise NeedsStore


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answers pieces until there are no more, or none came for a while."""
    settings = msgspec.convert(json.loads(read_frame(requests)), Settings)
    reading = read_reading(settings)
    finder = FactFinder(make_geo(settings), reading.clock, parameters_of(settings))
    finder.warm_up()
    write_frame(answers, _READY)
    while select.select([requests], [], [], IDLE_S)[0]:
        request = _decode(read_frame(requests))
        with contextlib.suppress(OSError, ValueError):  # a new geo file that cannot be read: the server logs it
            finder.geo.refresh()
        rules = Rules(finder, replace(reading, is_strict=request.is_strict), _refuse)
        write_frame(answers, pack_piece(request.bodies, READERS[request.kind], rules))


if __name__ == "__main__":
    gc.set_threshold(_GC_THRESHOLD)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reads the answers
    with contextlib.suppress(EOFError, BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
