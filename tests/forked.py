"""Commands in processes of their own, without the second that Python needs to import the program.

A template process imports the program once and then forks for each command. The command's process has the arguments,
the environment and the outputs that it would have after `python -m clicktrail`. Three things differ: its name in
`/proc`; its hashes of passwords are cheap (tests/model has the cost that users get); Python frees no memory at its end.
"""

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from clicktrail.cli.main import PLACES
from clicktrail.people import passwords

_MOST = 1 << 20
"""The longest request in bytes."""


class Forked:
    """A running command. As `subprocess.Popen`, as far as the tests use it."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: IO[Any], err: IO[Any]) -> None:
        """`out` and `err` are open files."""
        self.returncode: int | None = None
        self._told, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        request = json.dumps([list(arguments), dict(environment), str(Path.cwd())]).encode()
        with theirs, Path(os.devnull).open() as nothing:
            files = [theirs.fileno(), nothing.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(_template(), [request], files)
        self.pid = int(self._read())

    def _read(self) -> str:
        line = self._told.recv(32)
        assert line, "the template has ended"
        return line.decode()

    def poll(self) -> int | None:
        return self._wait_s(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; negative: the signal. Raises TimeoutExpired."""
        code = self._wait_s(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("clicktrail", timeout or 0)
        return code

    def _wait_s(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as ready:
                ready.register(self._told, selectors.EVENT_READ)
                if not ready.select(timeout):
                    return None
            self.returncode = int(self._read())
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _template() -> socket.socket:
    """A connection to the template of this process."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLICKTRAIL_")}
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=kept)

    def end() -> None:
        ours.close()
        process.wait(20)

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> None:
    """Forks for each request. Returns in the process of a command; ends the template when no request can come."""
    while True:
        data, files, _, _ = socket.recv_fds(requests, _MOST, 4)
        if not data:
            sys.exit()
        if os.fork() == 0:
            requests.close()
            return _keep(data, files)
        for file in files:
            os.close(file)


def _keep(data: bytes, files: list[int]) -> None:
    """Forks the command, tells its pid and its end, and ends. Returns in the process of the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    arguments, environment, folder = json.loads(data)
    told = socket.socket(fileno=files[0])
    for number, file in enumerate(files[1:]):
        os.dup2(file, number)
        os.close(file)
    pid = os.fork()
    if pid:
        told.send(b"%d" % pid)
        _, status = os.waitpid(pid, 0)
        try:
            told.send(b"%d" % os.waitstatus_to_exitcode(status))
        finally:
            os._exit(0)
    told.close()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["clicktrail", *arguments]


def _main() -> None:
    for place in PLACES.values():
        import_module(f"clicktrail.cli.{place.partition(':')[0]}")
    passwords._MEMORY_KIB, passwords._PASSES = 8, 1
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        runpy.run_module("clicktrail", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        _end(ended.code)
        raise


def _end(code: str | int | None) -> None:
    """Ends the process as Python does, but frees no memory: in a fork that would copy the template's pages first, which
    takes 0.3 s. Returns if Python has to say more."""
    if not isinstance(code, int | None):
        return
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code or 0)


if __name__ == "__main__":
    _main()
