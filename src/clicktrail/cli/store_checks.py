"""The checks of the store by `clicktrail doctor`. They open it only for reading and change no file."""

import time
from collections.abc import Iterator
from pathlib import Path

from clicktrail.checks.store import check_set_aside, compare_clocks
from clicktrail.choices import is_embedded, store_path
from clicktrail.cli.api_client import ApiError, Client
from clicktrail.cli.running import find_server
from clicktrail.errors import ClicktrailError, StoreInUse
from clicktrail.model.ids import created_s
from clicktrail.model.times import MAX_AHEAD_S, render_second
from clicktrail.observe.findings import Finding
from clicktrail.opening import open_engine
from clicktrail.settings import Settings, SettingsError
from clicktrail.store.engines.duckdb.journal.frames import decode_rows
from clicktrail.store.engines.duckdb.journal.journal import Journal
from clicktrail.store.engines.duckdb.journal.positions import Held, has_journal, read_held
from clicktrail.store.engines.duckdb.log import log_of, read_log
from clicktrail.store.engines.duckdb.looking import Look, clock_of, look, reading
from clicktrail.store.engines.postgres.beginnings import Kind
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.engines.postgres.keys import list_keys
from clicktrail.store.migrations.shared import say_newer
from clicktrail.tokens import read_keys

_DAMAGED = "restore a backup"


def check_store(settings: Settings) -> Iterator[Finding]:
    """The store opens, or a server that answers has it open. Its tables and its log are valid."""
    try:
        if not is_embedded(settings):
            yield from _check_postgres(settings)
            return
        path = store_path(settings)
    except SettingsError as error:
        yield Finding("store", str(error), "Correct --database.")
        return
    if not path.exists():
        yield Finding("store", f"{path} does not exist yet; `clicktrail serve` creates it")
        return
    yield from check_set_aside(path)
    yield from _check_file(settings, path)


def _check_file(settings: Settings, path: Path) -> Iterator[Finding]:
    try:
        with reading(path) as session:
            found = look(session)
            held = read_held(session) if has_journal(session) else None
    except (StoreInUse, OSError) as error:
        if find_server(settings) is not None:
            yield from _check_server(settings)
            return
        yield from _check_log(path)
        yield Finding(
            "store", str(error), f"If the store is in use, stop the other process. If it is damaged, {_DAMAGED}."
        )
        return
    yield from _check_log(path)
    if held is not None:
        yield from _check_journal(path, held)
    yield from _check_look(f"{path} opens", found)


def _check_journal(path: Path, held: Held) -> Iterator[Finding]:
    try:
        journal = Journal(path, *held)
    except (StoreInUse, OSError) as error:
        yield Finding("journal", str(error), "Restore its files, or run `clicktrail recover`.")
        return
    journal.close()
    rows = sum(len(table.rows) for frame, _ in journal.rest for table in decode_rows(frame.payload))
    waits = f"; the next start takes {rows} rows from it" if rows else ""
    yield Finding("journal", f"the journal is whole{waits}")


def _check_log(path: Path) -> Iterator[Finding]:
    log = log_of(path)
    try:
        found = read_log(log)
    except OSError as error:
        yield Finding("log", f"{log}: {error.strerror}", "Give it to the user that runs the server.")
        return
    if found.trouble:
        behind = f"; at least {found.lost} transactions follow the damage" if found.lost else ""
        yield Finding(
            "log",
            f"{log} is damaged: {found.trouble}{behind}",
            f"To lose nothing, {_DAMAGED}. Or start a server: it keeps the damaged log and continues without its rest.",
        )
    elif found.size:
        yield Finding("log", f"{log} is valid; the next start will read its {found.size >> 10} KiB")


def _check_look(name: str, found: Look) -> Iterator[Finding]:
    if found.newer:
        yield Finding("store", say_newer(found.newer), "Upgrade Clicktrail.")
        return
    if found.missing:
        lacking = f"{name}, but these migrations are missing: {', '.join(found.missing)}"
        yield Finding("store", lacking, "Make a backup, then run `clicktrail migrate` or start a server.")
        return
    yield Finding("store", f"{name}, {found.clicks} clicks")
    ahead = created_s(found.newest) - time.time() if found.newest else 0.0
    if found.newest and ahead > MAX_AHEAD_S:
        newest = render_second(created_s(found.newest))
        yield Finding(
            "clock", f"the time of the newest click is in the future: {newest}", "Set this machine's clock (NTP)."
        )
    else:
        yield Finding("clock", "this machine's clock is not behind the newest click")


def _check_postgres(settings: Settings) -> Iterator[Finding]:
    shown = settings.shown_database()
    engine = open_engine(settings)
    try:
        found = engine.run(look)
        yield from _check_look(f"{shown} answers", found)
        yield from compare_clocks(engine.run(clock_of) - time.time())
        if not found.missing and isinstance(engine, PostgresEngine):
            yield from _check_keys(engine)
    except ClicktrailError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        yield Finding("store", f"{shown}: {reason}", "Check that PostgreSQL runs, and that --database names it.")
    finally:
        engine.close()


def _check_keys(engine: PostgresEngine) -> Iterator[Finding]:
    lines = engine.run(list_keys, Kind.READ)
    try:
        if lines:
            read_keys(lines)
    except ValueError as error:
        yield Finding("key", f"the table signing_keys: {error}", "Restore it from a backup of the database.")
    else:
        yield Finding(
            "key", f"number of keys in the table signing_keys: {len(lines)}" if lines else "no signing key yet"
        )


def _check_server(settings: Settings) -> Iterator[Finding]:
    url = find_server(settings) or ""
    try:
        reasons = Client(url, "").call("GET", "/health").get("reasons", [])
    except ApiError as error:
        yield Finding("server", str(error), "Read the server's log, then restart the server.")
        return
    if reasons:
        yield Finding("server", f"{url} is degraded: {' '.join(reasons)}", "Free disk space, or read the server's log.")
    else:
        yield Finding("server", f"a server at {url} has the store open and is healthy")
