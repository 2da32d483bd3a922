"""`clicktrail compact`: frees the disk space of deleted rows in the embedded store's file."""

import click

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.errors import StoreInUse
from clicktrail.settings import SettingsError
from clicktrail.store.engines.duckdb.compacting import CompactRefused
from clicktrail.store.engines.duckdb.compacting import compact as compact_file


@click.command()
@setting_options(*STORE, "memory_mb")
def compact(**given: str) -> None:
    """Free the disk space of deleted rows. Stop the server first. An interrupted run leaves the store complete."""
    settings = read_settings(given)
    try:
        if not is_embedded(settings):
            raise click.ClickException("PostgreSQL frees space itself: use VACUUM or VACUUM FULL.")
        path = store_path(settings)
        if not path.exists():
            raise click.ClickException(f"{path} does not exist.")
        done = compact_file(path, settings.memory_mb)
    except (CompactRefused, SettingsError, StoreInUse) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.strerror}: {error.filename}. The store is complete.") from None
    rows = sum(done.rows.values())
    click.echo(f"{path}: {done.before} bytes before, {done.after} after; {rows} rows in {len(done.rows)} tables.")
