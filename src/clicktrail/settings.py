"""Settings: one table of name, type, default and help. Each is `CLICKTRAIL_NAME` in the environment, or an option."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

PREFIX = "CLICKTRAIL_"
_SHOWN = 60
"""Characters of a wrong value that are shown."""


class SettingsError(ValueError):
    """A setting that cannot be read; says which, and what is allowed."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. Values come from defaults, then the environment, then the command line."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="Port to listen on.")] = 8000
    data: Annotated[str, Meta(min_length=1, description="Directory of the embedded store and the signing key.")] = (
        "./data"
    )
    database: Annotated[
        str,
        Meta(
            description="URL of the store: `duckdb:///PATH` (by default clicktrail.duckdb in the data directory) or "
            "`postgresql://…`, with libpq's parameters and variables."
        ),
    ] = ""
    statement_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds that a question may take, and on PostgreSQL any statement, before it is stopped.",
        ),
    ] = 30
    retention_months: Annotated[
        int, Meta(ge=0, le=1200, description="Months of clicks that PostgreSQL keeps besides this one; 0 keeps all.")
    ] = 0
    workers: Annotated[int, Meta(ge=1, le=64, description="Server processes; the embedded store takes one.")] = 1
    base_path: Annotated[
        str,
        Meta(
            pattern="^/([A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$",
            title="a path that begins with / and does not end with it, such as /clicks, or / alone",
            description="Path under which everything is served.",
        ),
    ] = "/"
    public_url: Annotated[
        str,
        Meta(
            pattern="^(https?://[^/?#]+)?$",
            title="scheme and host and nothing else, such as https://clicks.example.org",
            description="Scheme and host that clients see, for `Link` and `Location`; by default those of the request.",
        ),
    ] = ""
    geo: Annotated[
        str, Meta(description="An MMDB file (GeoLite2-City, DB-IP or IPinfo); by default the built-in country data.")
    ] = ""
    asn: Annotated[
        str,
        Meta(description="An MMDB file of autonomous systems (GeoLite2-ASN, DB-IP), by which data centres are known."),
    ] = ""
    referral_parameter: Annotated[
        str, Meta(min_length=1, description="Parameter of a click's uri that carries the link's code.")
    ] = "referral"
    banner_parameter: Annotated[
        str, Meta(min_length=1, description="Parameter of a click's uri that carries the banner's id.")
    ] = "banner"
    click_parameter: Annotated[
        str, Meta(min_length=1, description="Parameter that a redirect adds to the landing page, with the click's id.")
    ] = "click_id"
    trusted_proxies: Annotated[
        str,
        Meta(description="CIDR blocks of proxies, by commas, whose `Forwarded` or `X-Forwarded-For` says who came."),
    ] = ""
    attribution: Annotated[
        Literal["first", "last"],
        Meta(description="Whether the `first` or the `last` click of a visitor earns the client."),
    ] = "last"
    attribution_window_days: Annotated[
        int, Meta(ge=1, le=3650, description="Days before a registration in which clicks can earn it.")
    ] = 30
    duplicate_window_s: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds within which the same visitor on the same link is marked `duplicateOf`; 0: never.",
        ),
    ] = 10
    visits_per_minute: Annotated[
        int,
        Meta(
            ge=0, description="Visits of one address to the public doors in a minute of which clicks are made; 0: any."
        ),
    ] = 600
    link_visits_per_minute: Annotated[
        int, Meta(ge=0, description="Visits of all together to one link in a minute of which clicks are made; 0: any.")
    ] = 60_000
    site_visits_per_minute: Annotated[
        int, Meta(ge=0, description="Page views of one site in a minute before they get 429; 0: any.")
    ] = 60_000
    registrations_per_minute: Annotated[
        int, Meta(ge=0, description="Calls of GET /postback for one partner in a minute before they get 429; 0: any.")
    ] = 6_000
    link_path: Annotated[
        str,
        Meta(
            pattern="^/[A-Za-z0-9_-]{1,64}$",
            title="/ and one word of up to 64 letters, digits, - and _, such as /r",
            description="Path below which links are followed by their code.",
        ),
    ] = "/r"
    link_hosts: Annotated[
        str,
        Meta(
            pattern="^([A-Za-z0-9.-]+(:[0-9]+)?(,[A-Za-z0-9.-]+(:[0-9]+)?)*)?$",
            title="host names, separated by commas and nothing else, such as go.example.org,go.example.com:8443",
            description="Hosts, by commas, on which a path is a link's code and nothing else is served, at any port.",
        ),
    ] = ""
    redirect_first: Annotated[
        bool,
        Meta(description="Whether visitors are led on before their click is on disk: a crash loses the last moment's."),
    ] = False
    lead_anyway: Annotated[
        bool,
        Meta(
            description="Whether visitors of a link are led on when a limit or the store keeps their click from being "
            "recorded; `false` answers 429 or 503."
        ),
    ] = True
    send_postbacks: Annotated[
        bool, Meta(description="Whether this server sends postbacks; a copy of a store should not send them again.")
    ] = True
    postback_networks: Annotated[
        str,
        Meta(description="CIDR blocks, by commas, that postbacks may go to although they are no public addresses."),
    ] = ""
    postback_timeout_s: Annotated[
        int, Meta(ge=1, le=60, description="Seconds that an attempt to send a postback may take.")
    ] = 10
    postback_attempts: Annotated[
        int,
        Meta(ge=1, le=14, description="Attempts after which a delivery is given up; twelve take two to three days."),
    ] = 12
    delivery_days: Annotated[
        int, Meta(ge=10, le=3650, description="Days for which deliveries of postbacks are kept.")
    ] = 30
    partner_sees_contacts: Annotated[
        bool, Meta(description="Whether partners see contact values of their clients; otherwise masked.")
    ] = False
    token_lifetime_s: Annotated[
        int, Meta(ge=1, le=86_400, description="Seconds for which a token from POST /tokens is valid.")
    ] = 600
    lockout_failures: Annotated[
        int, Meta(ge=1, description="Failed POST /tokens from one address before it is locked out.")
    ] = 10
    lockout_s: Annotated[int, Meta(ge=1, description="Seconds in which those failures count, and the lock lasts.")] = (
        300
    )
    memory_mb: Annotated[
        int, Meta(ge=64, description="Megabytes that the embedded store's engine may use before it spills to disk.")
    ] = 512
    exports: Annotated[
        int, Meta(ge=1, le=64, description="Exports of one server process at once; more are answered 503.")
    ] = 4
    exports_each: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Exports at once of one partner, OAuth client or hand-made token; more are answered 429.",
        ),
    ] = 2
    idle_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds in which a client must take the next piece of an export or backup (256 KiB, and what "
            "the network buffers), or the connection ends.",
        ),
    ] = 60
    stop_s: Annotated[
        int,
        Meta(
            ge=0,
            le=3600,
            description="Seconds that open requests have to end after SIGTERM; what is open then is broken off.",
        ),
    ] = 10
    max_body_bytes: Annotated[int, Meta(ge=1024, description="Largest body taken.")] = 1_048_576
    body_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds for a body to come whole, and one more for each 16 KiB of it, before it gets 408.",
        ),
    ] = 15
    header_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds for the headers of a request to come whole; so long an idle connection is kept, too.",
        ),
    ] = 30
    max_connections: Annotated[
        int,
        Meta(ge=16, le=65_536, description="Connections that a server process holds at once; further ones wait."),
    ] = 2048
    buffer_clicks: Annotated[int, Meta(ge=1, description="Clicks that may wait for the disk at once.")] = 10_000
    buffer_wait_ms: Annotated[
        int, Meta(ge=0, description="Milliseconds that a click waits for room in a full buffer before it is refused.")
    ] = 2_000
    strict: Annotated[
        bool,
        Meta(
            description="Whether keys and parameters that the API has never heard of are refused; `false` ignores "
            "them, as `Prefer: handling=lenient` does for one request."
        ),
    ] = True
    naive_times: Annotated[
        str,
        Meta(
            description="Time zone, such as `Europe/Berlin`, of times that are sent without an offset; "
            "by default they are refused."
        ),
    ] = ""
    zone: Annotated[
        str, Meta(min_length=1, description="Time zone, such as `Europe/Berlin`, of dates in time filters.")
    ] = "UTC"
    phone_region: Annotated[
        str,
        Meta(
            pattern="^([A-Za-z]{2})?$",
            title="the two letters of a country, such as DE",
            description="Region, such as `DE`, of phone numbers that are sent without a country code; "
            "by default they are refused.",
        ),
    ] = ""
    log: Annotated[
        Literal["json", "text", "off"], Meta(description="Request log: `json` lines, `text` for people, or `off`.")
    ] = "json"

    def database_url(self) -> str:
        """The store's URL, the default filled in."""
        return self.database or f"duckdb:///{Path(self.data).absolute() / 'clicktrail.duckdb'}"

    def shown_database(self) -> str:
        """The store's URL as it may be shown and logged: without user, password and parameters."""
        scheme, mark, rest = self.database_url().partition("://")
        return scheme + mark + rest.partition("?")[0].rpartition("@")[2]


