"""`clicktrail compact`: frees the disk space of deleted rows in the embedded store's file."""

import asyncio

import click
import psycopg

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.auditing import command_entry
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import check_there, note_done, open_local
from clicktrail.errors import StoreInUse
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.engines.duckdb.compacting import CompactRefused
from clicktrail.store.engines.duckdb.compacting import compact as compact_file
from clicktrail.store.engines.postgres.full import rewrite_tables
from clicktrail.store.privacy.audit import record_all
from clicktrail.store.privacy.erasure import list_left, note_gone
from clicktrail.store.store import Store


@click.command()
@setting_options(*STORE, "memory_mb")
def compact(**given: str) -> None:
    """Free the disk space of deleted rows, and remove the bytes of erased persons. Stop the server first; on PostgreSQL
    it may run, and waits. An interrupted run leaves the store complete."""
    settings = read_settings(given)
    try:
        if not is_embedded(settings):
            _rewrite(settings)
            return
        path = store_path(settings)
        check_there(settings)
        done = compact_file(path, settings.memory_mb)
        note_done(settings, bytesBefore=done.before, bytesAfter=done.after, rows=sum(done.rows.values()))
    except (CompactRefused, SettingsError, StoreInUse) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.strerror}: {error.filename}. The store is complete.") from None
    rows = sum(done.rows.values())
    click.echo(f"{path}: {done.before} bytes before, {done.after} after; {rows} rows in {len(done.rows)} tables.")


def _rewrite(settings: Settings) -> None:
    """VACUUM FULL of all tables with data of persons."""

    async def rewrite(store: Store) -> int:
        erased = await store.run(list_left)
        await asyncio.to_thread(rewrite_tables, settings.database_url())
        if erased:
            await store.run(note_gone, erased)
        await store.run(record_all, [command_entry(erasures=len(erased))])
        return len(erased)

    try:
        count = open_local(settings, rewrite)
    except psycopg.Error as error:
        raise click.ClickException(f"PostgreSQL refused: {str(error).splitlines()[0]}") from None
    click.echo(f"The tables are written again. They no longer hold the bytes of {count} erasures.")
