"""Commands change the store directly, or through the server that has it open."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import click

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.api_client import Client
from clicktrail.cli.auditing import NOTED, command_entry, command_trail, os_user
from clicktrail.cli.options import warn
from clicktrail.cli.running import find_server
from clicktrail.errors import StoreInUse
from clicktrail.model.access import Scope, command_subject
from clicktrail.opening import make_store, open_engine, open_keys
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.duckdb.looking import reading
from clicktrail.store.migrations.shared import list_missing
from clicktrail.store.privacy.audit import record_all
from clicktrail.store.session.protocol import Engine
from clicktrail.store.store import AuditedStore, Store
from clicktrail.tokens import issue_token

T = TypeVar("T")
_LIFETIME_S = 60


def open_store(settings: Settings) -> Engine:
    """Opens the engine, and warns about a damaged log. Raises StoreInUse, SettingsError."""
    engine = open_engine(settings)
    if isinstance(engine, DuckdbEngine) and engine.damage:
        warn(engine.damage)
    return engine


def check_there(settings: Settings) -> None:
    """Raises ClickException if there is no store. A wrong --data must not look like an empty store."""
    if is_embedded(settings) and not store_path(settings).exists():
        raise click.ClickException(f"There is no store at {store_path(settings)}; name its directory by --data.")


def change(
    settings: Settings, remote: Callable[[Client], T], local: Callable[[Store], Awaitable[T]], *, makes: bool = False
) -> T:
    """Runs `local` on the store, or `remote` on the server that has it open. `makes`: whether a missing store is made.

    Raises ClickException if there is no store, StoreInUse if neither is possible, ApiError, SettingsError, and the
    errors of `local`.
    """
    if not makes:
        check_there(settings)
    try:
        engine = open_store(settings)
    except StoreInUse:
        url = find_server(settings)
        if url is None:
            raise
        return remote(connect(settings, url, Scope.ADMIN, command_subject(os_user())))
    return asyncio.run(_run(make_store(settings, engine), local))


def connect(settings: Settings, url: str, scope: Scope, subject: str) -> Client:
    """A client of our own server at `url`, with a token for a minute. Raises SettingsError."""
    with open_keys(settings) as keys:
        token, _ = issue_token(keys, scope, subject, _LIFETIME_S)
    return Client(url, token)


def open_local(settings: Settings, work: Callable[[Store], Awaitable[T]], **detail: Any) -> T:
    """Runs `work` on the store, which no server has open. `detail` is of its entry in the audit log.

    Raises ClickException, also if there is no store.
    """
    try:
        check_there(settings)
        return asyncio.run(_run(make_store(settings, open_store(settings)), work, **detail))
    except (StoreInUse, SettingsError) as error:
        raise click.ClickException(str(error)) from None


async def _run(store: Store, local: Callable[[Store], Awaitable[T]], **detail: Any) -> T:
    try:
        await store.open()
        trail = command_trail(**detail)
        audited = AuditedStore(store, trail.entry_of)
        result = await local(audited)
        if trail.action in NOTED and not audited.is_settled:
            await store.run(record_all, [trail.entry(None)])
        return result
    finally:
        store.close()


def note_done(settings: Settings, **detail: Any) -> None:
    """Adds an entry about the running command to the embedded store, which no server has open. A store of an earlier
    version has none. Raises StoreInUse, SettingsError."""
    with reading(store_path(settings)) as session:
        if list_missing(session):
            return
    engine = open_store(settings)
    try:
        engine.run(partial(record_all, entries=[command_entry(**detail)]))
    finally:
        engine.close()


def note_command(settings: Settings, object_id: str | None = None) -> None:
    """Adds an entry about the running command to the audit log, through a running server if it has the store open.

    A store that does not exist yet is not made for it.
    """
    if is_embedded(settings) and not store_path(settings).exists():
        return
    entry = command_entry(object_id)
    change(
        settings,
        lambda api: api.call("POST", "/audit", {"command": entry.action, "objectId": object_id}),
        lambda store: store.run(record_all, [entry]),
    )
