"""`clicktrail migrate`: brings a store's tables up to date, or says what is missing."""

from functools import partial

import click

from clicktrail.app import is_embedded, open_engine
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.errors import ClicktrailError
from clicktrail.settings import SettingsError
from clicktrail.store.postgres import citus as cluster
from clicktrail.store.postgres.engine import Kind, PostgresEngine
from clicktrail.store.schema import list_missing
from clicktrail.store.schema import migrate as apply


@click.command()
@setting_options(*STORE)
@click.option("--check", is_flag=True, help="Change nothing; end with 1 if anything is missing.")
@click.option(
    "--citus", is_flag=True, help="Also spread the tables over the workers of a Citus cluster (experimental)."
)
@click.option(
    "--shards",
    type=click.IntRange(1, cluster.MAX_SHARDS),
    help="With --citus: how many shards the clicks get, for good. Default: two for each worker. Example: 8.",
)
def migrate(check: bool, citus: bool, shards: int | None, **given: str) -> None:
    """Bring the tables up to date, as every server does at its start. Any number of them may do so at once."""
    settings = read_settings(given)
    if citus and is_embedded(settings):
        raise click.ClickException("--citus needs --database postgresql://…")
    if shards and not citus:
        raise click.ClickException("--shards needs --citus.")
    try:
        engine = open_engine(settings)
    except (ClicktrailError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    try:
        if check:
            _tell_missing(engine.run(list_missing))
            return
        if citus:
            engine.run(cluster.count_workers)
        for name in engine.migrate(apply):
            click.echo(f"applied {name}")
        if citus and isinstance(engine, PostgresEngine):
            for name in engine.run(partial(cluster.distribute, shards=shards or 0), Kind.SCHEMA):
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
