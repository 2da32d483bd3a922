"""Describes an export of a whole store: its layout, the store's schema, and every file with its checksum."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from clicktrail import __version__
from clicktrail.store.exchange.move import TABLES, MoveRefused
from clicktrail.store.migrations.shared import MIGRATIONS

NAME = "manifest.json"
FORMAT = "clicktrail store"
LAYOUT = 1
"""Increases when the layout of files changes. `migrations` describe the content of tables."""
_PIECE_BYTES = 1024 * 1024


class TableFile(msgspec.Struct, frozen=True):
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    format: str
    layout: int
    version: str
    migrations: list[str]
    tables: dict[str, TableFile]


def file_of(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"


def write_manifest(folder: Path, tables: dict[str, TableFile]) -> None:
    """Describes the existing files of `folder`."""
    manifest = Manifest(
        format=FORMAT, layout=LAYOUT, version=__version__, migrations=[name for name, _ in MIGRATIONS], tables=tables
    )
    path = folder / NAME
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    path.chmod(0o600)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an export that this version can import. Raises MoveRefused."""
    path = folder / NAME
    if not path.is_file():
        raise MoveRefused(
            f"{folder} holds no export of a whole store: there is no {NAME}. `clicktrail export --all` writes it last, "
            "so an export that broke off has none."
        )
    try:
        head = msgspec.json.decode(path.read_bytes(), type=dict)
        if head.get("format") != FORMAT:
            raise MoveRefused(f"{path} is not the manifest of an export by `clicktrail export --all`.")
        if head.get("layout") != LAYOUT:
            raise MoveRefused(f"{path} has layout {head.get('layout')}; this version reads layout {LAYOUT}.")
        manifest = msgspec.convert(head, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MoveRefused(f"{path} is damaged: {error}.") from None
    _check_schema(path, manifest)
    return manifest


def _check_schema(path: Path, manifest: Manifest) -> None:
    ours, theirs = [name for name, _ in MIGRATIONS], manifest.migrations
    how = f"{path} was made by Clicktrail {manifest.version}, whose tables are"
    if set(theirs) - set(ours):
        raise MoveRefused(f"{how} newer: upgrade Clicktrail.")
    if theirs != ours:
        raise MoveRefused(f"{how} older: import it with that version, then upgrade.")
    if manifest.tables.keys() != TABLES.keys():
        raise MoveRefused(f"{path} is damaged: it must name the tables {', '.join(TABLES)}.")


def check_files(folder: Path, manifest: Manifest) -> None:
    """Reads every file completely. Raises MoveRefused naming all files that are missing, cut short or changed."""
    mistakes = [mistake for table, said in manifest.tables.items() for mistake in _check_file(folder, table, said)]
    if mistakes:
        raise MoveRefused(f"The export in {folder} is damaged; nothing was imported. {' '.join(mistakes)}")


def _check_file(folder: Path, table: str, said: TableFile) -> Iterator[str]:
    path = file_of(folder, table)
    if not path.is_file():
        yield f"{path.name} is missing."
    elif path.stat().st_size != said.bytes:
        yield f"{path.name} has {path.stat().st_size} bytes and must have {said.bytes}."
    elif digest_of(path) != said.sha256:
        yield f"{path.name} was changed: its SHA-256 differs from the manifest."


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