class SettingHelp(msgspec.Struct, frozen=True):
    """One row of the table, for the command line and the docs."""

    name: str
    variable: str
    default: Any
    help: str

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"


def setting_table() -> list[SettingHelp]:
    """All settings with their environment variable, default and description."""
    hints = _hints()
    return [
        SettingHelp(field.name, PREFIX + field.name.upper(), field.default, _description(hints[field.name]))
        for field in msgspec.structs.fields(Settings)
    ]


def load_settings(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Defaults, then `CLICKTRAIL_…`, then `given` where it is not None. Raises SettingsError: all that is wrong."""
    hints = _hints()
    values: dict[str, Any] = {}
    mistakes = []
    for row in setting_table():
        value = given.get(row.name)
        value = environ.get(row.variable) if value is None else value
        if value is None:
            continue
        try:
            str(value).encode()
            values[row.name] = msgspec.convert(value, hints[row.name], strict=False)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            allowed = (
                describe_values(hints[row.name]) if isinstance(error, msgspec.ValidationError) else "text in UTF-8"
            )
            shown = str(value)[:_SHOWN].encode(errors="backslashreplace").decode()
            mistakes.append(f'{row.option} ({row.variable}) must be {allowed}, not "{shown}"')
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return Settings(**values)


def describe_values(hint: Any) -> str:
    """What a setting of this type may be, in words."""
    kind, *metas = get_args(hint)
    meta: Meta = metas[0]
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    if kind is int:
        return (
            f"a whole number of at least {meta.ge}"
            if meta.le is None
            else f"a whole number from {meta.ge} to {meta.le}"
        )
    return meta.title or "a text that is not empty"


@cache
def _hints() -> Mapping[str, Any]:
    return get_type_hints(Settings, include_extras=True)


def _description(hint: Any) -> str:
    return next(meta.description for meta in get_args(hint) if isinstance(meta, Meta) and meta.description)
