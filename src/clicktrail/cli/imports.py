"""`clicktrail import`: files of other programs, and the history of another server."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from clicktrail.choices import read_reading
from clicktrail.cli.api_client import Client
from clicktrail.cli.last_server import POLICY_SETTINGS, refuse_others
from clicktrail.cli.options import STORE, OutFile, read_settings, setting_options
from clicktrail.cli.remote import change
from clicktrail.cli.targets import refuse_own
from clicktrail.cli.whole import announce_new_store, import_folder
from clicktrail.imports import KEEP_MISSING, read_batch, read_outcome, store_batch
from clicktrail.ingest.imports import Parsed
from clicktrail.opening import make_recorder
from clicktrail.query.imports import BY_NAME, ORDER, Imported
from clicktrail.settings import Settings
from clicktrail.store.exchange.logs import check_base_url
from clicktrail.store.exchange.moments import DATES, Moments, find_zone
from clicktrail.store.exchange.rows import Body, Refused, Row, left_out, read_bodies
from clicktrail.store.exchange.sources import FORMATS, Options, Source
from clicktrail.store.store import Store

_BATCH = 5_000
_SHOWN, _REASONS = 10, 50
_WORDS = {201: "imported", 200: "there already", 409: "differ from what is there", 422: "not valid"}
_KINDS = [resource.name for resource in ORDER]


@dataclass
class Tally:
    """Counts of the rows by their result so far."""

    rejects: IO[bytes] | None
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """Number of refused rows."""
        return sum(count for (_, status), count in self.counts.items() if status in (409, 422))

    def add(self, source: Source, rows: Sequence[Row], results: Sequence[Imported]) -> None:
        """Counts rows in the order of the file. `results` are those of the rows that were sent."""
        for status, count in Counter(result.status for result in results).items():
            if status in (200, 201):
                self.counts[source.kind, status] += count
        following = iter(results)
        for row in rows:
            if isinstance(row, Refused):
                self._refuse(source, row)
                continue
            result = next(following)
            for note in result.notes:
                _count(self.notes, note)
            if result.mistakes:
                self._refuse(source, _refusal_of(row, result), result.status)

    def _refuse(self, source: Source, row: Refused, status: int = 422) -> None:
        """Counts, prints and keeps a refused row."""
        word = "line" if source.has_lines else "row"
        if self.refused < _SHOWN:
            over_bar = "\r\033[K" if sys.stderr.isatty() else ""
            click.echo(f"{over_bar}{source.path.name}, {word} {row.number}: {row.reason}", err=True)
        self.counts[source.kind, status] += 1
        _count(self.reasons, row.reason)
        if self.rejects is not None:
            line = {"file": source.path.name, word: row.number, "reason": row.reason, "content": row.row}
            self.rejects.write(_encode(line) + b"\n")


def _refusal_of(row: Body, result: Imported) -> Refused:
    """A made id begins with the time, so it is left out where the time must be corrected."""
    reasons = "; ".join(f"{mistake.pointer} {mistake.detail}" for mistake in result.mistakes)
    if row.has_made_id and any(mistake.pointer == "/time" for mistake in result.mistakes):
        content = {key: value for key, value in msgspec.json.decode(row.content).items() if key != "clickId"}
        return Refused(row.number, reasons, content)
    return Refused(row.number, reasons, msgspec.Raw(row.content))


def _encode(line: Any) -> bytes:
    try:
        return msgspec.json.encode(line)
    except UnicodeEncodeError:  # bytes that are not in the file's encoding
        return msgspec.json.encode({**line, "content": repr(line["content"])})


def _count(counter: Counter[str], text: str) -> None:
    counter[text if text in counter or len(counter) < _REASONS else "other reasons"] += 1


def _read_map(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if any(not name or not column for name, _, column in pairs):
        raise click.BadParameter("must be NAME=COLUMN, for example uri=landing_page")
    return {name: column for name, _, column in pairs}


def _checked(check: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    def read(_: click.Context, __: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else check(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


@click.command("import")
@setting_options(*STORE, *POLICY_SETTINGS, "geo", "referral_parameter", "banner_parameter")
@click.option(
    "--format", "kind_of_file", type=click.Choice(FORMATS), help="Format of the files. Default: by the file name."
)
@click.option("--kind", type=click.Choice(list(BY_NAME)), help="Kind of the rows. Default: by their columns.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=_read_map,
    metavar="NAME=COLUMN",
    help="The column of a field, for example uri=Landing.",
)
@click.option(
    "--zone",
    callback=_checked(find_zone),
    metavar="ZONE",
    help="Time zone of times without an offset. Example: Europe/Berlin.",
)
@click.option("--dates", type=click.Choice(DATES), help="Read dates such as 12/31/2021 (us) or 31.12.2021 (de).")
@click.option("--time", type=click.Choice(["now"]), help="Give clicks without a time the current time.")
@click.option("--encoding", default="", metavar="NAME", help="Encoding of the files. Default: UTF-8. Example: latin-1.")
@click.option(
    "--base-url", callback=_checked(check_base_url), metavar="URL", help="Scheme and host of the paths in a log."
)
@click.option("--missing", type=click.Choice(["reject", "null"]), default="reject", show_default=True,
              help="What to do with a row that refers to a missing object.")  # fmt: skip
@click.option("--rejects", type=OutFile(), help="Write refused rows to a file.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def import_files(
    files: tuple[Path, ...],
    kind_of_file: str | None,
    kind: str | None,
    columns: dict[str, str],
    zone: Any,
    dates: str | None,
    time: str | None,
    encoding: str,
    base_url: str | None,
    missing: str,
    rejects: Path | None,
    **given: str,
) -> None:
    """Import clicks from CSV, TSV, NDJSON, JSON, Parquet or access logs, and profiles, links and banners of another
    server. FILES may be gzipped; objects are imported before the objects that refer to them. A repeated run imports
    nothing twice. A folder that `clicktrail export --all` wrote fills an empty store."""
    settings = read_settings(given)
    if any(path.is_dir() for path in files):
        import_folder(settings, files)
        return
    options = Options(
        format=kind_of_file or "",
        kind=kind or "",
        encoding=encoding,
        base_url=base_url or "",
        columns=columns,
        moments=Moments(zone or read_reading(settings).naive_zone, dates or ""),
        is_now=time is not None,
    )
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(_open(path, options))) for path in files]
        sources = sorted(opened, key=lambda source: _KINDS.index(source.kind))
        tally = Tally(stack.enter_context(_open_rejects(rejects, files)))
        announce_new_store(settings)
        for source in sources:
            _import(settings, given, source, options, tally, missing == "null")
    _report(sources, tally, missing)
    if tally.refused:
        raise click.exceptions.Exit(1)


def _open_rejects(rejects: Path | None, files: Sequence[Path]) -> AbstractContextManager[IO[bytes] | None]:
    if rejects is None:
        return nullcontext()
    refuse_own(rejects)
    if rejects.exists() and any(rejects.samefile(path) for path in files):
        raise click.ClickException(f"{rejects} is a file to import; name another file for the refused rows.")
    return rejects.open("wb")


def _open(path: Path, options: Options) -> Source:
    try:
        return Source(path, options)
    except (ValueError, OSError) as error:
        raise click.ClickException(f"{path} {error}") from None


def _import(
    settings: Settings, given: dict[str, str], source: Source, options: Options, tally: Tally, keeps_missing: bool
) -> None:
    ignored = left_out(source)
    if ignored:
        word = "keys" if source.header is None else "columns"
        click.echo(f"{source.path.name}: {word} that are not imported: {', '.join(ignored)}", err=True)
    with click.progressbar(length=source.size, label=source.path.name) as bar:

        def batches() -> Iterator[list[Row]]:
            rows, done = read_bodies(source, options), 0
            while piece := list(islice(rows, _BATCH)):
                yield piece
                bar.update(source.position - done)
                done = source.position

        count = partial(tally.add, source)
        change(
            settings,
            _remote(batches, count, keeps_missing),
            _local(settings, given, batches, count, keeps_missing),
            makes=True,
        )


Batches = Callable[[], Iterator[list[Row]]]
Count = Callable[[Sequence[Row], Sequence[Imported]], None]


def _contents(rows: Sequence[Row]) -> list[bytes]:
    return [row.content for row in rows if isinstance(row, Body)]


def _remote(batches: Batches, count: Count, keeps_missing: bool) -> Callable[[Client], None]:
    def send(api: Client) -> None:
        for rows in batches():
            results = []
            if lines := b"\n".join(_contents(rows)):
                results = api.post_lines("/imports", lines, KEEP_MISSING if keeps_missing else "")["results"]
            count(rows, [read_outcome(result) for result in results])

    return send


def _local(
    settings: Settings, given: dict[str, str], batches: Batches, count: Count, keeps_missing: bool
) -> Callable[[Store], Any]:
    async def store_all(store: Store) -> None:
        await refuse_others(store, settings, POLICY_SETTINGS, given)
        with closing(make_recorder(settings, store)) as recorder:
            await _pass_on(
                store,
                partial(read_batch, recorder=recorder, reading=read_reading(settings)),
                batches(),
                count,
                keeps_missing,
            )

    return store_all


Read = Callable[[list[bytes]], list[Parsed]]


async def _pass_on(store: Store, read: Read, batches: Iterator[list[Row]], count: Count, keeps_missing: bool) -> None:
    """Three batches are under way: the first is written, the second is read and enriched, the lines of the third are
    read from the file."""
    reading: tuple[list[Row], asyncio.Future[list[Parsed]]] | None = None
    writing: tuple[list[Row], asyncio.Future[list[Imported]]] | None = None
    for rows in chain(batches, ([], [])):
        following = rows, asyncio.ensure_future(asyncio.to_thread(read, _contents(rows)))
        await asyncio.sleep(0)  # it starts in its own thread
        if writing is not None:
            count(writing[0], await writing[1])
        writing = None
        if reading is not None:
            writing = reading[0], asyncio.ensure_future(store_batch(store, await reading[1], keeps_missing))
            await asyncio.sleep(0)
        reading = following


def _report(sources: list[Source], tally: Tally, missing: str) -> None:
    kinds = [kind for kind in _KINDS if any(source.kind == kind for source in sources)]
    for kind in kinds:
        of = f" ({kind}s)" if len(kinds) > 1 else ""
        for status, word in _WORDS.items():
            if tally.counts[kind, status] or not of:
                click.echo(f"{tally.counts[kind, status]:>12} {word}{of}")
    skipped = sum((source.skipped for source in sources), Counter[str]())
    for title, counter in (
        ("requests that are not clicks", skipped),
        ("notes", tally.notes),
        ("reasons", tally.reasons),
    ):
        if counter:
            click.echo(f"{title}:")
        for text, number in counter.most_common():
            click.echo(f"{number:>12} {text}")
    if missing == "reject" and any("that is not there" in reason for reason in tally.reasons):
        click.echo("Import the missing objects first; or use --missing null to import the rows without the reference.")
