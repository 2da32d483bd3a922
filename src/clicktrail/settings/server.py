"""Settings of the process: network, store, limits of requests, tokens and log."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each setting has limits, help and an example."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="IP address to listen on. `0.0.0.0` is all IPv4 addresses.",
            examples=["192.0.2.10"],
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65_535, description="TCP port to listen on.", examples=[8080])] = 8000
    workers: Annotated[
        int,
        Meta(ge=1, le=64, description="Number of server processes. The embedded store allows only 1.", examples=[4]),
    ] = 1
    base_path: Annotated[
        str,
        Meta(
            pattern="^/([A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$",
            title="a path that begins with / and does not end with it, such as /clicks, or / alone",
            description="Path below which everything is served.",
            examples=["/tracking"],
        ),
    ] = "/"
    public_url: Annotated[
        str,
        Meta(
            pattern="^(https?://[^/?#@]+)?$",
            title="scheme and host and nothing else, such as https://clicks.example.org",
            description="Scheme and host that callers see, for `Link` and `Location` headers. Default: the values "
            "of the request.",
            examples=["https://clicks.example.org"],
        ),
    ] = ""
    trusted_proxies: Annotated[
        str,
        Meta(
            description="CIDR blocks of trusted proxies, separated by commas. The visitor's address is read from "
            "their `Forwarded` or `X-Forwarded-For` header. Default: none.",
            examples=["10.0.0.0/8,192.0.2.7"],
        ),
    ] = ""
    data: Annotated[
        str,
        Meta(
            min_length=1,
            description="Directory of the embedded store and the signing key.",
            examples=["/var/lib/clicktrail"],
        ),
    ] = "./data"
    database: Annotated[
        str,
        Meta(
            description="URL of the store: `duckdb:///PATH`, or `postgresql://…` with libpq's parameters and "
            "variables. Default: `clicktrail.duckdb` in the data directory.",
            examples=["postgresql://clicktrail@db.example.org/clicktrail"],
        ),
    ] = ""
    memory_mb: Annotated[
        int,
        Meta(
            ge=64,
            description="Megabytes that the embedded store's engine may use; beyond this it uses temporary files.",
            examples=[1024],
        ),
    ] = 512
    statement_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Maximum seconds for one query before it is stopped and answered 503. On PostgreSQL this also "
            "limits every other statement.",
            examples=[60],
        ),
    ] = 30
    retention_months: Annotated[
        int,
        Meta(
            ge=0,
            le=1200,
            description="Months of clicks that PostgreSQL keeps in addition to the current month; older months are "
            "dropped. 0 keeps all.",
            examples=[24],
        ),
    ] = 0
    buffer_clicks: Annotated[
        int, Meta(ge=1, description="Maximum number of clicks that wait for the disk.", examples=[50_000])
    ] = 10_000
    buffer_wait_ms: Annotated[
        int,
        Meta(
            ge=0,
            description="Milliseconds that a click waits for space in a full buffer before it is refused. 0 refuses "
            "it at once.",
            examples=[500],
        ),
    ] = 2000
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            description="Maximum size of a request body in bytes; larger ones are answered 413.",
            examples=[4_194_304],
        ),
    ] = 1_048_576
    body_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds in which a request body must arrive, plus one second for each 16 KiB received. After "
            "that the answer is 408.",
            examples=[30],
        ),
    ] = 15
    header_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds in which the headers of a request must arrive. An idle connection is also closed "
            "after this time.",
            examples=[20],
        ),
    ] = 30
    max_connections: Annotated[
        int,
        Meta(
            ge=16,
            le=65_536,
            description="Maximum open connections per server process; further ones wait.",
            examples=[8192],
        ),
    ] = 2048
    exports: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Maximum exports at the same time in one server process; further ones are answered 503.",
            examples=[8],
        ),
    ] = 4
    exports_each: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Maximum exports at the same time by one partner, OAuth client or token of `token create`; "
            "further ones are answered 429.",
            examples=[1],
        ),
    ] = 2
    live_streams: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Maximum streams of `GET /live` at the same time in one server process; further ones are "
            "answered 503. All partners together get at most half of them.",
            examples=[64],
        ),
    ] = 32
    live_streams_each: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Maximum streams of `GET /live` at the same time by one partner, OAuth client, user or token "
            "of `token create`; further ones are answered 429.",
            examples=[2],
        ),
    ] = 8
    idle_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds in which a caller must read the next piece of an answer (256 KiB of an export, backup "
            "or stream, 64 KiB of others, plus network buffers). After that the connection is closed.",
            examples=[120],
        ),
    ] = 60
    stop_s: Annotated[
        int,
        Meta(
            ge=0,
            le=3600,
            description="Seconds that open requests have to finish after SIGTERM. Then their connections are closed. "
            "0 closes them at once.",
            examples=[30],
        ),
    ] = 10
    token_lifetime_s: Annotated[
        int,
        Meta(ge=1, le=86_400, description="Seconds for which a token from `POST /tokens` is valid.", examples=[3600]),
    ] = 600
    lockout_failures: Annotated[
        int,
        Meta(
            ge=1,
            description="Failed calls of `POST /tokens` or failed sign-ins from one address before it is locked out; "
            "also failed sign-ins with one name.",
            examples=[5],
        ),
    ] = 10
    lockout_s: Annotated[
        int,
        Meta(
            ge=1,
            description="Seconds in which these failures are counted, and seconds for which the address or "
            "name stays locked out.",
            examples=[900],
        ),
    ] = 300
    log: Annotated[
        Literal["json", "text", "off"],
        Meta(
            description="Format of the request log: `json`, `text` (easier to read for people) or `off`.",
            examples=["text"],
        ),
    ] = "json"
