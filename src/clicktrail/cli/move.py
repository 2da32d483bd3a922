"""`clicktrail move`: copies a whole store to another engine."""

from contextlib import closing
from functools import partial

import click

from clicktrail.cli.auditing import command_entry
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.remote import check_there, open_store
from clicktrail.opening import check_keys, keys_of
from clicktrail.settings import Settings
from clicktrail.store.exchange import move as moving
from clicktrail.store.migrations.fills import fill
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.privacy.audit import record_all
from clicktrail.store.store import Store


@click.command()
@click.option(
    "--from", "source_url", required=True, metavar="URL", help="The store to move: duckdb:/// or postgresql://."
)
@click.option(
    "--to",
    "target_url",
    required=True,
    metavar="URL",
    help="The target: an empty store, or the target of an interrupted move.",
)
@setting_options("data")
def move(source_url: str, target_url: str, **given: str) -> None:
    """Copy a store to another engine, and compare every row. Stop all servers first. A repeated run continues an
    interrupted one."""
    source_settings, target_settings = (read_settings({**given, "database": url}) for url in (source_url, target_url))
    check_there(source_settings)
    with closing(_open(source_settings)) as source, closing(_open(target_settings)) as target:
        keys = check_keys(source_settings, keys_of(source_settings, source.engine))
        source.engine.run(partial(record_all, entries=[command_entry()]))  # and so in both stores
        _move(source, target)
        keys_of(target_settings, target.engine).adopt(keys)


def _open(settings: Settings) -> Store:
    """A store that is up to date."""
    store = Store(open_store(settings))
    try:
        store.engine.migrate(migrate)
        fill(store.engine)
    except BaseException:
        store.close()
        raise
    return store


def _move(source: Store, target: Store) -> None:
    counts, there = moving.count_rows(source.engine), moving.count_rows(target.engine)
    with click.progressbar(length=sum(counts.values()) - sum(there.values()), label="move   ", show_pos=True) as bar:
        moving.move(source.engine, target.engine, lambda _, rows: bar.update(rows))
    target.engine.fill(lambda session: session.figures.settle(session))
    with click.progressbar(length=sum(counts.values()), label="compare", show_pos=True) as bar:
        checksums = moving.compare(source.engine, target.engine, lambda _, rows: bar.update(rows))
    for table, checksum in checksums.items():
        click.echo(f"{table:16}{counts[table]:>12}  sha256 {checksum}")
