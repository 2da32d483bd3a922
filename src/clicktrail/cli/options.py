"""Options made from the settings table, and checks of arguments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from clicktrail.model.access import PARTNERS
from clicktrail.model.ids import is_id
from clicktrail.settings import Settings, SettingsError, load_settings, setting_table

F = TypeVar("F", bound=Callable[..., Any])
STORE = ("data", "database")


class OutFile(click.Path):
    """A file to be written, in an existing folder."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"The folder {path.parent} does not exist.", param, ctx)
        if path.name in ("", ".", ".."):
            self.fail("A file name is needed.", param, ctx)
        return path


def setting_options(*names: str) -> Callable[[F], F]:
    """Adds an option for each named setting; for all settings if none is named."""
    rows = [row for row in setting_table() if not names or row.name in names]

    def add(command: F) -> F:
        for row in reversed(rows):
            shown = f" [{row.variable}; default {row.default!r}]"
            command = click.option(row.option, row.name, default=None, metavar="VALUE", help=row.help + shown)(command)
        return command

    return add


@click.command("settings")
@setting_options()
def show_settings(**given: str) -> None:
    """Print the effective settings."""
    effective = read_settings(given)
    for row in setting_table():
        value = getattr(effective, row.name)
        shown = effective.shown_database() if row.name == "database" else value
        mark = " " if value == row.default else "*"
        click.echo(f"{mark} {row.name} = {shown!r}")
    click.echo(
        "\n* marks changed settings; all others have their default. Change a setting by its option or CLICKTRAIL_NAME."
    )


def read_settings(given: dict[str, Any]) -> Settings:
    """The effective settings. Raises SettingsError with a line for each mistake."""
    settings = load_settings(given)
    data = Path(settings.data)
    if data.exists() and not data.is_dir():
        raise SettingsError(f"--data (CLICKTRAIL_DATA) must be a directory; {data} is a file.")
    return settings


def check_partner(scope: str, partner: str | None) -> None:
    """Checks that --partner is given exactly for the scopes of partners. Raises UsageError."""
    if scope in PARTNERS and partner is None:
        raise click.UsageError(f"--scope {scope} needs --partner PROFILE_ID, the partner who may see the clicks.")
    if scope not in PARTNERS and partner is not None:
        raise click.UsageError(f"--partner goes with --scope partner or postback, not with --scope {scope}.")
    if partner is not None and not is_id(partner):
        raise click.UsageError("--partner must be a profile id: 24 lower-case hex digits.")


def filter_parameter(text: str) -> tuple[str, str]:
    """`uri[starts]=x` of the option --filter -> the parameter of the API, `filter[uri][starts]`, and its value."""
    name, _, value = text.partition("=")
    word, bracket, operator = name.partition("[")
    return f"filter[{word}]{bracket}{operator}", value


def warn(text: str) -> None:
    click.echo(f"Warning: {text}", err=True)
