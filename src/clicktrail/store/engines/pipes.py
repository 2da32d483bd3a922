"""Files that are written and read at the same time, through a pipe.

The pipe has no name in the file system: opening an end by its path (`/dev/fd/…`) never waits for the other end. Whoever
is done with an end closes it, and so releases the other side: a reader finds the end of the file, a writer an error.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable

_CAPACITY = 1024 * 1024
"""Bytes that wait between the two sides; Linux gives 64 KiB unless asked for more."""


class Pipe:
    """Both ends. An end is closed when nobody opens its path any more; closing it again does nothing."""

    def __init__(self) -> None:
        self.source, self.target = os.pipe()
        self._open = {self.source, self.target}
        self._lock = threading.Lock()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # the user's pipes have taken all that they may
                fcntl.fcntl(self.source, fcntl.F_SETPIPE_SZ, _CAPACITY)

    @property
    def source_path(self) -> str:
        """Where the file is read."""
        return f"/dev/fd/{self.source}"

    @property
    def target_path(self) -> str:
        """Where the file is written."""
        return f"/dev/fd/{self.target}"

    def close_source(self) -> None:
        """The reader is done: a writer gets an error from now on."""
        self._close(self.source)

    def close_target(self) -> None:
        """The writer is done: the reader finds the end of the file."""
        self._close(self.target)

    def _close(self, end: int) -> None:
        with self._lock:
            if end in self._open:
                self._open.remove(end)
                os.close(end)


def pass_on(write: Callable[[int], None], read: Callable[[str], None]) -> None:
    """Runs `write(descriptor)` here and `read(path)` in a thread; whichever ends first releases the other.

    Raises what `read` raised, else what `write` raised.
    """
    pipe = Pipe()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            read(pipe.source_path)
        except BaseException as error:  # noqa: BLE001 - whatever it was, it is raised below
            failures.append(error)
        finally:
            pipe.close_source()

    reading = threading.Thread(target=run, name="rendering")
    reading.start()
    try:
        write(pipe.target)
    except BrokenPipeError:  # the reader ended first, and says why
        pass
    finally:
        pipe.close_target()
        reading.join()
    if failures:
        raise failures[0]
