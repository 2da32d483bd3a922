"""`clicktrail export`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode

import click

from clicktrail.choices import read_reading
from clicktrail.cli.api_client import Client
from clicktrail.cli.options import STORE, OutFile, filter_parameter, read_settings, setting_options
from clicktrail.cli.remote import change, check_there
from clicktrail.cli.targets import STDOUT, check_free, choose_format, is_special, writing
from clicktrail.cli.whole import export_all
from clicktrail.http.resources.exports import stream_file
from clicktrail.model.access import SYSTEM
from clicktrail.query.exports import exporting, read_export
from clicktrail.query.parse import parse_query
from clicktrail.settings import Settings
from clicktrail.store.exchange.export import FORMATS
from clicktrail.store.store import Store


@click.command("export")
@setting_options(*STORE)
@click.option(
    "--format", "kind", type=click.Choice(list(FORMATS)), help="Format of FILE. Default: by the ending of its name."
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Filter as in the API, for example uri[starts]=https://my.",
)
@click.option(
    "--columns",
    metavar="NAMES",
    help="Columns as in the API, separated by commas: clickId,time,link.code. Default: all of the click.",
)
@click.option("--all", "is_all", is_flag=True, help="Export the whole store into the folder FILE.")
@click.option("--force", "is_forced", is_flag=True, help="Replace FILE, or the export in the folder FILE.")
@click.argument("file", type=click.Path())
def export_file(
    file: str,
    kind: str | None,
    filters: tuple[str, ...],
    columns: str | None,
    is_all: bool,
    is_forced: bool,
    **given: str,
) -> None:
    """Export clicks to FILE: .csv, .ndjson, .jsonl or .parquet, the first three also with .gz; - is standard output.

    With --all, export the whole store as files. `clicktrail import` fills an empty store with them.
    """
    settings = read_settings(given)
    if is_all:
        if kind or filters or columns is not None:
            raise click.UsageError("--all exports everything: use it without --format, --filter and --columns.")
        export_all(settings, Path(file), is_forced)
        return
    context = click.get_current_context()
    if file != STDOUT and not is_special(file):
        check_free(OutFile().convert(file, context.command.params[-1], context), is_forced)
    chosen = choose_format(file, kind)
    pairs = [
        ("format", chosen),
        *([("columns", columns)] if columns is not None else []),
        *map(filter_parameter, filters),
    ]
    check_there(settings)
    _export(settings, urlencode(pairs, quote_via=quote), file, is_forced)


def _export(settings: Settings, query: str, file: str, is_forced: bool) -> None:
    with writing(file, is_forced) as out:

        async def local(store: Store) -> None:
            wanted = read_export(parse_query(exporting(FORMATS), query.encode(), "en", read_reading(settings)))
            async with aclosing(stream_file(store.engine, SYSTEM, wanted)) as pieces:
                await _write(pieces, out)

        def remote(api: Client) -> None:
            out.writelines(api.download(f"/clicks/export?{query}"))

        change(settings, remote, local)
    if file != STDOUT and not is_special(file):
        click.echo(f"{file}: {Path(file).stat().st_size} bytes")


async def _write(pieces: AsyncGenerator[bytes, None], out: IO[bytes]) -> None:
    async for piece in pieces:
        out.write(piece)
