"""`clicktrail migrate`: brings a store's tables up to date, or says what is missing."""

import click

from clicktrail.app import is_embedded, open_engine
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.errors import ClicktrailError
from clicktrail.settings import SettingsError
from clicktrail.store.postgres.citus import distribute
from clicktrail.store.postgres.engine import Kind, PostgresEngine
from clicktrail.store.schema import list_missing
from clicktrail.store.schema import migrate as apply


@click.command()
@setting_options(*STORE)
@click.option("--check", is_flag=True, help="Change nothing; end with 1 if anything is missing.")
@click.option("--citus", is_flag=True, help="Also spread the tables over the nodes of a Citus cluster.")
def migrate(check: bool, citus: bool, **given: str) -> None:
    """Bring the tables up to date, as every server does at its start. Any number of them may do so at once."""
    settings = read_settings(given)
    if citus and is_embedded(settings):
        raise click.ClickException("--citus needs --database postgresql://…")
    try:
        engine = open_engine(settings)
    except (ClicktrailError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    try:
        if check:
            _tell_missing(engine.run(list_missing))
            return
        applied = engine.migrate(apply)
        for name in applied:
            click.echo(f"applied {name}")
        if citus and isinstance(engine, PostgresEngine):
            for name in engine.run(distribute, Kind.SCHEMA):
                click.echo(f"distributed {name}")
        click.echo("The store is up to date.")
    except ClicktrailError as error:
        raise click.ClickException(error.detail) from None
    finally:
        engine.close()


def _tell_missing(missing: list[str]) -> None:
    for name in missing:
        click.echo(f"missing {name}")
    if missing:
        raise click.exceptions.Exit(1)
    click.echo("The store is up to date.")
