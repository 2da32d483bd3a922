"""Opens the store and the signing keys that the settings name: for the server, and for commands that need no server."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from clicktrail.choices import is_embedded, make_geo, parameters_of, privacy_policy, store_path
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.facts import FactFinder
from clicktrail.ingest.geo import Geo
from clicktrail.ingest.helping import Helper
from clicktrail.ingest.recorder import Recorder, relink
from clicktrail.keyring import KEY_FILE, KeyFile, KeyRing
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.times import SECOND
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.keys import TableKeys
from clicktrail.store.memory.memory import Memory
from clicktrail.store.session.protocol import Engine
from clicktrail.store.store import Store


def open_engine(settings: Settings, clock: Clock = SYSTEM_CLOCK) -> Engine:
    """The engine that `--database` names. Raises StoreInUse, SettingsError."""
    memory = Memory(clock, settings.duplicate_window_s * SECOND, privacy_policy(settings))
    if not is_embedded(settings):
        return PostgresEngine(
            settings.database_url(),
            settings.statement_timeout_s,
            settings.retention_months,
            memory=memory,
            exporters=settings.exports,
        )
    if settings.workers > 1:
        raise SettingsError("Only one process can use the embedded store: --workers must be 1.")
    return DuckdbEngine(store_path(settings), settings.memory_mb, settings.exports, memory)


def make_store(settings: Settings, engine: Engine | None = None) -> Store:
    """The store uses the parameter names of the settings to find the links of clicks."""
    return Store(engine or open_engine(settings), partial(relink, parameters=parameters_of(settings)))


def keys_of(settings: Settings, engine: Engine | None, clock: Clock = SYSTEM_CLOCK) -> KeyRing:
    """Signing keys: in a file of the data directory, or in a table that all nodes share."""
    if isinstance(engine, PostgresEngine):
        return KeyRing(TableKeys(engine), clock)
    return KeyRing(KeyFile(Path(settings.data) / KEY_FILE), clock)


def check_keys(settings: Settings, keys: KeyRing) -> KeyRing:
    """Creates the first key if there is none. Raises SettingsError if the keys cannot be used."""
    try:
        keys.check()
    except OSError as error:
        raise SettingsError(
            f"The data directory {settings.data} cannot be used: {error.strerror} ({error.filename}). Let the user of "
            f"this process (number {os.geteuid()}) read and write the directory and its files, or name another one by "
            "--data."
        ) from None
    except ValueError as error:
        place = Path(settings.data) / KEY_FILE if is_embedded(settings) else "in the database"
        raise SettingsError(
            f"The signing key {place} cannot be used: {error}. Restore a copy of it. If there is no "
            "copy, remove it: a new key is created, and all tokens become invalid."
        ) from None
    return keys


@contextlib.contextmanager
def open_keys(settings: Settings) -> Iterator[KeyRing]:
    """The signing keys, for a command; a server may be running. Raises SettingsError."""
    if is_embedded(settings):
        yield check_keys(settings, keys_of(settings, None))
        return
    store = make_store(settings)
    try:
        asyncio.run(store.open())
        yield check_keys(settings, keys_of(settings, store.engine))
    finally:
        store.close()


def make_recorder(settings: Settings, store: Store, geo: Geo | None = None, buffer: Buffer | None = None) -> Recorder:
    buffer = Buffer(store) if buffer is None else buffer
    facts = FactFinder(geo or make_geo(settings), store.memory.clock, parameters_of(settings))
    # Another process has the system's time. Several processes of a server use the cores without it.
    has_helper = store.memory.clock is SYSTEM_CLOCK and settings.workers == 1
    return Recorder(buffer, facts, store.memory, make_helper(settings) if has_helper else None)


def make_helper(settings: Settings) -> Helper:
    """The second process for large imports and batches. It starts when it is needed."""
    told = json.dumps(msgspec.to_builtins(settings)).encode()  # numbers may be large
    return Helper((sys.executable, "-P", "-m", "clicktrail.helper"), told)
