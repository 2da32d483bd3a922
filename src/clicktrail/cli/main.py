"""The entry point of the command line."""

import gc
import os

import click

from clicktrail.cli.mistakes import Commands
from clicktrail.cli.version import describe_version

gc.set_threshold(50_000)  # objects of imports stay: more frequent collections find nothing, in a tenth of the start

PLACES = {
    "audit": "audit:audit",
    "backup": "backups:backup",
    "client": "clients:client",
    "compact": "compact:compact",
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "erasures": "erasures:erasures",
    "export": "export:export_file",
    "id": "ids:print_ids",
    "import": "imports:import_files",
    "migrate": "migrate:migrate",
    "move": "move:move",
    "purge": "purge:purge",
    "recover": "recover:recover",
    "report": "reports:report",
    "restore": "backups:restore",
    "serve": "serve:serve",
    "settings": "options:show_settings",
    "token": "tokens:token",
    "user": "users:user",
}
"""Command -> its module in this package, and its name in the module."""


@click.group(cls=Commands, places=PLACES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(describe_version(), prog_name="clicktrail", message="%(prog)s, version %(version)s")
def main() -> None:
    """Clicktrail records clicks on partner links and finds out which click brought which client."""
    os.umask(0o077)  # the store, exports and backups contain personal data: only their owner may read them
