"""`clicktrail report`: GET /reports in a terminal, for cron, or as a page."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import click

from clicktrail.choices import read_reading
from clicktrail.cli.api_client import ApiError, Client
from clicktrail.cli.mistakes import explain
from clicktrail.cli.options import STORE, filter_parameter, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.cli.report_page import make_page
from clicktrail.errors import Conflict
from clicktrail.http.endpoint.report_rows import find_columns, flatten, render_report
from clicktrail.model.access import SYSTEM
from clicktrail.query.grammar import FLAG_SCHEMA
from clicktrail.query.parse import parse_query
from clicktrail.query.reports import Report, read_report, reporting
from clicktrail.settings import Settings
from clicktrail.store.engines.sheets import write_csv
from clicktrail.store.reads.reports import run_report
from clicktrail.store.store import Store

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("table", "csv", "json", "html")
_LEFT_OUT = ("cursor",)
_OWN = tuple(own for own in reporting().own if own.name not in _LEFT_OUT)
_MORE = ("share.", "previous.")
"""Columns of a file that a table in a terminal has no room for."""


def _options(command: F) -> F:
    """An option for each parameter of GET /reports."""
    for own in reversed(_OWN):
        option = "--" + own.name.replace("_", "-")
        if own.schema is FLAG_SCHEMA:
            command = click.option(option, f"p_{own.name}", is_flag=True, help=own.doc)(command)
        else:
            command = click.option(option, f"p_{own.name}", metavar="VALUE", help=own.doc)(command)
    return command


@click.command("report")
@setting_options(*STORE)
@_options
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Filter as in the API, for example countryCode=DE or uri[starts]=https://my.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="A table for the terminal, a file for other programs, or a page with charts.",
)
def report(kind: str, filters: tuple[str, ...], **given: Any) -> None:
    """Print a report: how many clicks and clients, by what, compared with when.

    Example: clicktrail report --group-by partner --period last_month --compare previous
    """
    asked = {own.name: given.pop(f"p_{own.name}") for own in _OWN}
    settings = read_settings(given)
    pairs = [(name, "1" if value is True else value) for name, value in asked.items() if value not in (None, False)]
    query = urlencode([*pairs, *map(filter_parameter, filters)], quote_via=quote)
    wanted = read_report(parse_query(reporting(), query.encode(), "en", read_reading(settings)), read_reading(settings))
    try:
        found = _ask(settings, wanted, query)
    except (Conflict, ApiError) as error:
        raise click.ClickException(_with_options(explain(error))) from None
    click.echo(_WRITERS[kind](wanted, found), nl=kind != "csv")
    if left_out := found["meta"]["leftOut"]:
        click.echo(f"Left out, because they are of another century: {left_out} clicks. See --from and --to.", err=True)


def _with_options(refusal: str) -> str:
    """What the retention makes impossible, with the names of this command's options."""
    for word, option in ((" (rawFrom)", ""), ("compare_from=", "--compare-from "), ("from=", "--from ")):
        refusal = refusal.replace(word, option)
    return refusal


def _ask(settings: Settings, wanted: Report, query: str) -> dict[str, Any]:
    """The answer of GET /reports, from the store or from the server that has it open."""

    async def local(store: Store) -> dict[str, Any]:
        return render_report(wanted, await store.run(run_report, SYSTEM, wanted))

    def remote(api: Client) -> dict[str, Any]:
        found: dict[str, Any] = api.call("GET", f"/reports?{query}")
        return found

    return change(settings, remote, local)


def _write_csv(wanted: Report, answer: dict[str, Any]) -> str:
    rows = [flatten(row) for row in answer["rows"]]
    return b"".join(write_csv([*find_columns(wanted)], rows, is_raw=False)).decode()


def _draw(wanted: Report, answer: dict[str, Any]) -> str:
    """The rows, `other` and the total in columns; numbers are aligned to the right."""
    columns = [name for name in find_columns(wanted) if not name.startswith(_MORE) and name != "isPartial"]
    keys = [name for name in columns if name in {key for each in wanted.question.groupings for key in each.keys}]
    rows = [flatten(row) for row in answer["rows"]]
    if "other" in answer:
        rows.append({**flatten(answer["other"]), **_say(keys, f"{answer['other']['groups']} others")})
    if keys:
        rows.append({**flatten(answer["totals"]), **_say(keys, "total")})
    table = [columns, *([_cell(name, row) for name in columns] for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    lines = [
        "  ".join(
            cell.ljust(width) if name in keys else cell.rjust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        ).rstrip()
        for row in table
    ]
    meta = answer["meta"]
    compared = f", compared with {meta['compareFrom']} to {meta['compareTo']}" if meta["compareFrom"] else ""
    return "\n".join([f"{meta['from']} to {meta['to']} ({meta['zone']}){compared}", "", *lines])


def _say(keys: list[str], text: str) -> dict[str, str]:
    return {name: text if place == 0 else "" for place, name in enumerate(keys)}


def _cell(name: str, row: dict[str, Any]) -> str:
    value = row.get(name)
    if value is None:
        return "-"
    if name.startswith("change."):
        return f"{'' if str(value).startswith('-') else '+'}{value}"
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def _write_json(_: Report, answer: dict[str, Any]) -> str:
    return json.dumps(answer, indent=2, ensure_ascii=False)


_WRITERS: Mapping[str, Callable[[Report, dict[str, Any]], str]] = {
    "table": _draw,
    "csv": _write_csv,
    "json": _write_json,
    "html": make_page,
}
