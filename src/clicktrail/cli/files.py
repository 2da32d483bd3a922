"""`clicktrail export`."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import click

from clicktrail.choices import read_reading
from clicktrail.cli.api_client import Client
from clicktrail.cli.options import STORE, OutFile, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.model.access import SYSTEM
from clicktrail.query.exports import parse_export
from clicktrail.store.exchange.export import FORMATS, export_clicks
from clicktrail.store.store import Store


@click.command("export")
@setting_options(*STORE)
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help="As in the API: uri[starts]=https://my.")
@click.argument("file", type=OutFile())
def export_file(kind: str, filters: tuple[str, ...], file: Path, **given: str) -> None:
    """Export clicks to FILE as CSV, NDJSON or Parquet."""
    settings, query = read_settings(given), urlencode([("format", kind), *map(_parameter, filters)], quote_via=quote)

    async def local(store: Store) -> None:
        await store.read(
            export_clicks, SYSTEM, parse_export(query.encode(), FORMATS, "en", read_reading(settings)), str(file)
        )

    def remote(api: Client) -> None:
        with file.open("wb") as out:
            out.writelines(_pieces(api, query))

    change(settings, remote, local)
    click.echo(f"{file}: {file.stat().st_size} bytes")


def _pieces(api: Client, query: str) -> Iterator[bytes]:
    return api.download(f"/clicks/export?{query}")


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    word, bracket, operator = name.partition("[")
    return f"filter[{word}]{bracket}{operator}", value
