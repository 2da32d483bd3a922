"""The command line's entry."""

import os

import click

from clicktrail.cli.backups import backup, restore
from clicktrail.cli.clients import client
from clicktrail.cli.compact import compact
from clicktrail.cli.doctor import doctor
from clicktrail.cli.files import export_file
from clicktrail.cli.imports import import_files
from clicktrail.cli.migrate import migrate
from clicktrail.cli.mistakes import Commands
from clicktrail.cli.move import move
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.serve import serve
from clicktrail.cli.tokens import token
from clicktrail.cli.version import describe_version
from clicktrail.settings import setting_table


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(describe_version(), prog_name="clicktrail", message="%(prog)s, version %(version)s")
def main() -> None:
    """Clicktrail records clicks on partner links and says which click brought which client."""
    os.umask(0o077)  # the store, exports and backups hold people's data: they are for their owner alone


@main.command()
@setting_options()
def settings(**given: str) -> None:
    """Print the effective settings."""
    effective = read_settings(given)
    for row in setting_table():
        value = getattr(effective, row.name)
        shown = effective.shown_database() if row.name == "database" else value
        mark = " " if value == row.default else "*"
        click.echo(f"{mark} {row.name} = {shown!r}")
    click.echo("\n* is set; every other one has its default. Change one by its option or CLICKTRAIL_NAME.")


for command in (serve, token, client, import_files, export_file, migrate, move, backup, restore, compact, doctor):
    main.add_command(command)
