"""`clicktrail doctor`: the problems of an installation, and their solutions."""

import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import click
from prometheus_client.parser import text_string_to_metric_families

from clicktrail.checks.machine import (
    VISITED,
    check_certificates,
    check_data,
    check_environment,
    check_key,
    check_privacy,
    check_space,
    judge_proxies,
)
from clicktrail.choices import make_geo
from clicktrail.cli.api_client import ApiError
from clicktrail.cli.count_checks import check_counts
from clicktrail.cli.last_server import POLICY_SETTINGS, SUBJECT, find_last, list_others
from clicktrail.cli.listening import find_own, find_trouble
from clicktrail.cli.options import read_settings, setting_options
from clicktrail.cli.remote import connect
from clicktrail.cli.running import find_server
from clicktrail.cli.store_checks import check_store
from clicktrail.cli.version import describe_version
from clicktrail.errors import ClicktrailError
from clicktrail.model.access import Scope
from clicktrail.observe.findings import Finding
from clicktrail.settings import Settings, SettingsError

_MARKS = {"wrong": "WRONG"}


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
            click.echo(f"{_MARKS.get(finding.status, finding.status):9}{finding.subject:12}{finding.state}")
            if finding.solution:
                click.echo(f"{'':21}-> {finding.solution}")
    sys.exit(0 if is_well else 1)


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
    yield judge_proxies(seen["private"], seen["public"], seen["visits"])


def _count_visits(settings: Settings, url: str) -> Mapping[str, float]:
    """Number of visits and page views since the server's start. `private` and `public` are the visits through an
    untrusted peer, by kind of peer. Raises ApiError, ClicktrailError.
    """
    text = b"".join(connect(settings, url, Scope.READ, SUBJECT).download("/metrics")).decode()
    seen = dict.fromkeys(("private", "public", "visits"), 0.0)
    for sample in chain.from_iterable(family.samples for family in text_string_to_metric_families(text)):
        if sample.name == "clicktrail_untrusted_forwards_total":
            seen[sample.labels["peer"]] += sample.value
        elif sample.name == "clicktrail_requests_total" and sample.labels["route"].endswith(VISITED):
            seen["visits"] += sample.value
    return seen


def check_policy(settings: Settings) -> Iterator[Finding]:
    """What is stored of a click, if this shell and the last server of the store say the same."""
    try:
        last = find_last(settings)
    except (ApiError, ClicktrailError, SettingsError) as error:
        yield Finding("privacy", f"the settings of the last server cannot be read: {error}", is_known=False)
        return
    if others := list_others(settings, last, POLICY_SETTINGS):
        told = f"not those of this shell are in force, but those of the last server: {'; '.join(others)}"
        yield Finding("privacy", told, is_known=False)
        return
    whose = "no server has used this store yet" if last is None else "as the last server recorded"
    yield from (found._replace(state=f"{found.state} ({whose})") for found in check_privacy(settings))


def check_geo(settings: Settings) -> Iterator[Finding]:
    try:
        yield Finding("geo", make_geo(settings).describe())
    except SettingsError as error:
        yield Finding("geo", str(error), "Name an MMDB file, or omit the setting to use the built-in country data.")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    check_environment,
    check_policy,
    check_data,
    check_space,
    check_port,
    check_key,
    check_store,
    check_proxies,
    check_geo,
    check_certificates,
)
