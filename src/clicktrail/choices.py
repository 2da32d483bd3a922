"""Turns settings into values for the layers below. Checks what a setting's type and pattern cannot check."""

import re
from datetime import UTC, tzinfo
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
import psycopg
from psycopg.conninfo import conninfo_to_dict

from clicktrail.http.endpoint.hosts import parse_host
from clicktrail.http.visitor.proxies import Networks, read_networks
from clicktrail.ingest.facts import Parameters
from clicktrail.ingest.geo import Geo
from clicktrail.model.access import OwnRules
from clicktrail.model.clock import SYSTEM_CLOCK, Clock
from clicktrail.model.kept_uris import FULL, LISTED, ORIGIN, UriRule
from clicktrail.model.privacy import Coordinates, Ip, Policy
from clicktrail.model.reading import Reading
from clicktrail.model.uris import normalise_page
from clicktrail.settings import Settings, SettingsError, setting_table
from clicktrail.store.privacy.retention import Days

_is_origin = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?/\Z").match
"""An origin as browsers write it, with the path `/`. No `*`: that is a name like any other for browsers."""

_RECORDED = 200
"""Characters of a setting in the audit log."""


def is_embedded(settings: Settings) -> bool:
    """Whether the store is a file that this process owns. Raises SettingsError for the URL of an unknown engine."""
    scheme, path = settings.database_scheme(), settings.database_url().partition("://")[2]
    if scheme not in ("duckdb", "postgresql", "postgres") or (scheme == "duckdb" and len(path) < 2):
        raise SettingsError(
            f"--database must be duckdb:///PATH or postgresql://…, not {f'{scheme}://…' if scheme else 'another text'}"
        )
    if scheme != "duckdb":
        _check_postgres_url(settings.database_url())
    return scheme == "duckdb"


def _check_postgres_url(url: str) -> None:
    """Raises SettingsError, which shows nothing of the URL: libpq's errors show pieces of a password with a `/` or an
    `@`."""
    try:
        read = conninfo_to_dict(url)
        ports = [port for port in str(read.get("port", "")).split(",") if port]
        is_right = all(port.isdecimal() for port in ports) and "@" not in f"{read.get('host')}{read.get('dbname')}"
    except psycopg.ProgrammingError:
        is_right = False
    if not is_right:
        raise SettingsError(
            "--database must be postgresql://USER:PASSWORD@HOST:PORT/NAME with libpq's parameters; this one cannot be "
            "read. In USER and PASSWORD write / ? # @ : % as %2F %3F %23 %40 %3A %25."
        )


def store_path(settings: Settings) -> Path:
    """The file of `duckdb:///relative/path` or `duckdb:////absolute/path`. Raises SettingsError for anything else."""
    if not is_embedded(settings):
        raise SettingsError("This works only with the embedded store: --database must be duckdb:///PATH.")
    path = Path(unquote(settings.database_url().partition("://")[2][1:]))
    if not path.name or path.is_dir():
        raise SettingsError(f"--database must name a file: {path} is a directory.")
    return path


def _networks(text: str, option: str) -> Networks:
    try:
        return read_networks(text)
    except ValueError as error:
        raise SettingsError(f"{option} must be CIDR blocks, separated by commas: {error}.") from None


def trusted_networks(settings: Settings) -> Networks:
    """Raises SettingsError."""
    return _networks(settings.trusted_proxies, "--trusted-proxies")


def postback_networks(settings: Settings) -> Networks:
    """Networks that may receive postbacks, in addition to public addresses. Raises SettingsError."""
    return _networks(settings.postback_networks, "--postback-networks")


def own_rules(settings: Settings) -> OwnRules:
    """What partners may change themselves. Raises SettingsError."""
    origins = frozenset(_origin(each.strip()) for each in settings.partner_origins.split(",") if each.strip())
    return OwnRules(origins=origins, links=settings.partner_links, postbacks=settings.partner_postbacks)


def _origin(text: str) -> str:
    """An http origin as browsers write it. Raises SettingsError."""
    page = normalise_page(text)
    if not _is_origin(page) or text.split() != [text]:
        raise SettingsError(
            f"--partner-origins must be origins such as https://shop.example.org, separated by commas, not {text!r}."
        )
    return page.removesuffix("/")


