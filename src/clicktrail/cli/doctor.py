"""`clicktrail doctor`: the problems of an installation, and their solutions."""

import contextlib
import os
import shutil
import ssl
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import click
from prometheus_client.parser import text_string_to_metric_families

from clicktrail.app import open_keys
from clicktrail.choices import is_embedded, make_geo, store_path
from clicktrail.cli.api_client import ApiError, Client
from clicktrail.cli.count_checks import check_counts
from clicktrail.cli.idle import idle_settings, unknown_variables
from clicktrail.cli.listening import find_own, find_trouble
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
_VISITED = ("/{code}", "/collect", "/p.gif")
"""Ends of the routes that visitors' browsers call."""


@click.command()
@setting_options()
@click.option("--recount", is_flag=True, help="Also compare daily totals and figures of links with a recount.")
def doctor(recount: bool, **given: str) -> None:
    """List the problems of this installation and their solutions. The exit status is 1 if there is a problem."""
    settings = read_settings(given)
    click.echo(f"{'':9}{'version':12}{describe_version()}")
    is_well = True
    for check in (*CHECKS, check_counts) if recount else CHECKS:
        for finding in check(settings):
            is_well = is_well and not finding.solution
            click.echo(f"{finding.mark:9}{finding.subject:12}{finding.state}")
            if finding.solution:
                click.echo(f"{'':21}-> {finding.solution}")
    sys.exit(0 if is_well else 1)


def check_environment(settings: Settings) -> Iterator[Finding]:
    """Variables that look like settings but are not, and settings without effect."""
    for trouble in unknown_variables():
        yield Finding("environment", trouble, "Unset it, or see `clicktrail settings` for the names.")
    with contextlib.suppress(SettingsError):  # the check of the store reports it
        for trouble in idle_settings(settings, is_embedded(settings)):
            yield Finding("settings", trouble, "Remove it.")
    if not unknown_variables():
        yield Finding("environment", "every CLICKTRAIL_ variable is a setting")


def check_data(settings: Settings) -> Iterator[Finding]:
    """The data directory exists and is writable."""
    data = Path(settings.data)
    if not data.exists():
        yield Finding("data", f"{data} does not exist yet; `clicktrail serve` creates it")
        return
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding(
            "data", f"{data} is not writable", f"Give it to the user that runs the server: chown -R USER {data}"
        )
        return
    yield Finding("data", f"{data} is writable")


def check_space(settings: Settings) -> Iterator[Finding]:
    """The disks of the data directory and of the store have space for moving the log into the file."""
    folders = [Path(settings.data)]
    with contextlib.suppress(SettingsError):
        folders.append(store_path(settings).parent)
    for folder in dict.fromkeys(folder.absolute() for folder in folders if folder.exists()):
        free = shutil.disk_usage(folder).free
        if free < _LEAST_FREE_BYTES:
            yield Finding(
                "space", f"{free >> 20} MiB are free at {folder}", "Free disk space: at least 1 GiB is needed."
            )
        else:
            yield Finding("space", f"{free >> 30} GiB are free at {folder}")


def check_key(settings: Settings) -> Iterator[Finding]:
    """The signing key is valid, and only its owner can read it. On PostgreSQL it is in the database."""
    with contextlib.suppress(SettingsError):
        if not is_embedded(settings):
            return
    path = Path(settings.data) / KEY_FILE
    if not path.exists():
        yield _missing_key(settings)
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "key", f"{path} has mode {mode:04o}", f"Other users can read it and make tokens: chmod 600 {path}"
        )
    try:
        read_keys(KeyFile(path).read(""))
    except (OSError, ValueError) as error:
        yield Finding(
            "key", f"{path}: {error}", "Restore a copy of it, or remove it; without it all tokens become invalid."
        )
    else:
        yield Finding("key", f"{path} is valid")


def _missing_key(settings: Settings) -> Finding:
    if not store_path(settings).exists():
        return Finding("key", "no signing key yet; it is created on first use")
    return Finding(
        "key",
        "this store has no signing key, as after an import. If tokens for it exist, copy their key here; "
        "a new key, created on first use, makes them invalid",
        is_known=False,
    )


def check_port(settings: Settings) -> Iterator[Finding]:
    """The port is free, or our own server uses it."""
    trouble, solution = find_trouble(settings)
    place = f"{settings.host}:{settings.port}"
    if not trouble:
        yield Finding("port", f"{place} is free")
    elif find_own(settings) is not None:
        yield Finding("port", f"{place} is used by the server of this data directory")
    else:
        yield Finding("port", trouble, solution)


def check_proxies(settings: Settings) -> Iterator[Finding]:
    """Whether visits reach the running server through a proxy that is not trusted. The server's metrics show it."""
    url = find_server(settings)
    if url is None:
        yield Finding("proxies", "no server is running, so this cannot be checked", is_known=False)
        return
    try:
        seen = _count_visits(settings, url)
    except (ApiError, ClicktrailError, ValueError) as error:
        yield Finding("proxies", f"the server could not be asked: {error}", is_known=False)
        return
    if seen["private"]:
        yield Finding(
            "proxies",
            f"{seen['private']:.0f} visits came through an untrusted proxy, so all its visitors count as one address",
            "Name the proxy in CLICKTRAIL_TRUSTED_PROXIES; the server's log has its address.",
        )
    elif seen["public"]:
        state = f"{seen['public']:.0f} visits from the internet had Forwarded or X-Forwarded-For, which anyone can send"
        yield Finding("proxies", f"{state}. If the server is behind a CDN, name it in CLICKTRAIL_TRUSTED_PROXIES")
    elif not seen["visits"]:
        yield Finding("proxies", "the server has had no visit since its start", is_known=False)
    else:
        yield Finding("proxies", "no visit came through a proxy that is not trusted")


def _count_visits(settings: Settings, url: str) -> Mapping[str, float]:
    """Number of visits and page views since the server's start. `private` and `public` are the visits through an
    untrusted peer, by kind of peer. Raises ApiError, ClicktrailError.
    """
    with open_keys(settings) as keys:
        token, _ = issue_token(keys, Scope.READ, "cli:doctor", _LIFETIME_S)
    text = b"".join(Client(url, token).download("/metrics")).decode()
    seen = dict.fromkeys(("private", "public", "visits"), 0.0)
    for sample in chain.from_iterable(family.samples for family in text_string_to_metric_families(text)):
        if sample.name == "clicktrail_untrusted_forwards_total":
            seen[sample.labels["peer"]] += sample.value
        elif sample.name == "clicktrail_requests_total" and sample.labels["route"].endswith(_VISITED):
            seen["visits"] += sample.value
    return seen


def check_geo(settings: Settings) -> Iterator[Finding]:
    try:
        yield Finding("geo", make_geo(settings).describe())
    except SettingsError as error:
        yield Finding("geo", str(error), "Name an MMDB file, or omit the setting to use the built-in country data.")


def check_certificates(settings: Settings) -> Iterator[Finding]:
    """Trusted certificates exist, if postbacks are sent: they verify the partners' servers."""
    if not settings.send_postbacks:
        yield Finding("postbacks", "no postbacks are sent: CLICKTRAIL_SEND_POSTBACKS is off")
        return
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        yield Finding("postbacks", f"certificates are verified with {paths.cafile or paths.capath}")
    else:  # not a problem while there are no postbacks
        lacking = f"no trusted certificates at {paths.openssl_cafile}"
        yield Finding("postbacks", f"{lacking}: no postback can be sent until ca-certificates or SSL_CERT_FILE exist")


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
