"""`clicktrail purge`: deletes what is older than the retention keeps."""

import click
import msgspec

from clicktrail.choices import keep_days
from clicktrail.cli.auditing import command_entry
from clicktrail.cli.last_server import refuse_others
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import open_local
from clicktrail.retention import purge as run_purge
from clicktrail.store.privacy.audit import record_all
from clicktrail.store.privacy.retention import Days, Purged, count_due
from clicktrail.store.store import Store

_KEPT = (
    *("keep_clicks_days", "keep_client_clicks_days", "keep_clients_days", "keep_registrations_days", "delivery_days"),
    "keep_audit_days",
)


@click.command()
@setting_options(*STORE, *_KEPT)
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
def purge(dry_run: bool, **given: str) -> None:
    """Delete what is older than the retention keeps, as the server does once a day. Other days than the last server's
    are refused, unless options say them. With the embedded store, stop the server first. A run that is stopped loses
    nothing and counts nothing twice; the next one continues."""
    settings = read_settings(given)
    days = keep_days(settings)

    async def work(store: Store) -> Purged:
        await refuse_others(store, settings, _KEPT, given)
        if dry_run:
            return await store.run(count_due, days)
        done = await run_purge(store, days)
        await store.run(record_all, [command_entry(**kept, **_counts(days, done))])
        return done

    kept = _kept(days)
    done = open_local(settings, work, **kept)
    for name, count in msgspec.structs.asdict(done).items():
        span = _span(getattr(days, name))
        click.echo(f"{name.replace('_', ' '):15} {count:>10} {'due' if dry_run else 'deleted'}, {span}")


def _kept(days: Days) -> dict[str, int]:
    """For the audit log: for how many days each class is kept that is not kept for ever, such as `clicksDays`."""
    kept: dict[str, int] = msgspec.to_builtins(Purged(**days._asdict()))
    return {f"{name}Days": count for name, count in kept.items() if count}


def _counts(days: Days, done: Purged) -> dict[str, int]:
    """The same for how much of them was deleted, such as `clicks`."""
    counts: dict[str, int] = msgspec.to_builtins(done)
    return {name: count for name, count in counts.items() if f"{name}Days" in _kept(days)}


def _span(days: int) -> str:
    if not days:
        return "kept for ever"
    return f"kept for {days} day{'' if days == 1 else 's'}"
