"""`clicktrail doctor`: what is wrong with an installation, and how to mend it."""

import os
import shutil
import ssl
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
from prometheus_client.parser import text_string_to_metric_families

from clicktrail.app import is_embedded, make_geo, open_engine, open_keys, store_path
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.running import find_server
from clicktrail.client import ApiError, Client
from clicktrail.errors import ClicktrailError, StoreInUse
from clicktrail.model.access import Scope
from clicktrail.settings import Settings, SettingsError, unknown_variables
from clicktrail.store.duckdb import DuckdbEngine
from clicktrail.store.postgres.schema import POSTGRES
from clicktrail.store.schema import MIGRATIONS, all_migrations, inspect, list_missing
from clicktrail.tokens import KEY_FILE, KeyFile, KeyRing, issue_token

_LEAST_FREE_BYTES = 1 << 30
_LIFETIME_S = 60


class Finding(NamedTuple):
    """One line of the report; `mend` is what to do about it, empty where all is well."""

    subject: str
    state: str
    mend: str = ""


@click.command()
@setting_options()
def doctor(**given: str) -> None:
    """Say what is wrong with this installation and how to mend it. Ends with 1 if anything is."""
    settings = read_settings(given)
    is_well = True
    for check in CHECKS:
        for finding in check(settings):
            is_well = is_well and not finding.mend
            click.echo(f"{'WRONG' if finding.mend else 'ok':6}{finding.subject:12}{finding.state}")
            if finding.mend:
                click.echo(f"{'':18}-> {finding.mend}")
    sys.exit(0 if is_well else 1)


def check_environment(settings: Settings) -> Iterator[Finding]:
    """Variables that are spelt like settings and are none."""
    del settings
    unknown = [name for name in unknown_variables() if not name.startswith("CLICKTRAIL_TEST_")]
    for name in unknown:
        yield Finding("environment", f"{name} is no setting", "Unset it, or see `clicktrail settings` for the names.")
    if not unknown:
        yield Finding("environment", "every CLICKTRAIL_ variable is a setting")


def check_data(settings: Settings) -> Iterator[Finding]:
    """The data directory: there, writable, with room."""
    data = Path(settings.data)
    if not data.exists():
        yield Finding("data", f"{data} does not exist yet; `clicktrail serve` makes it")
        return
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding("data", f"{data} is not writable", f"Give it to the user who serves: chown -R USER {data}")
        return
    free = shutil.disk_usage(data).free
    if free < _LEAST_FREE_BYTES:
        yield Finding("data", f"{free >> 20} MiB are free", "Make room; under 1 GiB a checkpoint may fail.")
    else:
        yield Finding("data", f"{data} is writable, {free >> 30} GiB are free")


def check_key(settings: Settings) -> Iterator[Finding]:
    """The signing key: readable by its owner alone."""
    path = Path(settings.data) / KEY_FILE
    if not path.exists():
        yield Finding("key", "no signing key yet; it is made on first use")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding("key", f"{path} has mode {mode:04o}", f"Others can read it and make tokens: chmod 600 {path}")
        return
    try:
        KeyRing(KeyFile(path)).check()
    except (OSError, ValueError) as error:
        yield Finding("key", f"{path}: {error}", "Restore the file, or remove it: all tokens then end.")
    else:
        yield Finding("key", f"{path} is in order")


def check_store(settings: Settings) -> Iterator[Finding]:
    """The database: it opens, or a server that answers has it open; its schema is known."""
    try:
        if not is_embedded(settings):
            yield from _check_postgres(settings)
            return
        path = store_path(settings)
    except SettingsError as error:
        yield Finding("store", str(error), "Correct --database or --workers.")
        return
    if not path.exists():
        yield Finding("store", f"{path} does not exist yet; `clicktrail serve` makes it")
        return
    try:
        engine = DuckdbEngine(path)
    except StoreInUse as error:
        yield from _check_server(settings, str(error))
        return
    try:
        applied, clicks = engine.run(inspect)
    except Exception as error:  # noqa: BLE001 - whatever the engine says is what there is to report
        yield Finding(
            "store", f"{path}: {error}", "This is no store of Clicktrail's, or a damaged one: restore a backup."
        )
        return
    finally:
        engine.close()
    newer = applied - {name for name, _ in MIGRATIONS}
    if newer:
        yield Finding("store", f"made by a newer version ({', '.join(newer)})", "Upgrade Clicktrail.")
    else:
        yield Finding("store", f"{path} opens, {clicks} clicks")


