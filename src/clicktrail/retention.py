"""Work in the background: the retention, and the removal of erased persons' bytes."""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from clicktrail.errors import ClicktrailError, Unavailable
from clicktrail.store.privacy.audit import by_system, record_all
from clicktrail.store.privacy.erasure import list_left, note_gone
from clicktrail.store.privacy.in_pieces import erase_piece
from clicktrail.store.privacy.retention import STEPS, Days, Purged, begin_run, note_run
from clicktrail.store.store import Store

_PURGE_S = 600.0
"""How often the server checks whether the daily run is due."""
_SCRUB_S = 5.0
"""How often the server tries again to remove the bytes of erased persons from the files."""
_REST, _MOST_REST = 6, 600
_PAUSE = 2
"""While the tables are written again, the server rests so many times as long as each piece took: other changes wait for
a piece."""


async def purge(store: Store, days: Days) -> Purged:
    """Deletes all that is older than its class is kept, in pieces: no click waits for long. A stopped run continues
    with the next one."""
    done, skipped = Purged(), set[str]()
    for name, step in STEPS.items():
        while count := await store.run(step, days, skipped):
            setattr(done, name, getattr(done, name) + count)
    while await store.run(erase_piece):
        pass
    await store.run(note_run, done)
    if done.clicks or done.client_clicks:
        await store.engine.scrub(rewrites=False)
    return done


async def keep_purging(
    store: Store, days: Days, log: Callable[..., object], notify: Callable[[str, BaseException], None]
) -> None:
    """Runs the retention once a day, on one node of several."""
    while True:
        await asyncio.sleep(_PURGE_S)
        try:
            if await store.run(begin_run):
                done = await purge(store, days)
                await store.run(record_all, [by_system("purge", msgspec.to_builtins(done))])
                log("purged", **msgspec.structs.asdict(done))
        except ClicktrailError as error:  # the next run continues
            notify("purge not finished", error)


async def keep_scrubbing(store: Store) -> None:
    """Removes the bytes of erased persons from the files of the embedded store. It rests six times as long as it took,
    because it writes all tables again; longer after an attempt that failed."""
    clock, rest = store.memory.clock, _REST
    while True:
        store.memory.erased.clear()
        began = clock.passed_s()
        with contextlib.suppress(Unavailable):
            erased = await store.run(list_left)
            is_gone = not erased or await store.engine.scrub(rest=_PAUSE)
            if erased and is_gone:
                await store.run(note_gone, erased)
            rest = _REST if is_gone else min(2 * rest, _MOST_REST)
        if (worked := clock.passed_s() - began) > 1:
            await asyncio.sleep(rest * worked)
        await store.memory.erased.wait(_SCRUB_S)
