"""`clicktrail purge`: deletes what is older than the retention keeps."""

import click
import msgspec

from clicktrail.choices import keep_days
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import open_local
from clicktrail.retention import purge as run_purge
from clicktrail.store.privacy.retention import Purged, count_due
from clicktrail.store.store import Store

_KEPT = (
    *("keep_clicks_days", "keep_client_clicks_days", "keep_clients_days", "keep_registrations_days", "delivery_days"),
    "keep_audit_days",
)


@click.command()
@setting_options(*STORE, *_KEPT)
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
def purge(dry_run: bool, **given: str) -> None:
    """Delete what is older than the retention keeps, as the server does once a day. With the embedded store, stop the
    server first. A run that is stopped loses nothing and counts nothing twice; the next one continues."""
    settings = read_settings(given)
    days = keep_days(settings)

    async def work(store: Store) -> Purged:
        return await store.run(count_due, days) if dry_run else await run_purge(store, days)

    done = open_local(settings, work)
    for name, count in msgspec.structs.asdict(done).items():
        kept = getattr(days, name)
        span = f"kept for {kept} days" if kept else "kept for ever"
        click.echo(f"{name.replace('_', ' '):15} {count:>10} {'due' if dry_run else 'deleted'}, {span}")
