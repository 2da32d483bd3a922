"""Options made from the settings table, and the way errors end a command."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from clicktrail.settings import Settings, SettingsError, load_settings, setting_table

F = TypeVar("F", bound=Callable[..., Any])
STORE = ("data", "database")


def setting_options(*names: str) -> Callable[[F], F]:
    """Adds an option for each named setting; all of them if none is named."""
    rows = [row for row in setting_table() if not names or row.name in names]

    def add(command: F) -> F:
        for row in reversed(rows):
            shown = f" [{row.variable}; default {row.default!r}]"
            name = f"--{row.name.replace('_', '-')}"
            command = click.option(name, row.name, default=None, metavar="VALUE", help=row.help + shown)(command)
        return command

    return add


def read_settings(given: dict[str, Any]) -> Settings:
    """The effective settings. Ends the command with one sentence where one is wrong."""
    try:
        return load_settings(given)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
