"""`clicktrail audit verify | export`."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from clicktrail.cli.api_client import Client
from clicktrail.cli.options import STORE, read_settings, setting_options
from clicktrail.cli.remote import change, check_there
from clicktrail.cli.targets import writing
from clicktrail.model.audit import AuditLine, Verdict, verify
from clicktrail.settings import Settings
from clicktrail.store.privacy.audit import list_lines
from clicktrail.store.session.protocol import Session
from clicktrail.store.store import Store

_decode = msgspec.json.Decoder(AuditLine, strict=True).decode


@click.group()
def audit() -> None:
    """Check and export the audit log: who did what, chained by hashes."""


@audit.command("verify")
@setting_options(*STORE)
@click.option("--last", metavar="HASH", help="A hash that you noted earlier; it must be in the log.")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify_log(file: Path | None, last: str | None, **given: str) -> None:
    """Check the hash chain of the store, or of an exported FILE; the exit status is 1 if it is broken.

    Nothing but the file is needed to check a file.
    """
    seen = _Seen(last)
    verdict = verify(seen.pass_on(_read(file))) if file is not None else _verify_store(read_settings(given), seen)
    if verdict.reason is not None:
        raise click.ClickException(f"The audit log is broken at entry {verdict.broken}: {verdict.reason}.")
    if file is not None and verdict.first is None:
        raise click.ClickException("The file is empty.")
    if last is not None and not seen.is_found:
        raise click.ClickException(f"The audit log is sound, but it has no entry with the hash {last}.")
    click.echo(
        f"The audit log is sound: {verdict.lines} entries, from {verdict.first or '-'} to {verdict.end.position}."
    )
    click.echo(verdict.end.hash)


@audit.command("export")
@setting_options(*STORE)
@click.option("--force", "is_forced", is_flag=True, help="Replace FILE.")
@click.argument("file", type=click.Path())
def export_log(file: str, is_forced: bool, **given: str) -> None:
    """Export the audit log to FILE as NDJSON; - is standard output."""
    settings = read_settings(given)
    check_there(settings)
    with writing(file, is_forced) as out:

        def write(session: Session) -> None:
            out.writelines(msgspec.json.encode(line) + b"\n" for line in list_lines(session))

        async def local(store: Store) -> None:
            await store.engine.export(write)

        change(settings, lambda api: out.writelines(api.download("/audit/export")), local)


_LONGEST = 64 * 1024
"""Bytes of a line: eight times the longest detail."""


class _Seen:
    """Lines on their way to the check; remembers whether one has a hash."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self.is_found = False

    def pass_on(self, lines: Iterator[AuditLine]) -> Iterator[AuditLine]:
        for line in lines:
            self.is_found = self.is_found or line.hash == self._wanted
            yield line


def _verify_store(settings: Settings, seen: _Seen) -> Verdict:
    def remote(api: Client) -> Verdict:
        return verify(seen.pass_on(_decode_lines(_lines_of(api.download("/audit/export")))))

    async def local(store: Store) -> Verdict:
        return await store.engine.export(lambda session: verify(seen.pass_on(list_lines(session))))

    return change(settings, remote, local)


def _read(file: Path) -> Iterator[AuditLine]:
    with file.open("rb") as content:
        yield from _decode_lines(iter(lambda: content.readline(_LONGEST + 1), b""))


def _decode_lines(lines: Iterator[bytes]) -> Iterator[AuditLine]:
    """Raises ClickException for a line that is not one of the log, as it was written."""
    for number, line in enumerate(lines, 1):
        try:
            entry = _decode(line) if len(line) <= _LONGEST else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            entry = None
        if entry is None or msgspec.json.encode(entry) != line.rstrip(b"\r\n"):
            raise click.ClickException(f"Line {number} of the file is not an entry of the audit log as it was written.")
        yield entry


def _lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
