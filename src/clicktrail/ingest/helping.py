"""A second process that reads rows of imports and batches, so that two cores work and requests do not wait.

It is started by large pieces, and ends when it was not used for a while. Without it, or while it is busy, rows
are read in this process, with the same result.
"""

import contextlib
import os
import select
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

LEAST_ROWS = 1_000
"""A smaller piece is not worth the way."""
START_ROWS = 20_000
"""The process starts after so many rows in such pieces: reading them took as long as a start."""
IDLE_S = 60.0
"""The process ends when it had nothing to do for so long."""
WAIT_S = 10.0
"""A process that does not answer for so long is ended. It reads the largest piece in a second or two."""
_MOST_FAILURES = 3
"""After so many failures in a row there is no further attempt."""
_size = struct.Struct(">I")
_MOST_BYTES = 1 << 30


class Request(msgspec.Struct, array_like=True, gc=False):
    """Rows of a kind: `clicks` of a batch, or objects of `imports`."""

    kind: str
    is_strict: bool
    bodies: Sequence[bytes]


_encode = msgspec.msgpack.Encoder().encode


class Helper:
    """Starts `command`, and sends it `settings` first. Any thread may call."""

    def __init__(self, command: Sequence[str], settings: bytes) -> None:
        self._command = command
        self._settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._failures = self._rows = 0

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._process is None else self._process.pid

    @property
    def has_given_up(self) -> bool:
        """Whether the process failed so often that there is no further attempt."""
        return self._failures >= _MOST_FAILURES

    def ask(self, request: Request) -> bytes | None:
        """The packed piece; None if this process has to read the rows."""
        if not _is_worth_it(request.bodies) or self.has_given_up or count_cores() < 2:
            return None
        if not self._lock.acquire(blocking=False):  # it is busy: the other core is free
            return None
        try:
            self._rows += len(request.bodies)
            return self._ask(request) if self._is_running() else None
        except (OSError, EOFError):
            self._failures += 1
            self._end()
            return None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Ends the process. Waits for a piece that it reads."""
        with self._lock:
            self._end()

    def _ask(self, request: Request) -> bytes:
        requests, answers = self._pipes()
        with self._ended_after(WAIT_S):
            write_frame(requests, _encode(request))
            packed = read_frame(answers)
        self._failures = 0
        return packed

    @contextlib.contextmanager
    def _ended_after(self, seconds: float) -> Iterator[None]:
        """Kills the process if the block takes longer, so that its pipes end. A process that hangs takes and gives
        nothing, and a pipe has no time limit."""
        if self._process is None:
            raise EOFError
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _is_running(self) -> bool:
        """Starts the process if it pays. It is ready some tenths of a second later."""
        if self._process is None or (self._is_ready and self._process.poll() is not None):
            self._end()
            if self._rows < START_ROWS:
                return False
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own interpreter and module
            with self._ended_after(WAIT_S):
                write_frame(self._pipes()[0], self._settings)
        answers = self._pipes()[1]
        if not self._is_ready and select.select([answers], [], [], 0)[0]:
            with self._ended_after(WAIT_S):
                read_frame(answers)
            self._is_ready = True
        return self._is_ready

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        return process.stdin, process.stdout

    def _end(self) -> None:
        process, self._process, self._is_ready = self._process, None, False
        if process is not None:
            self._rows = 0
            with contextlib.suppress(OSError), process:  # a request that it did not take cannot be flushed
                process.kill()


def _is_worth_it(bodies: Sequence[bytes]) -> bool:
    """Whether there are many rows, and the first is a click: files seldom mix clicks with other objects."""
    return len(bodies) >= LEAST_ROWS and b'"uri"' in bodies[0] and b'"ip"' in bodies[0]


def count_cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write_frame(pipe: IO[bytes], content: bytes) -> None:
    pipe.write(_size.pack(len(content)))
    pipe.write(content)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> bytes:
    """Raises EOFError at the end, or for what is no frame."""
    head = pipe.read(_size.size)
    if len(head) < _size.size:
        raise EOFError
    (size,) = _size.unpack(head)
    content = pipe.read(size) if size <= _MOST_BYTES else b""
    if len(content) < size or size > _MOST_BYTES:
        raise EOFError
    return content
