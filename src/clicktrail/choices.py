"""What the operator's settings choose, as values of the layers below. Whatever a setting's form alone does not show
is checked here."""

from datetime import UTC, tzinfo
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from clicktrail.http.endpoint.hosts import parse_host
from clicktrail.http.visitor.limits import VisitLimit
from clicktrail.http.visitor.proxies import Networks, read_networks
from clicktrail.ingest.geo import Geo
from clicktrail.model.clock import Clock
from clicktrail.model.reading import Reading
from clicktrail.settings import Settings, SettingsError


def is_embedded(settings: Settings) -> bool:
    """Whether the store is a file of this process. Raises SettingsError for a URL that names no engine of ours."""
    scheme, _, path = settings.database_url().partition("://")
    if scheme not in ("duckdb", "postgresql", "postgres") or (scheme == "duckdb" and len(path) < 2):
        raise SettingsError(f"--database must be duckdb:///PATH or postgresql://…, not {scheme}://…")
    return scheme == "duckdb"


def store_path(settings: Settings) -> Path:
    """The file of `duckdb:///relative/path` or `duckdb:////absolute/path`. Raises SettingsError for anything else."""
    if not is_embedded(settings):
        raise SettingsError("This works on the embedded store: --database must be duckdb:///PATH.")
    path = Path(unquote(settings.database_url().partition("://")[2][1:]))
    if not path.name or path.is_dir():
        raise SettingsError(f"--database must name a file: {path} is a directory.")
    return path


def _networks(text: str, option: str) -> Networks:
    try:
        return read_networks(text)
    except ValueError as error:
        raise SettingsError(f"{option} takes CIDR blocks, separated by commas: {error}.") from None


def trusted_networks(settings: Settings) -> Networks:
    """Where the proxies stand whose word is taken. Raises SettingsError."""
    return _networks(settings.trusted_proxies, "--trusted-proxies")


def postback_networks(settings: Settings) -> Networks:
    """Where postbacks may go besides public addresses. Raises SettingsError."""
    return _networks(settings.postback_networks, "--postback-networks")


def _zone(name: str, option: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"{option} takes a time zone such as Europe/Berlin; none is called {name!r} here."
        ) from None


def read_reading(settings: Settings) -> Reading:
    """How requests are read. Raises SettingsError."""
    region = settings.phone_region.upper()
    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        raise SettingsError(f"--phone-region takes a country's two letters, such as DE; there is no {region}.")
    return Reading(
        settings.strict,
        _zone(settings.naive_times, "--naive-times") if settings.naive_times else None,
        _zone(settings.zone, "--zone"),
        region or None,
    )


def visit_limit(settings: Settings, clock: Clock) -> VisitLimit:
    """How often visitors may come."""
    return VisitLimit(
        {
            "address": settings.visits_per_minute,
            "stranger": settings.visits_per_minute,
            "link": settings.link_visits_per_minute,
            "site": settings.site_visits_per_minute,
            "partner": settings.registrations_per_minute,
        },
        clock,
    )


def link_host_names(settings: Settings) -> frozenset[str | None]:
    """The hosts of links as `find_host` writes them; a port counts only in the URLs of links. Raises SettingsError."""
    names = {parse_host(host.encode()) for host in settings.link_hosts.split(",") if host}
    if None in names:
        raise SettingsError("--link-hosts takes host names, by commas.")
    if parse_host(settings.public_url.partition("://")[2].encode()) in names:
        raise SettingsError("The host of --public-url is one of --link-hosts, where nothing but links is served.")
    return frozenset(names)


def check_together(settings: Settings) -> None:
    """Raises SettingsError naming all that cannot be seen in the form of one setting."""
    mistakes = []
    for read in (trusted_networks, postback_networks, link_host_names, read_reading):
        try:
            read(settings)
        except SettingsError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def make_geo(settings: Settings) -> Geo:
    """Places from the operator's files, or the built-in data. Raises SettingsError."""
    try:
        return Geo(*(Path(name) if name else None for name in (settings.geo, settings.asn)))
    except (OSError, ValueError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        option = "--asn" if settings.asn and reason.startswith(settings.asn) else "--geo"
        raise SettingsError(f"{option} takes an MMDB file: {reason}") from None
