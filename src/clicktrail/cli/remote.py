"""Work on the store from the command line: directly, or through the server that owns it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from clicktrail.app import open_engine, open_keys
from clicktrail.cli.running import find_server
from clicktrail.client import ApiError, Client
from clicktrail.errors import ClicktrailError, StoreInUse
from clicktrail.model.access import Scope
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.store import Store
from clicktrail.tokens import issue_token

T = TypeVar("T")
_LIFETIME_S = 60


def change(settings: Settings, remote: Callable[[Client], T], local: Callable[[Store], Awaitable[T]]) -> T:
    """Runs `local` on the store, or `remote` on the server that has it open. Ends the command where neither works."""
    try:
        engine = open_engine(settings)
    except StoreInUse as error:
        url = find_server(settings)
        if url is None:
            raise click.ClickException(str(error)) from None
        with open_keys(settings) as keys:
            token, _ = issue_token(keys, Scope.ADMIN, "cli", _LIFETIME_S)
        try:
            return remote(Client(url, token))
        except ApiError as refusal:
            raise click.ClickException(str(refusal)) from None
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    try:
        return asyncio.run(_run(Store(engine), local))
    except ClicktrailError as refusal:
        mistakes = "; ".join(f"{mistake.pointer} {mistake.detail}" for mistake in refusal.mistakes)
        raise click.ClickException(f"{refusal.detail} {mistakes}".strip()) from None


async def _run(store: Store, local: Callable[[Store], Awaitable[T]]) -> T:
    try:
        await store.open()
        return await local(store)
    finally:
        store.close()
