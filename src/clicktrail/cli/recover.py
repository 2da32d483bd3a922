"""`clicktrail recover`: goes on without the part of a damaged journal that cannot be read."""

import click

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import check_there
from clicktrail.errors import StoreInUse, Unavailable
from clicktrail.settings import SettingsError
from clicktrail.store.engines.duckdb.engine import DuckdbEngine


@click.command()
@setting_options(*STORE, "memory_mb")
def recover(**given: str) -> None:
    """Take in what can be read of a damaged journal. Stop the server first. Clicks in the damaged part are lost."""
    settings = read_settings(given)
    try:
        if not is_embedded(settings):
            raise click.ClickException("Only the embedded store has a journal.")
        path = store_path(settings)
        check_there(settings)
        engine = DuckdbEngine(path, settings.memory_mb, skips_damage=True)
    except (SettingsError, StoreInUse, Unavailable) as error:
        raise click.ClickException(str(error)) from None
    engine.close()
    click.echo(engine.damage or f"The journal of {path} is whole; the store has taken it in.")