def _check_postgres(settings: Settings) -> Iterator[Finding]:
    shown = settings.shown_database()
    engine = open_engine(settings)
    try:
        missing = engine.run(list_missing)
        if missing:
            lacking = f"{shown} lacks {', '.join(missing)}"
            yield Finding("store", lacking, "Run `clicktrail migrate`, or start a server.")
            return
        applied, clicks = engine.run(inspect)
        newer = applied - {name for name, _ in all_migrations(POSTGRES)}
        if newer:
            yield Finding("store", f"made by a newer version ({', '.join(newer)})", "Upgrade Clicktrail.")
        else:
            yield Finding("store", f"{shown} answers, {clicks} clicks")
    except ClicktrailError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        yield Finding("store", f"{shown}: {reason}", "See that PostgreSQL runs, and that --database names it.")
    finally:
        engine.close()


def _check_server(settings: Settings, detail: str) -> Iterator[Finding]:
    url = find_server(settings)
    if url is None:
        yield Finding("store", detail, "If it is in use, stop that process; if it is damaged, restore a backup.")
        return
    try:
        reasons = Client(url, "").call("GET", "/health").get("reasons", [])
    except ApiError as error:
        yield Finding("server", str(error), "Look at the server's log; restart it.")
        return
    if reasons:
        yield Finding("server", f"{url} is degraded: {' '.join(reasons)}", "Make room, or look at the server's log.")
    else:
        yield Finding("server", f"a server at {url} has the store open and is healthy")


def check_proxies(settings: Settings) -> Iterator[Finding]:
    """Whether a proxy that is not trusted stands in front of the server that runs: it is asked what it has seen."""
    url = find_server(settings)
    if url is None:
        yield Finding("proxies", "no server runs here that could have seen any")
        return
    try:
        seen = _untrusted_forwards(settings, url)
    except (ApiError, ClicktrailError, ValueError) as error:
        yield Finding("proxies", f"the server was not asked: {error}")
        return
    if seen["private"]:
        yield Finding(
            "proxies",
            f"{seen['private']:.0f} visits came through a proxy that is not trusted: all visitors count as one address",
            "Name the proxy in CLICKTRAIL_TRUSTED_PROXIES; the server's log has its address.",
        )
    elif seen["public"]:
        told = f"{seen['public']:.0f} visits from the internet brought Forwarded or X-Forwarded-For, which anybody can"
        yield Finding("proxies", f"{told}: if a CDN stands in front, name it in CLICKTRAIL_TRUSTED_PROXIES")
    else:
        yield Finding("proxies", "no visit came through a proxy that is not trusted")


def _untrusted_forwards(settings: Settings, url: str) -> dict[str, float]:
    """Peer's kind -> visits, since the server's start. Raises ApiError, ClicktrailError."""
    with open_keys(settings) as keys:
        token, _ = issue_token(keys, Scope.READ, "cli:doctor", _LIFETIME_S)
    text = b"".join(Client(url, token).download("/metrics")).decode()
    seen = dict.fromkeys(("private", "public"), 0.0)
    for family in text_string_to_metric_families(text):
        if family.name == "clicktrail_untrusted_forwards":
            seen |= {sample.labels["peer"]: sample.value for sample in family.samples if "peer" in sample.labels}
    return seen


def check_geo(settings: Settings) -> Iterator[Finding]:
    """The geo data: readable."""
    try:
        yield Finding("geo", make_geo(settings).describe())
    except (OSError, ValueError) as error:
        yield Finding("geo", str(error), "Name an MMDB file by --geo, or leave it out for the built-in country data.")


def check_certificates(settings: Settings) -> Iterator[Finding]:
    """What the servers of partners are known by: there, if postbacks are to be sent."""
    if not settings.send_postbacks:
        yield Finding("postbacks", "none are sent: CLICKTRAIL_SEND_POSTBACKS is off")
        return
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        yield Finding("postbacks", f"certificates are checked by {paths.cafile or paths.capath}")
    else:  # nothing is wrong where there are no postbacks
        lacking = f"no trusted certificates at {paths.openssl_cafile}"
        yield Finding("postbacks", f"{lacking}: none gets through before ca-certificates or SSL_CERT_FILE are there")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    check_environment,
    check_data,
    check_key,
    check_store,
    check_proxies,
    check_geo,
    check_certificates,
)
