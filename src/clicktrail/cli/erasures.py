"""`clicktrail erasures export | apply`: the list of erasures, for a store that is restored from an older backup."""

from pathlib import Path

import click
import msgspec

from clicktrail.cli.options import STORE, OutFile, read_settings, setting_options
from clicktrail.cli.remote import open_local
from clicktrail.cli.targets import check_free, is_special, writing
from clicktrail.store.privacy.erasure import list_left, note_gone
from clicktrail.store.privacy.repeating import Listed, apply_list, read_list
from clicktrail.store.store import Store

_MOST_BYTES = 1 << 30


@click.group()
def erasures() -> None:
    """Carry the list of erased persons over to a restored store."""


@erasures.command("export")
@setting_options(*STORE)
@click.option("--force", "is_forced", is_flag=True, help="Replace the file DEST.")
@click.argument("dest", type=OutFile())
def export_list(dest: Path, is_forced: bool, **given: str) -> None:
    """Write the list of erasures to the file DEST. It holds hashes and their key, no names. Stop the server first."""

    async def read(store: Store) -> Listed:
        return await store.run(read_list)

    settings = read_settings(given)
    check_free(dest, is_forced)
    listed = open_local(settings, read)
    with writing(str(dest), is_forced) as out:
        out.write(msgspec.json.encode(listed) + b"\n")
    if not is_special(str(dest)):
        dest.chmod(0o600)
    click.echo(f"Erasures in {dest}: {len(listed.tables['erasures'])}.")


@erasures.command()
@setting_options(*STORE)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def apply(source: Path, **given: str) -> None:
    """Erase again in a restored store who is on the list SOURCE. Stop the server first."""
    try:
        if source.stat().st_size > _MOST_BYTES or not source.is_file():
            raise click.ClickException(f"{source} is not a list of erasures: it is no file of at most 1 GiB.")
        listed = msgspec.json.decode(source.read_bytes(), type=Listed)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{source} is not a list of erasures: {error}") from None

    async def repeat(store: Store) -> int:
        count = await store.run(apply_list, listed)
        await _scrub(store)
        return count

    settings = read_settings(given)
    count = open_local(settings, repeat)
    click.echo(
        f"Erasures on the list: {len(listed.tables['erasures'])}. Persons who were back and erased again: {count}."
    )


@erasures.command()
@setting_options(*STORE)
def scrub(**given: str) -> None:
    """Remove the bytes of erased persons from the files of an embedded store. Stop the server first."""
    settings = read_settings(given)
    count = open_local(settings, _scrub)
    click.echo(f"Erasures whose bytes are deleted now: {count}.")


async def _scrub(store: Store) -> int:
    left = await store.run(list_left)
    if left and await store.engine.scrub():
        await store.run(note_gone, left)
        return len(left)
    return 0
