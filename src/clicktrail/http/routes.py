"""Every operation of the API, and the router made of them."""

from dataclasses import replace

from starlette.routing import Route, Router

from clicktrail.http import backups, batches, catalog, clicks, clients, exports, profiles, qr, redirects, system
from clicktrail.http.calls import Handler, Services
from clicktrail.http.endpoint import Endpoint, answer_not_found
from clicktrail.http.observe import CONTENT_TYPE
from clicktrail.http.operations import FLAG_SCHEMA, Operation
from clicktrail.http.tokens import Lockout, TokenHandler
from clicktrail.model.access import ADMINS, OBSERVERS, READERS, RECORDERS
from clicktrail.query.fields import BANNER, CLICK, CLIENT, CONTACT, LANGUAGE, LINK, PROFILE, SIZE, THEME, Resource

CONTACTS_PATH = "/profiles/{profileId}/contacts"


def _crud(resource: Resource, handlers: tuple[Handler, ...], path: str) -> list[Operation]:
    """List, get, create, PUT, PATCH and delete of one resource."""
    listing, getting, creating, updating, deleting = handlers
    word, tag = resource.name.capitalize(), path.split("/")[1].capitalize()
    a_word = f"{'an' if resource.name[0] in 'aeiou' else 'a'} {resource.name}"
    many = Operation(
        method="GET",
        path=path,
        handler=listing,
        name=f"list{word}s",
        summary=f"Get a {resource.name}s list",
        tag=tag,
        scopes=READERS,
        resource=resource,
        answer=word,
    )
    one = replace(many, path=f"{path}/{{{resource.id_field.name}}}", refusals=(404,))
    write = replace(one, scopes=RECORDERS if resource is CLICK else ADMINS, refusals=(404, 409, 422, 503))
    return [
        replace(many, is_list=True),
        replace(
            _named(write, "POST", creating, f"create{word}", f"Add {a_word}", f"{word}Create"),
            path=path,
            status=201,
            repeat=True,
            refusals=(409, 422, 503),
        ),
        replace(_named(one, "GET", getting, f"get{word}", f"Get {a_word}"), is_view=True),
        _named(write, "PUT", updating, f"replace{word}", f"Update {a_word}", f"{word}Replace"),
        _named(write, "PATCH", updating, f"update{word}", f"Change {a_word}", f"{word}Update"),
        replace(
            _named(write, "DELETE", deleting, f"delete{word}", f"Delete {a_word}"),
            scopes=ADMINS,
            answer="",
            status=204,
            refusals=(404, 409, 503),
        ),
    ]


def _named(like: Operation, method: str, handler: Handler, name: str, summary: str, body: str = "") -> Operation:
    return replace(like, method=method, handler=handler, name=name, summary=summary, body=body)


def _catalog(resource: Resource) -> list[Operation]:
    makers = (catalog.make_list, catalog.make_get, catalog.make_create, catalog.make_update, catalog.make_delete)
    return _crud(resource, tuple(make(resource) for make in makers), resource.path)


_CLICKS = (clicks.list_clicks, clicks.get_click, clicks.create_click, clicks.update_click, clicks.delete_click)
_PROFILES = (
    profiles.list_profiles,
    profiles.get_profile,
    profiles.create_profile,
    profiles.update_profile,
    profiles.delete_profile,
)
_CONTACTS = (
    profiles.list_contacts,
    profiles.get_contact,
    profiles.create_contact,
    profiles.update_contact,
    profiles.delete_contact,
)


def _with_contacts() -> list[Operation]:
    operations = _crud(CONTACT, _CONTACTS, CONTACTS_PATH)
    return [replace(operation, refusals=(*operation.refusals, 404)) for operation in operations]


_LINK_METRICS = Operation(
    method="GET",
    path="/links/{linkId}/metrics",
    handler=catalog.get_link_metrics,
    name="getLinkMetrics",
    summary="Get the figures of a link",
    tag="Links",
    scopes=READERS,
    is_view=True,
    parameters=(("bots", FLAG_SCHEMA, "`1` counts robots as well.", "1"),),
    answer="LinkMetrics",
    refusals=(404,),
)
_LINK_QR = replace(
    _named(_LINK_METRICS, "GET", qr.get_link_qr, "getLinkQr", "Get a link as a QR code"),
    path="/links/{linkId}/qr",
    is_view=False,
    answer="",
    parameters=(("format", {"type": "string", "enum": list(qr.FORMATS)}, "The kind of picture.", "svg"),),
    media_type="*/*",
)
_BANNER_FILTERS = replace(
    _named(
        _LINK_METRICS,
        "GET",
        catalog.list_banner_filters,
        "getBannerFilters",
        "Get the languages, sizes and themes in use",
    ),
    path="/banners/filters",
    parameters=(),
    tag="Banners",
    answer="BannerFilters",
    refusals=(),
)
_EXPORT = Operation(
    method="GET",
    path="/clicks/export",
    handler=exports.export,
    name="exportClicks",
    summary="Export clicks as CSV, NDJSON or Parquet",
    tag="Clicks",
    scopes=READERS,
    resource=CLICK,
    is_export=True,
    media_type="*/*",
    refusals=(503,),
)
_BATCH = Operation(
    method="POST",
    path="/clicks/batch",
    handler=batches.create_clicks,
    name="createClicks",
    summary="Add up to 10,000 clicks",
    tag="Clicks",
    scopes=RECORDERS,
    body="ClickBatch",
    answer="ClickBatchResult",
    status=201,
    repeat=True,
    refusals=(409, 422, 503),
    body_types=batches.LINES,
    max_bytes=batches.MAX_BYTES,
)

