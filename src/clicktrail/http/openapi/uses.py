"""Groups of the documentation by purpose, in the order in which a newcomer needs them."""

from collections.abc import Iterable, Mapping

from clicktrail.http.endpoint.operation import Operation

TAGS = {
    "Recording": "A visitor arrives: record the click.",
    "Registering": "A visitor becomes a client: register the client, and learn which click earned them.",
    "Asking": "Which click, on whose link, brought which client? Lists with filters, files, figures, reasons.",
    "Reports": "How many clicks, visitors and registrations, by what, compared with when.",
    "Links": "Partners' links. The `code` of a link is what the `referral` parameter of a click's `uri` names.",
    "Profiles": "Partners and clients, with their contacts.",
    "Persons": "One person: all that is held, and its erasure.",
    "Banners": "The pictures of links, with their languages, sizes and themes.",
    "Sites": "Your own sites, whose pages send page views.",
    "Tracking": "What visitors' browsers call: tracking links and page views. No token is needed.",
    "Postbacks": "Partners' own servers, which are notified of clicks and registrations.",
    "Tokens": "How programs get tokens (OAuth 2 client credentials), and how to revoke tokens.",
    "Users": "People who sign in: sessions, invitations, second factors.",
    "Operating": "For operators: imports, backups, health, metrics, the audit log, deleting clicks.",
}
"""Tag -> its description, in the order of the documentation."""
_BY_USE = {
    "Recording": ("createClick", "createClicks"),
    "Registering": (
        *("createRegistration", "updateClick", "replaceClick", "receivePostback"),
        *("createIdentity", "listIdentities", "getIdentity", "deleteIdentity"),
    ),
    "Asking": (
        *("listClicks", "getClick", "exportClicks", "followClicks", "getLinkMetrics", "listRegistrations"),
        *("getClickAttribution", "getProfileAttribution", "getClickHistory", "getLinkHistory"),
    ),
    "Operating": ("importObjects", "deleteClicks", "deleteClick"),
}
"""Tag -> the operations that it gets, although their path belongs to another tag."""


def order_by_use(by_tag: Mapping[str, Iterable[Operation]]) -> dict[str, list[Operation]]:
    """The operations in the order of the documentation, each under the tag where readers look for it."""
    named = {name: tag for tag, names in _BY_USE.items() for name in names}
    places = {name: place for place, name in enumerate(named)}
    found: dict[str, list[Operation]] = {tag: [] for tag in TAGS}
    for tag, operations in by_tag.items():
        for operation in operations:
            found[named.get(operation.name, tag)].append(operation)
    return {tag: sorted(each, key=lambda one: places.get(one.name, len(places))) for tag, each in found.items()}
