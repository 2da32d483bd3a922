"""A file that is written and read at the same time, through a pipe.

The pipe has no name in the file system. Opening an end by its path (`/dev/fd/…`) never waits for the other end. Closing
an end releases the other side: the reader gets the end of the file, the writer gets an error.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable

_CAPACITY = 1024 * 1024
"""Bytes that wait between the two sides. The default in Linux is 64 KiB."""


class Pipe:
    """Both ends. Close an end when nothing opens its path any more; closing it twice has no effect."""

    def __init__(self) -> None:
        self.source, self.target = os.pipe()
        self._open = {self.source, self.target}
        self._lock = threading.Lock()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # the user's limit for pipes is reached
                fcntl.fcntl(self.source, fcntl.F_SETPIPE_SZ, _CAPACITY)

    @property
    def source_path(self) -> str:
        return f"/dev/fd/{self.source}"

    @property
    def target_path(self) -> str:
        return f"/dev/fd/{self.target}"

    def close_source(self) -> None:
        """The writer then gets an error."""
        self._close(self.source)

    def close_target(self) -> None:
        """The reader then gets the end of the file."""
        self._close(self.target)

    def _close(self, end: int) -> None:
        with self._lock:
            if end in self._open:
                self._open.remove(end)
                os.close(end)


def pass_on(write: Callable[[int], None], read: Callable[[str], None]) -> None:
    """Runs `write(descriptor)` here and `read(path)` in a thread. When one ends, the other is released.

    Raises the error of `read`, else the error of `write`.
    """
    pipe = Pipe()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            read(pipe.source_path)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
        finally:
            pipe.close_source()

    reading = threading.Thread(target=run, name="rendering")
    reading.start()
    try:
        write(pipe.target)
    except BrokenPipeError:  # the reader ended first: the error of the reader is raised below
        pass
    finally:
        pipe.close_target()
        reading.join()
    if failures:
        raise failures[0]
