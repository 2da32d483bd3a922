"""Several server processes on one port: a parent starts them, replaces one that dies, and stops them together."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from types import FrameType

import click

from clicktrail.cli.stopping import CLOSE_S, STOPPING
from clicktrail.settings import Settings, SettingsError

_LOOK_S = 0.1
_PAUSE_S = 1.0
"""Seconds before a dead worker is replaced, so that a worker that cannot start does not keep the machine busy."""
_PATIENCE_S = 5.0
"""Extra seconds for the workers to stop, beyond their own time limits."""
HOPELESS = 78
"""A worker's exit status if another worker would fail too (EX_CONFIG)."""


def supervise(settings: Settings, serve: Callable[[Settings, int], None]) -> None:
    """Runs `serve(settings, number)` in `settings.workers` processes until a signal stops them.

    Raises SettingsError if none of them can serve.
    """
    context = multiprocessing.get_context("spawn")
    is_stopped = threading.Event()

    def stop(_: int, frame: FrameType | None) -> None:
        del frame
        is_stopped.set()

    for ending in STOPPING:
        signal.signal(ending, stop)

    def begin(number: int) -> BaseProcess:
        process = context.Process(target=serve, args=(settings, number), name=f"worker-{number}")
        process.start()
        return process

    workers = [begin(number) for number in range(settings.workers)]
    is_hopeless = False
    while not is_stopped.wait(_LOOK_S):
        is_hopeless = any(worker.exitcode == HOPELESS for worker in workers)
        if is_hopeless:
            break
        for number, worker in enumerate(workers):
            if not worker.is_alive() and not is_stopped.is_set():
                click.echo(f"worker {number} ended with status {worker.exitcode} and is replaced", err=True)
                time.sleep(_PAUSE_S)
                workers[number] = begin(number)
    _end(workers, settings.stop_s + CLOSE_S + _PATIENCE_S)
    if is_hopeless:
        raise SettingsError("The server cannot start. The messages of its workers are above.")


def _end(workers: list[BaseProcess], patience_s: float) -> None:
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + patience_s
    for worker in workers:
        worker.join(max(deadline - time.monotonic(), 0.1))
        worker.kill()
