"""What the embedded store reads into memory after its start, while it serves already."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from clicktrail.store.clicks.newest import begin_tail, read_tail
from clicktrail.store.counting.figures import LinkFigures
from clicktrail.store.engines.duckdb.session import DuckdbSession
from clicktrail.store.memory.key_set import distinct
from clicktrail.store.session.finding import UUID_KEYS
from clicktrail.store.session.sql import sql


def begin_snapshot(session: DuckdbSession, figures: LinkFigures) -> None:
    """Called while nothing is recorded and no other transaction writes. Later changes wait for what is read."""
    session.rows(sql("BEGIN TRANSACTION"))
    figures.read(session)
    if not session.memory.newest.has_begun:
        session.memory.newest.expect()


def read_snapshot(session: DuckdbSession, not_recording: Callable[[], AbstractContextManager[None]]) -> None:
    """Reads the newest clicks and the keys of all uuids. Until then the engine is asked."""
    if session.memory.newest.waiting is not None:
        clicks = read_tail(session)
        with not_recording():
            begin_tail(session, clicks)
    keys = session.arrays(sql(UUID_KEYS))["key"]
    session.memory.uuids.begin(distinct(np.asarray(keys, dtype=np.uint64).view(np.int64)))
    session.rows(sql("COMMIT"))
