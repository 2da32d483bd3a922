"""`clicktrail export --all DIR` and `clicktrail import DIR`: a whole store as files, and back into a store."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.api_client import Client
from clicktrail.cli.auditing import command_entry
from clicktrail.cli.remote import change, check_there, open_store
from clicktrail.cli.targets import check_folder, filling
from clicktrail.settings import Settings
from clicktrail.store.engines.duckdb.log import log_of
from clicktrail.store.engines.duckdb.looking import reading
from clicktrail.store.exchange import manifest
from clicktrail.store.exchange.dump import fill_store, months_of, write_tables
from clicktrail.store.exchange.manifest import TableFile
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.privacy.audit import record_all
from clicktrail.store.session.protocol import Session
from clicktrail.store.store import Store

_NOT_IN_IT = "The signing keys are not in it: without them, new tokens have to be made."


def export_all(settings: Settings, folder: Path, is_forced: bool) -> None:
    """Writes every table. If a server has the store open, it sends a copy, from which the tables are written."""
    check_folder(folder, is_forced)
    check_there(settings)
    with filling(folder, manifest.NAME) as draft:

        def write(session: Session) -> dict[str, TableFile]:
            return write_tables(session, draft)

        def remote(api: Client) -> dict[str, TableFile]:
            copy = draft / "copy.duckdb"
            try:
                with copy.open("xb") as out:
                    out.writelines(api.download("/backup"))
                with reading(copy) as session:
                    return write(session)
            finally:
                copy.unlink(missing_ok=True)

        async def local(store: Store) -> dict[str, TableFile]:
            return await store.engine.export(write)

        tables = change(settings, remote, local)
        manifest.write_manifest(draft, tables)
    _print_rows(tables)
    size = sum(file.bytes for file in tables.values())
    click.echo(f"{folder}: the whole store, {size} bytes. {_NOT_IN_IT}")


def import_folder(settings: Settings, files: tuple[Path, ...]) -> None:
    """Fills an empty store with an export: completely, or not at all. Raises MoveRefused, UsageError."""
    folder = _only(files)
    said = manifest.read_manifest(folder)
    manifest.check_files(folder, said)
    months = months_of(folder)
    rows = sum(file.rows for file in said.tables.values())
    with _new_or_empty(settings), closing(open_store(settings)) as engine:
        engine.migrate(migrate)
        with click.progressbar(length=rows, label="import") as bar:
            engine.fill(partial(fill_store, folder=folder, manifest=said, notify=bar.update), months)
            engine.run(partial(record_all, entries=[command_entry()]))
    _print_rows(said.tables)
    click.echo(f"{settings.shown_database()}: the whole store of {folder}. {_NOT_IN_IT}")


def announce_new_store(settings: Settings) -> None:
    """Prints where a command is going to create a store."""
    if is_embedded(settings) and not store_path(settings).exists():
        path = store_path(settings).absolute()
        click.echo(f"There is no store yet: a new one is made at {path} (--data names another directory).", err=True)


def _only(files: tuple[Path, ...]) -> Path:
    """The folder to import. Raises UsageError for other files or options."""
    folder = next(path for path in files if path.is_dir())
    if len(files) > 1:
        raise click.UsageError(f"{folder} is a folder: the export of a whole store is imported by itself.")
    context = click.get_current_context()
    given = [
        param.opts[0]
        for param in context.command.params
        if param.name not in ("files", "data", "database")
        and context.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: for files of rows, not for a folder; --data and --database are.")
    return folder


@contextmanager
def _new_or_empty(settings: Settings) -> Iterator[None]:
    """After an error, deletes a store that did not exist before."""
    path = store_path(settings) if is_embedded(settings) else None
    if path is None or path.exists():
        yield
        return
    folders = [folder for folder in path.parents if not folder.exists()]
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        log_of(path).unlink(missing_ok=True)
        with suppress(OSError):
            for folder in folders:
                folder.rmdir()
        raise


def _print_rows(tables: dict[str, TableFile]) -> None:
    for table, file in tables.items():
        click.echo(f"{table:20}{file.rows:>12}")
