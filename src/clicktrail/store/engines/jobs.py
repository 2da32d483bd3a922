"""Long work in a thread, which can be cancelled from outside."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from clicktrail.errors import Unavailable
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.runs import Run

T = TypeVar("T")
_AGAIN_S = 0.05
"""Seconds between interrupts. An interrupt between two statements has no effect, so it is repeated."""


async def run_job(pool: Executor, work: Callable[[Run], T]) -> T:
    """Runs `work` in a thread of the pool. On cancellation it stops the run and waits until the thread is free."""
    run = Run()
    running = asyncio.get_running_loop().run_in_executor(pool, work, run)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            run.stop(broken_off())
            await asyncio.wait((running,), timeout=_AGAIN_S)
        running.exception()
        raise


def once(work: Callable[[Session], T]) -> Callable[[Session], T]:
    """Wraps `work` so that a second run is refused: a file cannot be started twice."""
    has_begun = False

    def run(session: Session) -> T:
        nonlocal has_begun
        if has_begun:
            raise broken_off()
        has_begun = True
        return work(session)

    return run


def broken_off() -> Unavailable:
    """The file is incomplete; the caller may try again."""
    return Unavailable("The file broke off.", headers={"Retry-After": "5"})