def _zone(name: str, option: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(f"{option} must be a time zone such as Europe/Berlin; {name!r} is unknown here.") from None


def read_reading(settings: Settings, clock: Clock = SYSTEM_CLOCK) -> Reading:
    """Raises SettingsError."""
    region = settings.phone_region.upper()
    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        raise SettingsError(f"--phone-region must be a two-letter country code such as DE; {region} is unknown.")
    return Reading(
        is_strict=settings.strict,
        naive_zone=_zone(settings.naive_times, "--naive-times") if settings.naive_times else None,
        zone=_zone(settings.zone, "--zone"),
        phone_region=region or None,
        clock=clock,
        policy=privacy_policy(settings),
    )


def privacy_policy(settings: Settings) -> Policy:
    """What is kept of a click."""
    return Policy(
        ip=Ip(settings.ip),
        ip_after_days=settings.ip_after_days,
        old_ip=Ip(settings.old_ip),
        keeps_agent=settings.user_agent == "full",
        uri=_uri_rule(settings.uri, settings),
        referrer=_uri_rule(settings.referrer, settings),
        coordinates=Coordinates(settings.coordinates),
    )


def _uri_rule(text: str, settings: Settings) -> UriRule:
    """`full`, `origin`, or names of parameters."""
    own = (settings.referral_parameter, settings.banner_parameter, settings.click_parameter)
    names = _split(text.lower())
    form = names[0] if names in ([FULL], [ORIGIN]) else LISTED
    return UriRule(
        form=form,
        listed=frozenset(names if form == LISTED else ()),
        dropped=tuple(_split(settings.dropped_parameters)),
        own=frozenset(map(str.lower, own)),
    )


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def in_force(settings: Settings) -> list[tuple[str, str, bool, str]]:
    """Of each setting the name, the value as text, whether that is its default, and the help. Nothing is secret."""
    shown = {"database": settings.shown_database()}
    return [
        (row.variable, shown.get(row.name, _text(value)), value == row.default, row.help)
        for row in setting_table()
        for value in [getattr(settings, row.name)]
    ]


def changed_settings(settings: Settings) -> dict[str, str]:
    """The settings that do not have their default, as a server records them in the store."""
    return {name: cut_setting(value) for name, value, is_default, _ in in_force(settings) if not is_default}


def cut_setting(value: str) -> str:
    """A value as it is recorded: a long one is cut, and has a hash, by which it is still compared."""
    if len(value) <= _RECORDED:
        return value
    return f"{value[:_RECORDED]}… (sha256 {sha256(value.encode()).hexdigest()[:16]})"


def _text(value: object) -> str:
    """A value as it is written in the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def keep_days(settings: Settings) -> Days:
    """For how many days each class is kept. Raises SettingsError if clicks could not earn clients any more."""
    window = settings.attribution_window_days
    if 0 < settings.keep_clicks_days < window:
        raise SettingsError(f"--keep-clicks-days must be 0, or at least --attribution-window-days, which is {window}.")
    return Days(
        clicks=settings.keep_clicks_days,
        client_clicks=settings.keep_client_clicks_days,
        clients=settings.keep_clients_days,
        registrations=settings.keep_registrations_days,
        deliveries=settings.delivery_days,
        audit=settings.keep_audit_days,
    )


def link_host_names(settings: Settings) -> frozenset[str | None]:
    """The hosts of links, spelt as `find_host` returns them, without ports. Raises SettingsError."""
    names = {parse_host(host.encode()) for host in settings.link_hosts.split(",") if host}
    if None in names:
        raise SettingsError("--link-hosts must be host names, separated by commas.")
    if parse_host(settings.public_url.partition("://")[2].encode()) in names:
        raise SettingsError("The host of --public-url must not be one of --link-hosts: link hosts serve only links.")
    return frozenset(names)


def check_together(settings: Settings) -> None:
    """Raises SettingsError with every mistake that a setting's type and pattern cannot find."""
    mistakes = []
    for read in (trusted_networks, postback_networks, link_host_names, own_rules, read_reading, keep_days):
        try:
            read(settings)
        except SettingsError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def parameters_of(settings: Settings) -> Parameters:
    return Parameters(settings.referral_parameter, settings.banner_parameter, settings.click_parameter)


def make_geo(settings: Settings) -> Geo:
    """Geo data from the operator's files, or the built-in data. Raises SettingsError."""
    try:
        return Geo(*(Path(name) if name else None for name in (settings.geo, settings.asn)))
    except (OSError, ValueError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        option = "--asn" if settings.asn and reason.startswith(settings.asn) else "--geo"
        raise SettingsError(f"{option} must be an MMDB file: {reason}") from None
