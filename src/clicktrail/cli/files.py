"""`clicktrail import` and `clicktrail export`."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from clicktrail.app import make_recorder, read_reading
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.client import Client
from clicktrail.errors import ClicktrailError
from clicktrail.ingest.batches import make_batch, row_results
from clicktrail.model.access import SYSTEM
from clicktrail.query.fields import CLICK
from clicktrail.query.parse import parse_export
from clicktrail.settings import Settings
from clicktrail.store.export import FORMATS, export_clicks
from clicktrail.store.files import count_rows, read_rows
from clicktrail.store.store import Store

_BATCH = 5_000
_SHOWN = 10
_WORDS = {201: "imported", 200: "there already", 409: "differ from what is there", 422: "not valid"}
Results = list[dict[str, Any]]


@click.command("import")
@setting_options(*STORE, "geo", "referral_parameter", "banner_parameter")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_files(files: tuple[Path, ...], **given: str) -> None:
    """Import clicks from NDJSON, CSV or Parquet FILES. Again, or after a break, it brings nothing twice."""
    settings, counts = read_settings(given), Counter[int]()
    for path in files:
        try:
            with click.progressbar(length=count_rows(path), label=path.name, show_pos=True) as bar:
                change(settings, _remote(path, counts, bar.update), _local(settings, path, counts, bar.update))
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    for status, word in _WORDS.items():
        click.echo(f"{counts[status]:>12} {word}")
    if counts[409] or counts[422]:
        raise click.exceptions.Exit(1)


def _count(counts: Counter[int], start: int, results: Results, update: Callable[[int], None]) -> None:
    for place, result in enumerate(results, start + 1):
        counts[result["status"]] += 1
        if result.get("errors") and counts[409] + counts[422] <= _SHOWN:
            told = "; ".join(_tell(error) for error in result["errors"])
            click.echo(f"\nrow {place}: {told}", err=True)
    update(len(results))


def _tell(error: Any) -> str:
    pointer, detail = (error["pointer"], error["detail"]) if isinstance(error, dict) else (error.pointer, error.detail)
    return f"{pointer} {detail}"


def _remote(path: Path, counts: Counter[int], update: Callable[[int], None]) -> Callable[[Client], None]:
    def send(api: Client) -> None:
        for number, bodies in enumerate(read_rows(path, _BATCH)):
            _count(counts, number * _BATCH, api.post_lines("/clicks/batch", b"\n".join(bodies))["results"], update)

    return send


def _local(
    settings: Settings, path: Path, counts: Counter[int], update: Callable[[int], None]
) -> Callable[[Store], Any]:
    async def store_all(store: Store) -> None:
        recorder, reading = make_recorder(settings, store), read_reading(settings)
        batches = (make_batch(bodies, recorder, reading) for bodies in read_rows(path, _BATCH))
        batch, number = next(batches, None), 0
        while batch is not None:
            writing = asyncio.ensure_future(store.add(batch.clicks, batch.given))
            await asyncio.sleep(0)  # the store begins, in its own thread, while the next batch is read
            following = next(batches, None)
            _count(counts, number * _BATCH, row_results(batch, await writing), update)
            batch, number = following, number + 1

    return store_all


@click.command("export")
@setting_options(*STORE)
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help="As in the API: uri[starts]=https://my.")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def export_file(kind: str, filters: tuple[str, ...], file: Path, **given: str) -> None:
    """Export clicks to FILE as CSV, NDJSON or Parquet."""
    settings, query = read_settings(given), urlencode([("format", kind), *map(_parameter, filters)], quote_via=quote)

    async def local(store: Store) -> None:
        asked, _ = parse_export(query.encode(), CLICK, FORMATS, "en", read_reading(settings))
        await store.read(export_clicks, SYSTEM, asked, str(file), kind)

    def remote(api: Client) -> None:
        with file.open("wb") as out:
            out.writelines(_pieces(api, query))

    try:
        change(settings, remote, local)
    except ClicktrailError as error:
        raise click.ClickException(error.detail) from None
    click.echo(f"{file}: {file.stat().st_size} bytes")


def _pieces(api: Client, query: str) -> Iterator[bytes]:
    return api.download(f"/clicks/export?{query}")


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    word, bracket, operator = name.partition("[")
    return f"filter[{word}]{bracket}{operator}", value
