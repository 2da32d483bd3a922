"""Commands change the store directly, or through the server that has it open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from clicktrail.app import make_store, open_engine, open_keys
from clicktrail.cli.api_client import Client
from clicktrail.cli.options import warn
from clicktrail.cli.running import find_server
from clicktrail.errors import StoreInUse
from clicktrail.model.access import Scope
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.session.protocol import Engine
from clicktrail.store.store import Store
from clicktrail.tokens import issue_token

T = TypeVar("T")
_LIFETIME_S = 60


def open_store(settings: Settings) -> Engine:
    """Opens the engine, and warns about a damaged log. Raises StoreInUse, SettingsError."""
    engine = open_engine(settings)
    if isinstance(engine, DuckdbEngine) and engine.damage:
        warn(engine.damage)
    return engine


def change(settings: Settings, remote: Callable[[Client], T], local: Callable[[Store], Awaitable[T]]) -> T:
    """Runs `local` on the store, or `remote` on the server that has it open.

    Raises StoreInUse if neither is possible, ApiError, SettingsError, and the errors of `local`.
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


def open_local(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Runs `work` on the store, which no server has open. Raises ClickException."""
    try:
        return asyncio.run(_run(make_store(settings, open_store(settings)), work))
    except (StoreInUse, SettingsError) as error:
        raise click.ClickException(str(error)) from None


async def _run(store: Store, local: Callable[[Store], Awaitable[T]]) -> T:
    try:
        await store.open()
        return await local(store)
    finally:
        store.close()
