"""No command ends in a traceback, whatever it is given: every command with every kind of wrong argument.

The arguments are made from click's own tree of commands: a new command or option is walked as well.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from clicktrail.cli import main
from clicktrail.settings import PREFIX, load_settings, setting_table
from clicktrail.store.engines.duckdb.engine import DuckdbEngine
from clicktrail.store.engines.postgres.engine import PostgresEngine
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.session.sql import sql
from tests.serving import free_port
from tests.test_docs import subcommands

FORBIDDEN = ("Traceback", "$.", "an error in Clicktrail itself")
GOOD = {
    "token_id": "0123456789abcdef",
    "client_id": "6006dda272f002519c3eb505",
    "name": "Mary",
    "source_url": "duckdb:///a.duckdb",
    "target_url": "duckdb:///b.duckdb",
    "dest": "copy.duckdb",
    "source": "text",
    "file": "out.csv",
    "files": "text",
}
"""A value for each parameter that a command must have, so that the others can be wrong."""
WRONG_NUMBERS = ("", "x", "-1", "1e9", "9" * 30, "\u0663")
WRONG_FILES = ("", "nowhere/x.csv", ".", "text", "text/x", "\udcff")
WRONG_TEXTS = ("", "x", "//", "\udcff", "0" * 24, "f" * 5000)
WRONG_SETTINGS = ("", "//", "\udcff")
"""Fewer: each that is taken after all is a start of a server."""
WRONG_STORES = (
    *("mysql://x", "duckdb:", "duckdb:///", "duckdb:///.", "duckdb:///text", "duckdb:///text/x", "x"),
    "postgresql://127.0.0.1:1/x",
    "postgresql://?nonsense=1",
)


def walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in subcommands(group):
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(walk(main))


class Impatient(PostgresEngine):
    """Does not wait three seconds for a server that is not there."""

    def __init__(self, url: str, *more: Any, **options: Any) -> None:
        super().__init__(url, *more, **{**options, "wait_s": 0.1})


class NoServer:
    """What `serve` runs, when nothing was wrong after all: it ends at once."""

    def stop(self) -> None:
        """Has nothing to stop."""

    async def serve(self) -> None:
        """Ends."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a file that is none of any kind that is read."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("clicktrail.opening.PostgresEngine", Impatient)
    monkeypatch.setattr("clicktrail.cli.serve.make_server", lambda *_: NoServer())
    monkeypatch.setattr("clicktrail.ingest.recorder.Recorder.warm_up", lambda _: None)  # takes a second each time
    monkeypatch.setattr("clicktrail.people.passwords._MEMORY_KIB", 8)  # each start makes a hash
    monkeypatch.setenv("CLICKTRAIL_PORT", str(free_port()))
    (tmp_path / "text").write_text("nothing in here\n")
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def check(done: Result, arguments: Any, must_fail: bool = False) -> None:
    said = done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, repr(done.exception))
    assert not [word for word in FORBIDDEN if word in said], (arguments, said)
    if must_fail:
        assert done.exit_code != 0, (arguments, said)
        assert "Error" in said or "WRONG" in said, (arguments, said)


def needed(command: click.Command, but: str = "") -> list[str]:
    """What a command must have, beside one parameter."""
    given = []
    for param in command.params:
        if param.required and param.name != but:
            assert param.name in GOOD, f"{param.name} needs a good value here"
            given += [GOOD[param.name]] if isinstance(param, click.Argument) else [param.opts[0], GOOD[param.name]]
        elif param.name == "clicks" and but != "clicks":  # a demonstration need not be large here
            given += [param.opts[0], "100"]
    return given


