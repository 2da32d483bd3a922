"""Work on the store from the command line: directly, or through the server that owns it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from clicktrail.app import make_store, open_engine, open_keys
from clicktrail.cli.api_client import Client
from clicktrail.cli.options import warn
from clicktrail.cli.running import find_server
from clicktrail.errors import StoreInUse
from clicktrail.model.access import Scope
from clicktrail.settings import Settings
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.session.protocol import Engine
from clicktrail.store.store import Store
from clicktrail.tokens import issue_token

T = TypeVar("T")
_LIFETIME_S = 60


def open_store(settings: Settings) -> Engine:
    """The engine. A damaged log is told of. Raises StoreInUse, SettingsError."""
    engine = open_engine(settings)
    if isinstance(engine, DuckdbEngine) and engine.damage:
        warn(engine.damage)
    return engine


def change(settings: Settings, remote: Callable[[Client], T], local: Callable[[Store], Awaitable[T]]) -> T:
    """Runs `local` on the store, or `remote` on the server that has it open.

    Raises StoreInUse where neither works, ApiError, SettingsError, and what `local` does.
    """
    try:
        engine = open_store(settings)
    except StoreInUse:
        url = find_server(settings)
        if url is None:
            raise
        with open_keys(settings) as keys:
            token, _ = issue_token(keys, Scope.ADMIN, "cli", _LIFETIME_S)
        return remote(Client(url, token))
    return asyncio.run(_run(make_store(settings, engine), local))


async def _run(store: Store, local: Callable[[Store], Awaitable[T]]) -> T:
    try:
        await store.open()
        return await local(store)
    finally:
        store.close()
