"""Errors of commands: a sentence, never a traceback."""

import errno
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from clicktrail.cli.api_client import ApiError
from clicktrail.errors import ClicktrailError
from clicktrail.settings import SettingsError

_SOURCE = Path(__file__).parents[1]
_IN_WORDS = (SettingsError, ApiError)
_UNREACHABLE = "Check that PostgreSQL runs, and that --database (CLICKTRAIL_DATABASE) names it."


class Commands(click.Group):
    """A group of commands whose errors are sentences. `places` gives the module of each command.

    A module is loaded when its command runs, so a command does not load libraries that only others need.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"clicktrail.cli.{module}"), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments. Raises UsageError for one that is not in UTF-8, because no store can hold it."""
        for text in args:
            if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
                raise click.UsageError(f"{text!a} is not in UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of the output has closed it
                raise
            raise click.ClickException(explain(error)) from None
        except Exception as error:  # noqa: BLE001 - a traceback does not help the operator
            raise click.ClickException(explain(error)) from None


def explain(error: Exception) -> str:
    """The error as a sentence for the operator."""
    if isinstance(error, ClicktrailError):
        mistakes = "; ".join(f"{mistake.pointer or mistake.parameter} {mistake.detail}" for mistake in error.mistakes)
        cause = str(error.__cause__ or "").partition("\n")[0]
        is_unreachable = type(error.__cause__).__name__ == "PoolTimeout"  # its module takes long to import
        hint = _UNREACHABLE if is_unreachable else ""
        return " ".join(part for part in (error.detail, mistakes, f"({cause})" if cause else "", hint) if part)
    if isinstance(error, _IN_WORDS):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(_SOURCE))]
    at = f" at {Path(places[-1].filename).relative_to(_SOURCE)}:{places[-1].lineno}" if places else ""
    return f"This is an error in Clicktrail itself: {type(error).__name__}{at}. Please report it."
