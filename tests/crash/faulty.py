"""A server on a machine with faults: `python -m tests.crash.faulty disk|clock MARK ARGUMENTS…`.

While the file MARK exists, one write or sync of the journal in twenty fails: with EIO, with ENOSPC before the first
byte, or with ENOSPC after some bytes. Or the clock steps, ten times a second, by up to an hour in either direction.
"""

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from clicktrail.cli import main

_RANDOM = Random(os.getpid())
_SHARE = 1 / 20
_STEP_S = 0.1
_MOST_S = 3600


def break_disk(mark: Path) -> None:
    write, syncs = os.pwrite, {name: getattr(os, name) for name in ("fsync", "fdatasync")}

    def is_due() -> bool:
        return _RANDOM.random() < _SHARE and mark.exists()

    def pwrite(file: int, content: Any, place: int) -> int:
        if is_due():
            write(file, memoryview(content)[: _RANDOM.choice((0, len(content) // 2))], place)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, content, place)

    def failing(sync: Callable[[int], None]) -> Callable[[int], None]:
        def call(file: int) -> None:
            if is_due():
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            sync(file)

        return call

    os.pwrite = pwrite
    for name, sync in syncs.items():
        setattr(os, name, failing(sync))


def break_clock(mark: Path) -> None:
    now_ns, passed = time.time_ns, time.monotonic
    state = {"until": 0.0, "offset": 0}

    def stepping_ns() -> int:
        if passed() > state["until"] and mark.exists():
            state.update(until=passed() + _STEP_S, offset=_RANDOM.randrange(-_MOST_S, _MOST_S))
        return now_ns() + int(state["offset"]) * 1_000_000_000

    time.time_ns = stepping_ns
    time.time = lambda: stepping_ns() / 1e9


if __name__ == "__main__":
    kind, place, *arguments = sys.argv[1:]
    {"disk": break_disk, "clock": break_clock}[kind](Path(place))
    sys.argv[1:] = arguments
    main(prog_name="clicktrail")
