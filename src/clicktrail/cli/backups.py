"""`clicktrail backup` and `clicktrail restore`."""

import os
import shutil
from pathlib import Path

import click

from clicktrail.choices import store_path
from clicktrail.cli.api_client import Client
from clicktrail.cli.options import STORE, OutFile, read_settings, setting_options
from clicktrail.cli.remote import change, note_done
from clicktrail.errors import StoreInUse
from clicktrail.model.clock import SYSTEM_CLOCK
from clicktrail.settings import SettingsError
from clicktrail.store.engines.duckdb.journal.segments import paths_of
from clicktrail.store.engines.duckdb.looking import reading
from clicktrail.store.migrations.shared import inspect
from clicktrail.store.store import Store
from clicktrail.store.vitals import note_backup


@click.command()
@setting_options(*STORE)
@click.argument("dest", type=OutFile())
def backup(dest: Path, **given: str) -> None:
    """Write a consistent copy of the store to the file DEST, also while a server runs. DEST must not exist."""
    if dest.exists():
        raise click.ClickException(f"{dest} exists already; a backup never overwrites a file.")
    settings = read_settings(given)
    draft = dest.with_name(f".{dest.name}.{os.getpid()}")

    def remote(api: Client) -> None:
        with draft.open("wb") as out:
            out.writelines(api.download("/backup"))

    async def local(store: Store) -> None:
        await store.engine.backup(draft)
        note_backup(store_path(settings), SYSTEM_CLOCK)

    try:
        change(settings, remote, local)
        clicks = _count(draft)
        draft.rename(dest)
    finally:
        draft.unlink(missing_ok=True)
    size = dest.stat().st_size
    click.echo(f"{dest}: {clicks} clicks, {size} bytes, a copy of {store_path(settings)} without the signing key.")


@click.command()
@setting_options(*STORE)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(source: Path, **given: str) -> None:
    """Create the store of a data directory from the backup SOURCE. The directory must not have a store."""
    settings = read_settings(given)
    target = store_path(settings)
    if target.exists():
        raise click.ClickException(f"{target} exists already; move it to another place first.")
    if left := paths_of(target):
        raise click.ClickException(
            f"{left[0]} is of another store; move all files {target.name}.* to another place first."
        )
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, draft)
        clicks = _count(draft)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    try:
        note_done(settings, clicks=clicks)
    except (StoreInUse, SettingsError) as error:
        raise click.ClickException(f"The backup is restored, but the audit log takes no entry: {error}") from None
    click.echo(f"{target}: {clicks} clicks.")


def _count(path: Path) -> int:
    """Opens a copy and counts its clicks. So a copy that cannot be opened never becomes a backup."""
    try:
        with reading(path) as session:
            return inspect(session)[1]
    except StoreInUse as error:
        raise click.ClickException(f"{path} is not a store of Clicktrail: {error}") from None
