"""All settings. `server` has the settings of the process, `privacy` what is kept; links, visits, attribution, postbacks
and input are here."""

import re
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from clicktrail.settings.privacy import PrivacySettings

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_USER = re.compile(r"(?!.*\?\w+=)[^/@]*\Z", re.DOTALL)
"""A user and a password as libpq ends them, at the first `@`, and no parameters."""
_HOST = r"(\[[0-9A-Fa-f:.%]*\]|[A-Za-z0-9._~%-]*)(:[0-9]*)?"
_PLACE = re.compile(rf"(?P<place>{_HOST}(,{_HOST})*(/[^/?@#]*)?)(\?.*)?\Z", re.DOTALL)
"""Hosts, the name of the database, and parameters."""


class Settings(PrivacySettings, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. Values come from defaults, then the environment, then the command line."""

    geo: Annotated[
        str,
        Meta(
            description="MMDB file with countries and cities (GeoLite2-City, DB-IP or IPinfo). Default: the built-in "
            "country data.",
            examples=["/var/lib/geo/GeoLite2-City.mmdb"],
        ),
    ] = ""
    asn: Annotated[
        str,
        Meta(
            description="MMDB file with autonomous systems (GeoLite2-ASN or DB-IP), used to recognise data centres. "
            "Default: none, and `isDataCentre` is unknown.",
            examples=["/var/lib/geo/GeoLite2-ASN.mmdb"],
        ),
    ] = ""
    referral_parameter: Annotated[
        str,
        Meta(
            min_length=1,
            description="Query parameter of a click's `uri` that contains the link's code.",
            examples=["ref"],
        ),
    ] = "referral"
    banner_parameter: Annotated[
        str,
        Meta(
            min_length=1,
            description="Query parameter of a click's `uri` that contains the banner's id.",
            examples=["ad"],
        ),
    ] = "banner"
    click_parameter: Annotated[
        str,
        Meta(
            min_length=1,
            description="Query parameter for the click's id. A redirect adds it to the landing page's URL.",
            examples=["cid"],
        ),
    ] = "click_id"
    attribution: Annotated[
        Literal["first", "last"],
        Meta(
            description="Which click of a visitor earns the client: the `first` or the `last` one.", examples=["first"]
        ),
    ] = "last"
    attribution_window_days: Annotated[
        int,
        Meta(
            ge=1,
            le=3650,
            description="A click can earn a client if it happened at most this number of days before the registration.",
            examples=[90],
        ),
    ] = 30
    duplicate_window_s: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds in which another click by the same visitor on the same link is a repeat "
            "(`duplicateOf`). 0 marks no repeats.",
            examples=[60],
        ),
    ] = 10
    visits_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Maximum visits and page views per minute from one address that are recorded as clicks, and "
            "maximum requests for unknown link codes. 0 disables both limits.",
            examples=[1200],
        ),
    ] = 600
    link_visits_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Maximum visits per minute to one link that are recorded as clicks, all visitors combined. 0 "
            "disables the limit.",
            examples=[100_000],
        ),
    ] = 60_000
    site_visits_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Maximum page views per minute of one site, all visitors combined; further ones are answered "
            "429. 0 disables the limit.",
            examples=[100_000],
        ),
    ] = 60_000
    registrations_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Maximum calls of `GET /postback` per minute for one partner; further ones are answered 429. "
            "0 disables the limit.",
            examples=[600],
        ),
    ] = 6000
    link_path: Annotated[
        str,
        Meta(
            pattern="^/[A-Za-z0-9_-]{1,64}$",
            title="/ and one word of up to 64 letters, digits, - and _, such as /r",
            description="Path of tracking links; the link's code follows it.",
            examples=["/go"],
        ),
    ] = "/r"
    link_hosts: Annotated[
        str,
        Meta(
            pattern="^([A-Za-z0-9.-]+(:[0-9]+)?(,[A-Za-z0-9.-]+(:[0-9]+)?)*)?$",
            title="host names, separated by commas and nothing else, such as go.example.org,go.example.com:8443",
            description="Host names, separated by commas, that serve only tracking links: the whole path is the "
            "link's code. Ports are ignored. Default: none.",
            examples=["go.example.org"],
        ),
    ] = ""
    redirect_first: Annotated[
        bool,
        Meta(
            description="Redirect visitors before their click is on disk. A crash then loses the clicks of the last "
            "moment.",
            examples=[True],
        ),
    ] = False
    lead_anyway: Annotated[
        bool,
        Meta(
            description="Redirect visitors even if a limit or the store prevents recording their click. `false` "
            "answers 429 or 503 instead.",
            examples=[False],
        ),
    ] = True
    send_postbacks: Annotated[
        bool,
        Meta(
            description="Whether this server sends postbacks. Set `false` for a copy of a store, which would send "
            "them again.",
            examples=[False],
        ),
    ] = True
    postback_networks: Annotated[
        str,
        Meta(
            description="CIDR blocks, separated by commas, of private addresses to which postbacks may be sent. "
            "Default: none.",
            examples=["192.168.7.0/24"],
        ),
    ] = ""
    postback_timeout_s: Annotated[
        int, Meta(ge=1, le=60, description="Maximum seconds for one attempt to send a postback.", examples=[20])
    ] = 10
    postback_attempts: Annotated[
        int,
        Meta(
            ge=1,
            le=14,
            description="Attempts before a delivery is given up. Twelve attempts take two to three days.",
            examples=[8],
        ),
    ] = 12
    delivery_days: Annotated[
        int, Meta(ge=10, le=3650, description="Days for which deliveries of postbacks are kept.", examples=[90])
    ] = 30
    keep_clicks_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days for which clicks without a client are kept; at least the attribution window. Their "
            "figures and daily totals stay. 0 keeps them for ever.",
            examples=[400],
        ),
    ] = 0
    keep_client_clicks_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days for which clicks that earned a client are kept. Their figures and daily totals stay. 0 "
            "keeps them for ever.",
            examples=[1100],
        ),
    ] = 0
    keep_clients_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days after their last registration for which clients are kept. Afterwards they are erased as "
            "by `POST /persons/erasures`. Partners stay. 0 keeps them for ever.",
            examples=[1100],
        ),
    ] = 0
    keep_registrations_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days for which it is kept what a registration named and which clicks it considered. Click, "
            "link, partner, time and rule stay for ever. 0 keeps all.",
            examples=[1100],
        ),
    ] = 0
    keep_audit_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days for which entries of the audit log are kept. 0 keeps them for ever.",
            examples=[1100],
        ),
    ] = 0
    partner_sees_contacts: Annotated[
        bool,
        Meta(
            description="Whether partners see the contact values of their clients. `false` masks them.", examples=[True]
        ),
    ] = False
    partner_origins: Annotated[
        str,
        Meta(
            description="Origins, separated by commas, of landing pages to which partners may lead links that they add "
            "or change themselves. Default: none, and partners change no links.",
            examples=["https://shop.example.org,https://blog.example.org"],
        ),
    ] = ""
    partner_links: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Maximum links of one partner who adds links; the links that you added count as well. 0 "
            "refuses all new ones.",
            examples=[100],
        ),
    ] = 20
    partner_postbacks: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="Maximum postbacks of one partner who adds postbacks, including the ones that you added. 0 "
            "refuses every change.",
            examples=[3],
        ),
    ] = 0
    strict: Annotated[
        bool,
        Meta(
            description="Whether unknown keys and parameters are refused. `false` ignores them, as `Prefer: "
            "handling=lenient` does for one request.",
            examples=[False],
        ),
    ] = True
    naive_times: Annotated[
        str,
        Meta(
            description="Time zone of times that are sent without an offset. Default: these times are refused.",
            examples=["Europe/Berlin"],
        ),
    ] = ""
    zone: Annotated[
        str, Meta(min_length=1, description="Time zone of dates in time filters.", examples=["Europe/Berlin"])
    ] = "UTC"
    phone_region: Annotated[
        str,
        Meta(
            pattern="^([A-Za-z]{2})?$",
            title="the two letters of a country, such as DE",
            description="Country of phone numbers that are sent without a country code. Default: these numbers are "
            "refused.",
            examples=["DE"],
        ),
    ] = ""

    def database_url(self) -> str:
        """The store's URL, the default filled in."""
        return self.database or f"duckdb:///{Path(self.data).absolute() / 'clicktrail.duckdb'}"

    def database_scheme(self) -> str:
        """The scheme of the store's URL; empty if it is no URL."""
        found = _SCHEME.match(self.database_url())
        return found[1] if found else ""

    def shown_database(self) -> str:
        """The store's URL as it may be shown and logged: without user, password and parameters.

        Where these end is unclear in some wrong URLs, such as those with a `/` in the password. Then it is the scheme
        alone.
        """
        url, scheme = self.database_url(), self.database_scheme()
        if scheme == "duckdb":
            return url
        user, at, place = url.removeprefix(f"{scheme}://").rpartition("@")
        found = _PLACE.match(place)
        is_clear = bool(scheme) and (not at or _USER.match(user)) and found is not None
        return f"{scheme}://{found['place']}" if is_clear and found else f"{scheme}://…" if scheme else "…"
