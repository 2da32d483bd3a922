"""`clicktrail migrate`: updates a store's tables, or lists the missing migrations."""

from collections.abc import Collection
from functools import partial

import click

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.auditing import command_entry
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import check_there, open_store
from clicktrail.cli.running import MIGRATIONS, find_running
from clicktrail.opening import open_engine
from clicktrail.settings import Settings
from clicktrail.store.counting import totals
from clicktrail.store.engines.duckdb.looking import Look, look, reading
from clicktrail.store.engines.postgres import citus as cluster
from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.migrations.fills import fill
from clicktrail.store.migrations.shared import migrate as apply
from clicktrail.store.migrations.shared import say_newer
from clicktrail.store.privacy.audit import record_all
from clicktrail.store.session.protocol import Session


@click.command()
@setting_options(*STORE)
@click.option("--recount", is_flag=True, help="Also count daily totals and figures of links again.")
@click.option("--check", is_flag=True, help="Change nothing; the exit status is 1 if a migration is missing.")
@click.option(
    "--citus", is_flag=True, help="Also distribute the tables over the workers of a Citus cluster (experimental)."
)
@click.option(
    "--shards",
    type=click.IntRange(1, cluster.MAX_SHARDS),
    help="With --citus: number of shards for the clicks, which is final. Default: four per worker. Example: 16.",
)
def migrate(recount: bool, check: bool, citus: bool, shards: int | None, **given: str) -> None:
    """Update the tables, as every server does at its start. Several processes may do this at the same time."""
    settings = read_settings(given)
    if citus and is_embedded(settings):
        raise click.ClickException("--citus needs --database postgresql://…")
    if shards and not citus:
        raise click.ClickException("--shards needs --citus.")
    if check:
        _print_look(look_at(settings))
        return
    engine = open_store(settings)
    try:
        if citus:
            engine.run(cluster.count_workers)
        for name in engine.migrate(apply):
            click.echo(f"applied {name}")
        fill(engine, lambda done, total: click.echo(f"filled {done} of {total} clicks"))
        if recount:
            engine.fill(_recount)
        if citus and isinstance(engine, PostgresEngine):
            for name in engine.run(partial(cluster.distribute, shards=shards or 0), Kind.SCHEMA):
                click.echo(f"distributed {name}")
        engine.run(partial(record_all, entries=[command_entry()]))
        click.echo("The store is up to date.")
    finally:
        engine.close()


def _recount(session: Session) -> None:
    session.figures.recount(session)
    totals.recount(session)


def look_at(settings: Settings) -> Look:
    """The migrations of the store, which stays unchanged. Raises StoreInUse, Unavailable, SettingsError."""
    if is_embedded(settings):
        path, server = store_path(settings), find_running(settings)
        check_there(settings)
        if server is not None and server.migrations:  # it has the store open, so no other process can read it
            return compare(server.migrations)
        with reading(path) as session:
            return look(session)
    engine = open_engine(settings)
    try:
        return engine.run(look)
    finally:
        engine.close()


def compare(applied: Collection[str]) -> Look:
    """What this version would do in a store with these migrations."""
    return Look([each for each in MIGRATIONS if each not in applied], sorted(set(applied) - set(MIGRATIONS)))


def _print_look(found: Look) -> None:
    for name in found.missing:
        click.echo(f"missing {name}")
    for name in found.newer:
        click.echo(f"newer {name}")
    if found.newer:
        click.echo(say_newer(found.newer))
    if found.missing or found.newer:
        raise click.exceptions.Exit(1)
    click.echo("The store is up to date.")
