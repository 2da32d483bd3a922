"""Targets of exports: files that appear completely or not at all, standard output, and folders of a whole store."""

import contextlib
import gzip
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import click

STDOUT = "-"
FORMAT_OF_ENDING = {"csv": "csv", "ndjson": "ndjson", "jsonl": "ndjson", "parquet": "parquet"}
"""Ending of a file's name -> its format."""
_GZIP = ".gz"
_ZIPPED = ("csv", "ndjson")
_is_own = re.compile(r"signing\.key|tokens\.ndjson|server\.json|.*\.(wal|journal-\d+)").fullmatch
_DUCKDB = b"DUCK"
"""Bytes 8 to 11 of every DuckDB file."""
_DRAFT = ".unfinished"
"""Name of the folder inside the target in which an export is written until it is complete."""


def choose_format(name: str, given: str | None) -> str:
    """The format of a file: the given one, else the one of its name's ending. Raises UsageError."""
    plain = name.removesuffix(_GZIP)
    found = given or FORMAT_OF_ENDING.get(Path(plain).suffix.lower().removeprefix("."))
    endings = ", ".join(f".{ending}" for ending in FORMAT_OF_ENDING)
    if name == STDOUT and given is None:
        raise click.UsageError("Standard output has no ending: --format csv, ndjson or parquet says what to write.")
    if found is None:
        raise click.UsageError(
            f"{name} has none of the endings {endings} (all but .parquet also with {_GZIP}); use one of them, or say "
            "--format csv, ndjson or parquet."
        )
    if plain != name and found not in _ZIPPED:
        raise click.UsageError(f"{name}: Parquet is compressed already; leave out {_GZIP}.")
    return found


@contextlib.contextmanager
def writing(name: str, is_forced: bool) -> Iterator[IO[bytes]]:
    """A file to write, gzipped if its name ends in .gz. It gets its name at the end; after an error it does not exist.

    Raises ClickException for an existing file, unless `is_forced`.
    """
    if name == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if is_special(name):
        with Path(name).open("wb") as out:
            yield out
        return
    path = Path(os.path.realpath(name))
    check_free(path, is_forced)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file, _packed(file, name.endswith(_GZIP)) as out:
            yield out
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def is_special(name: str) -> bool:
    """Whether this is a device or a pipe, which is written directly."""
    path = Path(name)
    return path.exists() and not path.is_file() and not path.is_dir()


def refuse_own(path: Path) -> None:
    """Raises ClickException for a file in which a store or its keys are: no command may overwrite one."""
    real = Path(os.path.realpath(path))
    if real.is_file() and (_is_own(real.name) or _read_mark(real) == _DUCKDB):
        raise click.ClickException(f"{path} is a file of a store; name another file.")


def check_free(path: Path, is_forced: bool) -> None:
    """Raises ClickException for an existing file, unless `is_forced`, and for a file of a store."""
    refuse_own(path)
    if path.is_file() and not is_forced:
        raise click.ClickException(f"{path} is already there; name another file, or pass --force to replace it.")


def _read_mark(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)[8:]


@contextlib.contextmanager
def _packed(file: IO[bytes], is_gzipped: bool) -> Iterator[IO[bytes]]:
    if not is_gzipped:
        yield file
        return
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file) as packed:
        yield cast(IO[bytes], packed)


def check_folder(folder: Path, is_forced: bool) -> None:
    """Raises ClickException for a folder that cannot be created, or that is not empty, unless `is_forced`."""
    if folder.is_dir():
        if any(folder.iterdir()) and not is_forced:
            raise click.ClickException(
                f"{folder} is not empty; name a new folder, or pass --force to replace the export in it "
                "(other files stay)."
            )
    elif folder.exists() or folder.is_symlink():
        raise click.ClickException(f"{folder} is a file; --all needs a folder.")
    elif not folder.parent.is_dir():
        raise click.ClickException(f"There is no folder {folder.parent}.")


@contextlib.contextmanager
def filling(folder: Path, last: str) -> Iterator[Path]:
    """A new folder inside `folder`. At the end its files move to `folder`, the file `last` after all others.

    Until then an older export in `folder` stays complete. After an error nothing remains.
    """
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True, mode=0o700)
    draft = folder / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)  # left by an earlier run that was killed
    try:
        draft.mkdir(mode=0o700)
        yield draft
        (folder / last).unlink(missing_ok=True)
        for path in sorted(draft.iterdir(), key=lambda path: path.name == last):
            path.rename(folder / path.name)
        _sync(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
