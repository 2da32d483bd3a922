"""Work that takes long, in a thread, and can be broken off from outside."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from clicktrail.errors import Unavailable
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.runs import Run

T = TypeVar("T")
_AGAIN_S = 0.05
"""An interrupt that comes between two statements does nothing, so it is repeated."""


async def run_job(pool: Executor, work: Callable[[Run], T]) -> T:
    """Runs `work` in a thread of the pool. Cancelled, it stops the run and waits until its thread is free."""
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
    """`work`, refused the second time: a file that was begun cannot be begun again."""
    has_begun = False

    def run(session: Session) -> T:
        nonlocal has_begun
        if has_begun:
            raise broken_off()
        has_begun = True
        return work(session)

    return run


def broken_off() -> Unavailable:
    """The file has no end; the same may be tried again."""
    return Unavailable("The file broke off.", headers={"Retry-After": "5"})