_LIST_CLIENTS = Operation(
    method="GET",
    path="/clients",
    handler=catalog.make_list(CLIENT),
    name="listClients",
    summary="Get a list of OAuth clients",
    tag="Tokens",
    scopes=ADMINS,
    resource=CLIENT,
    is_list=True,
    answer="Client",
)
_WRITE_CLIENT = replace(_LIST_CLIENTS, is_list=False, answer="ClientSecret", refusals=(404, 422, 503))
_CLIENTS = (
    _LIST_CLIENTS,
    replace(
        _named(_WRITE_CLIENT, "POST", clients.create_client, "createClient", "Add an OAuth client", "ClientCreate"),
        status=201,
    ),
    replace(
        _named(_WRITE_CLIENT, "POST", clients.rotate_secret, "rotateClientSecret", "Give an OAuth client a new secret"),
        path="/clients/{clientId}/secret",
    ),
    replace(
        _named(_WRITE_CLIENT, "DELETE", clients.revoke_client, "revokeClient", "Revoke an OAuth client and its tokens"),
        path="/clients/{clientId}",
        answer="",
        status=204,
    ),
    replace(
        _named(_WRITE_CLIENT, "POST", clients.revoke_token, "revokeToken", "Revoke a token", "Revocation"),
        path="/tokens/revocations",
        answer="",
        status=204,
    ),
)

_FOLLOW = Operation(
    method="GET",
    path="",
    handler=redirects.follow_link,
    name="followLink",
    summary="Follow a link: records the click and leads to the landing page",
    tag="Tracking",
    status=302,
    other_statuses=(301, 307),
    media_type="*/*",
    refusals=(404, 410, 429, 503),
)
_FOLLOW_BANNER = replace(
    _FOLLOW,
    path=f"{redirects.BANNER_PREFIX}/{{bannerId}}/{{code}}",
    handler=redirects.follow_banner,
    name="followBanner",
    summary="Follow a link from a banner",
)

_BACKUP = Operation(
    method="GET",
    path="/backup",
    handler=backups.get_backup,
    name="getBackup",
    summary="Download a consistent copy of the store",
    tag="System",
    scopes=ADMINS,
    media_type=backups.MEDIA_TYPE,
    refusals=(503,),
)
_HEALTH = Operation(
    method="GET",
    path="/health",
    handler=system.get_health,
    name="getHealth",
    summary="Whether the server can serve",
    tag="System",
    answer="Health",
    refusals=(503,),
)
_PAGE = replace(_HEALTH, answer="", refusals=())
_SYSTEM = (
    _HEALTH,
    replace(
        _named(_PAGE, "GET", system.get_metrics, "getMetrics", "Metrics for Prometheus"),
        path="/metrics",
        scopes=OBSERVERS,
        media_type=CONTENT_TYPE,
    ),
    replace(
        _named(_PAGE, "GET", system.get_openapi, "getOpenApi", "This document"), path="/openapi.json", answer="OpenApi"
    ),
    replace(
        _named(_PAGE, "GET", system.get_docs, "getDocs", "Interactive documentation"),
        path="/docs",
        media_type="text/html; charset=utf-8",
    ),
    replace(
        _named(_PAGE, "GET", system.get_docs_asset, "getDocsFile", "A file of the documentation"),
        path="/docs/{file}",
        media_type="*/*",
        refusals=(404,),
    ),
)


def _create_token(lockout: Lockout) -> Operation:
    get_token = _named(_HEALTH, "POST", TokenHandler(lockout), "createToken", "Get an access token", "Grant")
    return replace(
        get_token, path="/tokens", tag="Tokens", answer="Token", refusals=(401, 422, 429, 503), is_basic=True
    )


def all_operations(lockout: Lockout, link_path: str = "/r") -> list[Operation]:
    """Every operation, in the order of the documentation; links are followed below `link_path`."""
    return [
        *_crud(CLICK, _CLICKS, CLICK.path),
        _BATCH,
        _EXPORT,
        _LINK_METRICS,
        _LINK_QR,
        _BANNER_FILTERS,
        *_crud(PROFILE, _PROFILES, PROFILE.path),
        *_with_contacts(),
        *(operation for resource in (LINK, LANGUAGE, SIZE, THEME, BANNER) for operation in _catalog(resource)),
        _create_token(lockout),
        *_CLIENTS,
        replace(_FOLLOW, path=link_path + "/{code}"),
        _FOLLOW_BANNER,
        _BACKUP,
        *_SYSTEM,
    ]


def make_router(services: Services, operations: list[Operation]) -> Router:
    """The ASGI application of every request: one route a path, literal paths before those with parameters."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    base = services.limits.base_path.rstrip("/")
    routes = [
        Route(base + path, Endpoint(services, path, by_method))
        for path, by_method in sorted(by_path.items(), key=lambda item: "{" in item[0].split("/")[-1])
    ]
    return Router(routes, redirect_slashes=False, default=answer_not_found)
