"""`clicktrail doctor`: what is wrong with an installation, and how to mend it."""

import contextlib
import os
import shutil
import ssl
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
from prometheus_client.parser import text_string_to_metric_families

from clicktrail.app import open_keys
from clicktrail.choices import is_embedded, make_geo, store_path
from clicktrail.cli.api_client import ApiError, Client
from clicktrail.cli.idle import idle_settings, unknown_variables
from clicktrail.cli.listening import listener_check
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.running import find_server
from clicktrail.cli.store_checks import Finding, check_store
from clicktrail.cli.version import describe_version
from clicktrail.errors import ClicktrailError
from clicktrail.model.access import Scope
from clicktrail.settings import Settings, SettingsError
from clicktrail.tokens import KEY_FILE, KeyFile, issue_token, read_keys

_LEAST_FREE_BYTES = 1 << 30
_LIFETIME_S = 60


@click.command()
@setting_options()
def doctor(**given: str) -> None:
    """Say what is wrong with this installation and how to mend it. Ends with 1 if anything is."""
    settings = read_settings(given)
    click.echo(f"{'':6}{'version':12}{describe_version()}")
    is_well = True
    for check in CHECKS:
        for finding in check(settings):
            is_well = is_well and not finding.mend
            click.echo(f"{'WRONG' if finding.mend else 'ok':6}{finding.subject:12}{finding.state}")
            if finding.mend:
                click.echo(f"{'':18}-> {finding.mend}")
    sys.exit(0 if is_well else 1)


def check_environment(settings: Settings) -> Iterator[Finding]:
    """Variables that are spelt like settings and are none, and settings that do nothing."""
    for trouble in unknown_variables():
        yield Finding("environment", trouble, "Unset it, or see `clicktrail settings` for the names.")
    with contextlib.suppress(SettingsError):  # told of by the check of the store
        for trouble in idle_settings(settings, is_embedded(settings)):
            yield Finding("settings", trouble, "Leave it out.")
    if not unknown_variables():
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
    yield Finding("data", f"{data} is writable")


def check_space(settings: Settings) -> Iterator[Finding]:
    """The disks of the data directory and of the store: room for a move of the log into the file."""
    folders = [Path(settings.data)]
    with contextlib.suppress(SettingsError):
        folders.append(store_path(settings).parent)
    for folder in dict.fromkeys(folder.absolute() for folder in folders if folder.exists()):
        free = shutil.disk_usage(folder).free
        if free < _LEAST_FREE_BYTES:
            yield Finding("space", f"{free >> 20} MiB are free at {folder}", "Make room: at least 1 GiB.")
        else:
            yield Finding("space", f"{free >> 30} GiB are free at {folder}")


def check_key(settings: Settings) -> Iterator[Finding]:
    """The signing key: in order, and readable by its owner alone. Of nodes it is in the database."""
    with contextlib.suppress(SettingsError):
        if not is_embedded(settings):
            return
    path = Path(settings.data) / KEY_FILE
    if not path.exists():
        yield Finding("key", "no signing key yet; it is made on first use")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding("key", f"{path} has mode {mode:04o}", f"Others can read it and make tokens: chmod 600 {path}")
    try:
        read_keys(KeyFile(path).read(""))
    except (OSError, ValueError) as error:
        yield Finding("key", f"{path}: {error}", "Put a copy of it back, or remove it: all tokens then end.")
    else:
        yield Finding("key", f"{path} is in order")


def check_port(settings: Settings) -> Iterator[Finding]:
    """The port: free, or our own server's."""
    try:
        listener_check(settings)
    except SettingsError as error:
        own = urlsplit(find_server(settings) or "").port == settings.port
        if own:
            yield Finding("port", f"{settings.host}:{settings.port} is the server's on this data")
        else:
            yield Finding("port", str(error), "Stop who has it, or name another one by --port.")
    else:
        yield Finding("port", f"{settings.host}:{settings.port} is free")


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
    except SettingsError as error:
        yield Finding("geo", str(error), "Name an MMDB file, or leave it out for the built-in country data.")


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
    check_space,
    check_port,
    check_key,
    check_store,
    check_proxies,
    check_geo,
    check_certificates,
)