def wrong_values(param: click.Parameter) -> tuple[str, ...]:
    if param.name == "database" or str(param.name).endswith("_url"):
        return WRONG_STORES
    if isinstance(param.type, click.Path) or param.name in ("geo", "asn", "data"):
        return WRONG_FILES
    hint: Any = type(getattr(load_settings({}, {}), str(param.name), "")) if param.metavar == "VALUE" else None
    if hint is int or isinstance(param.type, click.IntRange):
        return WRONG_NUMBERS
    return WRONG_SETTINGS if hint is str else WRONG_TEXTS


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_argument_brings_a_traceback(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    check(call(*path, "--nonsense"), path, must_fail=True)
    for param in command.params:
        flag = isinstance(param, click.Option) and param.is_flag
        for value in () if flag else wrong_values(param):
            own = [value] if isinstance(param, click.Argument) else [param.opts[0], value]
            check(call(*path, *needed(command, str(param.name)), *own), [*path, *own])


def test_no_folder_of_a_whole_store_brings_a_traceback(folder: Path) -> None:
    """`--all` makes a folder of what is a file otherwise, and `import` takes folders as well."""
    for value in (*WRONG_FILES, "/proc/1/nowhere", "/dev/null", "/etc"):
        for more in ([], ["--force"], ["--format", "csv"], ["--filter", "x"], ["--columns", ""]):
            check(call("export", "--all", *more, value), value, must_fail=True)
    for manifest in ("", "[]", "{}", '{"format": "clicktrail store", "layout": "x"}', "\x00", "{" * 100_000):
        (folder / "manifest.json").write_text(manifest)
        for more in ([], ["text"], ["--database", "postgresql://127.0.0.1:1/x"]):
            check(call("import", ".", *more), manifest, must_fail=True)
    assert not (folder / "data").exists()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_state_of_the_data_brings_a_traceback(folder: Path, path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    (folder / "garbage").mkdir()
    (folder / "garbage" / "clicktrail.duckdb").write_bytes(b"no store" * 1000)
    (folder / "keys").mkdir()
    (folder / "keys" / "signing.key").write_bytes(b"\xff\x00")
    (folder / "folders" / "signing.key").mkdir(parents=True)
    (folder / "folders" / "clicktrail.duckdb").mkdir()
    (folder / "folders" / "server.json").mkdir()
    for data in ("garbage", "keys", "folders", "text", "/proc/1/nowhere"):
        options = ["--data", data] if any(param.name == "data" for param in command.params) else []
        check(call(*path, *needed(command), *options), [*path, data])


MAKING = {("serve",), ("import",), ("restore",), ("migrate",), ("demo",)}
"""Commands that make a store where there is none."""
WITHOUT = {("doctor",), ("settings",), ("token", "create"), ("token", "list"), ("token", "rotate-key")}
"""Commands that need none."""
MORE = {
    ("erasures", "apply"): ["list"],
    ("move",): ["--from", "duckdb:///wrong/clicktrail.duckdb", "--to", "duckdb:///new.duckdb"],
}
READING = [path for path in COMMANDS if path not in MAKING and path != ("id",)]


@pytest.mark.parametrize("path", READING, ids=" ".join)
def test_a_command_in_a_wrong_folder_makes_no_store(folder: Path, path: tuple[str, ...]) -> None:
    """Neither an empty store, nor a file that looks like a copy of one."""
    (folder / "list").write_text('{"tables": {}}')
    done = call(*path, *MORE.get(path, needed(COMMANDS[path])), "--data", "wrong")
    is_refused = "There is no store at " in done.output and "wrong/clicktrail.duckdb; name its" in done.output
    assert (done.exit_code == 1) == is_refused
    assert is_refused == (path not in WITHOUT), done.output
    assert not list(folder.rglob("*.duckdb*"))
    assert (folder / "wrong").exists() <= (path[0] == "token")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory whose store another process has open, which is no server."""
    data = tmp_path_factory.mktemp("used")
    code = f"import duckdb; c = duckdb.connect({str(data / 'clicktrail.duckdb')!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield data
        holder.communicate("\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_store_in_use_is_named(used: Path, path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    if any(param.name == "data" for param in command.params):
        done = call(*path, *needed(command), "--data", str(used))
        check(done, path)
        if path in (("serve",), ("export",), ("backup",), ("client", "list"), ("token", "list"), ("migrate",)):
            assert "in use by process" in done.output


@pytest.mark.usefixtures("folder")
def test_settings_say_what_is_allowed_and_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKTRAIL_WORKERS", "900")
    done = call("serve", "--port", "x", "--log", "loud", "--strict", "perhaps", "--base-path", "q")
    assert done.exit_code == 1
    assert '--port (CLICKTRAIL_PORT) must be a whole number from 1 to 65535, not "x"' in done.output
    assert '--workers (CLICKTRAIL_WORKERS) must be a whole number from 1 to 64, not "900"' in done.output
    assert '--log (CLICKTRAIL_LOG) must be json or text or off, not "loud"' in done.output
    assert '--strict (CLICKTRAIL_STRICT) must be true or false, not "perhaps"' in done.output
    assert "--base-path (CLICKTRAIL_BASE_PATH) must be a path that begins with /" in done.output


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("row", setting_table(), ids=lambda row: row.name)
def test_every_setting_that_can_be_wrong_says_what_it_may_be(row: Any) -> None:
    """None of them falls back on words for another kind."""
    if isinstance(row.default, str) and not any(call("settings", row.option, each).exit_code for each in ("", "\0?")):
        return  # any text
    done = call("settings", row.option, "\u0000?" if not isinstance(row.default, str) or row.default == "" else "")
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {row.option} ({row.variable}) must be ")
    assert ("not empty" in done.output) <= (row.default != "")


@pytest.mark.usefixtures("folder")
def test_the_wrong_partner_is_told_the_right_way_round() -> None:
    for command in ("token", "client"):
        assert "--scope partner needs --partner" in call(command, "create", "--scope", "partner").output
        done = call(command, "create", "--scope", "read", "--partner", "0" * 24)
        assert "--partner goes with --scope partner or postback" in done.output


@pytest.mark.usefixtures("folder")
def test_a_start_tells_of_names_and_settings_that_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKTRAIL_PROT", "8000")
    done = call("serve", "--retention-months", "3", "--log", "off")
    assert "CLICKTRAIL_PROT is not a setting (did you mean CLICKTRAIL_PORT?)" in done.output
    assert "--retention-months (CLICKTRAIL_RETENTION_MONTHS) has no effect with the embedded store" in done.output
    told = call("doctor", "--retention-months", "3", "--send-postbacks", "false", "--postback-attempts", "3")
    assert told.exit_code == 1
    assert told.output.count("has no effect") == 2
    for more, count in (((), 1), (("--partner-origins", "https://shop.example"), 0)):
        told = call("doctor", "--partner-links", "3", *more)
        assert told.output.count("(CLICKTRAIL_PARTNER_LINKS) has no effect without CLICKTRAIL_PARTNER_ORIGINS") == count


def test_a_store_of_a_newer_version_is_refused_and_named(folder: Path) -> None:
    engine = DuckdbEngine(folder / "data" / "clicktrail.duckdb")
    engine.run(migrate)
    engine.run(lambda session: session.rows(sql("INSERT INTO migrations VALUES ('0999-to-come', 0)")))
    engine.close()
    for command in (["serve"], ["migrate"], ["token", "list"]):
        done = call(*command)
        assert done.exit_code == 1
        assert done.output.splitlines()[-1].startswith("Error: The store was made by a newer version"), done.output
    done = call("migrate", "--check")
    assert (done.exit_code, "newer 0999-to-come" in done.output) == (1, True)
    assert "0999-to-come" in call("doctor").output
