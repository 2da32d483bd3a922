"""The settings of the last server of a store, and those of this shell, which may not know what a server was told."""

from collections.abc import Collection, Mapping
from typing import Any

import click

from clicktrail.choices import changed_settings, cut_setting, is_embedded, store_path
from clicktrail.cli.remote import connect
from clicktrail.cli.running import find_server
from clicktrail.errors import StoreInUse
from clicktrail.model.access import Scope
from clicktrail.model.inventory import POLICY
from clicktrail.opening import open_engine
from clicktrail.settings import Settings, setting_table
from clicktrail.store.engines.duckdb.looking import reading
from clicktrail.store.migrations.shared import list_missing
from clicktrail.store.privacy.audit import find_settings
from clicktrail.store.session.protocol import Session
from clicktrail.store.store import Store

POLICY_SETTINGS = tuple(map(str.lower, POLICY))
"""The settings of what is stored of a click."""
SUBJECT = "cli:doctor"
"""Who asks a server, in its audit log."""
_SHOWN = 40


async def refuse_others(store: Store, settings: Settings, names: Collection[str], given: Mapping[str, Any]) -> None:
    """Raises ClickException if the last server had other values of these settings. What an option says is meant so."""
    last = await store.run(find_settings)
    others = list_others(settings, last, [name for name in names if given.get(name) is None])
    if others:
        raise click.ClickException(
            "This shell has other settings than the last server of this store, so nothing was done.\n"
            + "\n".join(others)
            + "\nSet the same CLICKTRAIL_ variables, or say by these options what you want."
        )


def list_others(settings: Settings, last: Mapping[str, str] | None, names: Collection[str]) -> list[str]:
    """A line for each named setting whose value is another one than that of the last server; none if none is known."""
    if last is None:
        return []
    own = changed_settings(settings)
    rows = [(row, last.get(row.variable), own.get(row.variable)) for row in setting_table() if row.name in names]
    return [
        f"{row.option} ({row.variable}): {_show(there, row.default)} there, {_show(here, row.default)} here"
        for row, there, here in rows
        if there != here
    ]


def find_last(settings: Settings) -> Mapping[str, str] | None:
    """What the last server recorded in the store, or the running one says. None if there was none.

    Raises StoreInUse, Unavailable, ApiError, SettingsError.
    """
    if not is_embedded(settings):
        engine = open_engine(settings)
        try:
            return engine.run(_read)
        finally:
            engine.close()
    path = store_path(settings)
    if not path.exists():
        return None
    try:
        with reading(path) as session:
            return _read(session)
    except StoreInUse:
        url = find_server(settings)
        if url is None:
            raise
    rows = connect(settings, url, Scope.ADMIN, SUBJECT).call("GET", "/settings")
    return {row["name"]: cut_setting(row["value"]) for row in rows if not row["isDefault"]}


def _read(session: Session) -> Mapping[str, str] | None:
    return None if list_missing(session) else find_settings(session)


def _show(value: str | None, default: Any) -> str:
    text = f"{default}" if value is None else value
    return (text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…") or "empty"
