"""What is stored about people, why and for how long: for `GET /privacy`, the dashboard and docs/privacy.md.

Together with the policy in force it is the record of processing that article 30 of the GDPR asks for.
"""

from typing import NamedTuple

POLICY = ("IP", "IP_AFTER_DAYS", "OLD_IP", "USER_AGENT", "URI", "REFERRER", "DROPPED_PARAMETERS", "COORDINATES")
"""The settings of what is stored of a click, without the prefix."""
KEPT = (
    *("KEEP_CLICKS_DAYS", "KEEP_CLIENT_CLICKS_DAYS", "KEEP_CLIENTS_DAYS", "KEEP_REGISTRATIONS_DAYS"),
    *("KEEP_AUDIT_DAYS", "DELIVERY_DAYS", "RETENTION_MONTHS"),
)
"""The settings of how long data is kept."""
SHOWN = ("PARTNER_SEES_CONTACTS", "PARTNER_SEES_VISITORS", "REPORT_LEAST_CLICKS")
"""The settings of what partners see."""


class Held(NamedTuple):
    """A kind of data. `settings`, without their prefix, decide whether, how or how long it is stored."""

    data: str
    purpose: str
    kept: str
    settings: tuple[str, ...] = ()


_CLICK = "as long as the click"
TABLE = (
    Held(
        "time, URL (`uri`) and campaign of a click",
        "which link, partner and campaign a visit came from",
        "until the click is deleted, by you or by the retention",
        ("URI", "DROPPED_PARAMETERS", "KEEP_CLICKS_DAYS", "KEEP_CLIENT_CLICKS_DAYS", "RETENTION_MONTHS"),
    ),
    Held("referrer", "which page led to the visit", _CLICK, ("REFERRER", "DROPPED_PARAMETERS")),
    Held(
        "IP address",
        "country, robots, repeats, fraud; finding the click of a registration that names only a code",
        "as long as the click, or as many days as are set",
        ("IP", "IP_AFTER_DAYS", "OLD_IP"),
    ),
    Held("user agent and language", "robots, repeats, fraud", _CLICK, ("USER_AGENT",)),
    Held("device, browser, operating system, robot or not", "reports; read from the user agent", _CLICK),
    Held("country and coordinates", "reports; found by the address, in data on your disk", _CLICK, ("COORDINATES",)),
    Held(
        "visitor key: 64 bits of a hash of address, user agent and UTC day",
        "counting visitors and first clicks",
        "as long as the click. Where address or user agent are not kept whole, it is keyed with the day's salt; where "
        "an address grows old, it is replaced",
        ("IP", "USER_AGENT", "IP_AFTER_DAYS"),
    ),
    Held(
        "on PostgreSQL, the visit key: the visitor key with link and kind",
        "marking the first click of a visitor a day, on several nodes",
        "until the last click of the visit is deleted, its month is dropped, or its address grows old",
    ),
    Held("salt of the day", "keys of visitors and browsers, hashed addresses", "until the UTC day is over"),
    Held(
        "browser key: 64 bits of a hash of address and user agent with the day's salt",
        "telling apart equal uuids that pages of different visitors send",
        _CLICK,
    ),
    Held("visitor id from your site's own cookie, `uuid`", "which clicks belong to one browser or event", _CLICK),
    Held(
        "names, contacts, country, tags of a client",
        "which client a click brought",
        "until you delete the profile or erase the person, or the retention does",
        ("KEEP_CLIENTS_DAYS",),
    ),
    Held(
        "registrations: client, click, link, partner, time, the clicks that were considered",
        "paying partners, and proving why",
        "until you delete the profile; an erasure and the retention leave bare facts",
        ("KEEP_REGISTRATIONS_DAYS",),
    ),
    Held(
        "ids of merged profiles",
        "recognising registrations under them",
        "until you delete the remaining profile",
    ),
    Held("which person uses a browser (`/identities`)", "clients with several browsers", "until you delete it"),
    Held(
        "deliveries of postbacks: ids, times, answers",
        "notifying partners, and proving it",
        "as many days as are set",
        ("DELIVERY_DAYS",),
    ),
    Held("users: name, scope, hash of the password, second factor", "signing in", "until you delete the user"),
    Held(
        "sessions of users: address, browser, times",
        "signing in, and finding sessions that are not one's own",
        "until the session has ended and someone signs in later; at most 30 days in use",
    ),
    Held(
        "audit log: who did what, with ids and the client address",
        "proving who read or changed what",
        "for ever, or as many days as are set",
        ("KEEP_AUDIT_DAYS",),
    ),
    Held(
        "history of clicks and registrations: ids, times, actors; of a deleted click its link, partner and marks",
        "reports as they were known earlier",
        "for ever; an erasure leaves nothing that leads to the person",
    ),
    Held(
        "clients whom the retention erases in pieces: profile id, uuids and browsers that are left, and the secret of "
        "the made-up values",
        "erasing the rest",
        "until the last piece is done, some minutes",
    ),
    Held(
        "erasures: keyed hashes of what the person was found by, counts, times",
        "erasing the person again when an import or an older backup brings it back",
        "for ever",
    ),
)
RECIPIENTS = (
    "Partners: their own clicks with the network of the address and no user agent, and clients with masked contacts, "
    "unless the settings show more.",
    "Servers of partners, by postbacks: ids, campaign, URL, referrer, country and kind of device, as far as they are "
    "stored; never an address, user agent, name or contact.",
    "No one else: the server makes no other requests, and its pages load nothing from elsewhere.",
)
SECURITY = (
    "Access by scope; passwords are stored as hashes; second factors; locks after failed sign-ins.",
    "The data directory is readable only by the server's user; encrypt its disk and its backups.",
    "Logs and metrics hold no address, query string, body or token of visitors.",
)
