"""`clicktrail move`: a whole store from one engine to another."""

import click

from clicktrail.app import keys_of, open_engine
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.errors import ClicktrailError
from clicktrail.settings import Settings, SettingsError
from clicktrail.store import moving
from clicktrail.store.schema import migrate
from clicktrail.store.store import Store


@click.command()
@click.option(
    "--from", "source_url", required=True, metavar="URL", help="The store to move: duckdb:/// or postgresql://."
)
@click.option(
    "--to", "target_url", required=True, metavar="URL", help="The store to move it to: empty, or a move broken off."
)
@setting_options("data")
def move(source_url: str, target_url: str, **given: str) -> None:
    """Move a store to another engine, and compare every row. Stop all servers first; again, it goes on where it was."""
    try:
        source = open_store(read_settings({**given, "database": source_url}))
        target = open_store(read_settings({**given, "database": target_url}))
        try:
            _move(source, target)
            keys_of(read_settings({**given, "database": target_url}), target.engine).adopt(
                keys_of(read_settings({**given, "database": source_url}), source.engine)
            )
        finally:
            source.close()
            target.close()
    except (moving.MoveRefused, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except ClicktrailError as error:
        raise click.ClickException(error.detail) from None


def open_store(settings: Settings) -> Store:
    """A store whose schema is up to date."""
    store = Store(open_engine(settings))
    store.engine.migrate(migrate)
    return store


def _move(source: Store, target: Store) -> None:
    counts, there = moving.count_rows(source.engine), moving.count_rows(target.engine)
    with click.progressbar(length=sum(counts.values()) - sum(there.values()), label="move   ", show_pos=True) as bar:
        moving.move(source.engine, target.engine, lambda _, rows: bar.update(rows))
    target.engine.settle()
    with click.progressbar(length=sum(counts.values()), label="compare", show_pos=True) as bar:
        checksums = moving.compare(source.engine, target.engine, lambda _, rows: bar.update(rows))
    for table, checksum in checksums.items():
        click.echo(f"{table:16}{counts[table]:>12}  sha256 {checksum}")
