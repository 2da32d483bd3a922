"""Every operation of the API, and the router made of them."""

from dataclasses import replace

from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from starlette.routing import Route, Router

from clicktrail.http.endpoint.call import Services
from clicktrail.http.endpoint.endpoint import Endpoint, answer_not_found
from clicktrail.http.endpoint.operation import FLAG_SCHEMA, Operation
from clicktrail.http.resources import (
    backups,
    batches,
    clicks,
    exports,
    profiles,
    qr,
    system,
)
from clicktrail.http.resources import catalogue as catalog
from clicktrail.http.resources import oauth_clients as clients
from clicktrail.http.resources.crud import alter, make_crud
from clicktrail.http.resources.imports import IMPORT
from clicktrail.http.resources.tokens import MAX_GRANT_BYTES, Lockout, TokenHandler, tell_oauth_error
from clicktrail.http.resources.tracking import tracking_operations
from clicktrail.model.access import ADMINS, OBSERVERS, READERS, RECORDERS
from clicktrail.observe.counts import CONTENT_TYPE, OPEN_METRICS
from clicktrail.query.fields import (
    BANNER,
    CLICK,
    CLIENT,
    CONTACT,
    LANGUAGE,
    LINK,
    PROFILE,
    SITE,
    SIZE,
    THEME,
    Resource,
)

CONTACTS_PATH = "/profiles/{profileId}/contacts"


def _catalog(resource: Resource) -> list[Operation]:
    makers = (catalog.make_list, catalog.make_get, catalog.make_create, catalog.make_update, catalog.make_delete)
    return make_crud(resource, tuple(make(resource) for make in makers), resource.path)


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
    operations = make_crud(CONTACT, _CONTACTS, CONTACTS_PATH)
    return [replace(operation, refusals=(*operation.refusals, 404)) for operation in operations]


_MERGE = Operation(
    method="POST",
    path="/profiles/{profileId}/merge",
    handler=profiles.merge_profiles,
    name="mergeProfiles",
    summary="Make another profile a part of this one",
    tag="Profiles",
    scopes=ADMINS,
    body="ProfileMerge",
    answer="Profile",
    refusals=(404, 409, 422, 503),
)
_LINK_METRICS = Operation(
    method="GET",
    path="/links/{linkId}/metrics",
    handler=catalog.get_link_metrics,
    name="getLinkMetrics",
    summary="Get the figures of a link",
    tag="Links",
    scopes=READERS,
    is_view=True,
    parameters=(("bots", FLAG_SCHEMA, "`true` counts robots as well.", "1"),),
    answer="LinkMetrics",
    refusals=(404,),
)
_LINK_QR = replace(
    alter(_LINK_METRICS, "GET", qr.get_link_qr, "getLinkQr", "Get a link as a QR code"),
    path="/links/{linkId}/qr",
    is_view=False,
    answer="",
    parameters=(("format", {"type": "string", "enum": list(qr.FORMATS)}, "The kind of picture.", "svg"),),
    media_type="*/*",
    samples={
        qr.FORMATS["svg"]: '<svg xmlns="http://www.w3.org/2000/svg" class="segno"></svg>',
        qr.FORMATS["png"]: None,
    },
)
_BANNER_FILTERS = replace(
    alter(
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
    samples=exports.SAMPLES,
    doc="The clicks that the filters let through, as a stream; in no particular order unless `sort_by` names one.",
    refusals=(429, 503),
)
_REMOVE = Operation(
    method="DELETE",
    path="/clicks",
    handler=clicks.delete_clicks,
    name="deleteClicks",
    summary="Delete the clicks that filters find, the oldest first",
    tag="Clicks",
    scopes=ADMINS,
    resource=CLICK,
    is_filtered=True,
    parameters=(
        (
            "limit",
            {"type": "integer", "minimum": 1, "maximum": clicks.MAX_REMOVED},
            "How many are deleted at most; required.",
            "1000",
        ),
        ("dry_run", FLAG_SCHEMA, "`1` deletes nothing and answers what would be deleted.", "1"),
    ),
    answer="Removal",
    refusals=(429, 503),
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
    doc="All or nothing, in one transaction. With `Prefer: handling=lenient` the good rows are stored, and each row is "
    "answered by itself.",
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
    answer="OAuthClient",
)
_WRITE_CLIENT = replace(_LIST_CLIENTS, is_list=False, answer="OAuthClientSecret", refusals=(404, 422, 503))
_CLIENTS = (
    _LIST_CLIENTS,
    replace(
        alter(_WRITE_CLIENT, "POST", clients.create_client, "createClient", "Add an OAuth client", "OAuthClientCreate"),
        status=201,
    ),
    replace(
        alter(_WRITE_CLIENT, "POST", clients.rotate_secret, "rotateClientSecret", "Give an OAuth client a new secret"),
        path="/clients/{clientId}/secret",
    ),
    replace(
        alter(_WRITE_CLIENT, "DELETE", clients.revoke_client, "revokeClient", "Revoke an OAuth client and its tokens"),
        path="/clients/{clientId}",
        answer="",
        status=204,
    ),
    replace(
        alter(_WRITE_CLIENT, "POST", clients.revoke_token, "revokeToken", "Revoke a token", "Revocation"),
        path="/tokens/revocations",
        answer="",
        status=204,
    ),
    replace(
        alter(_WRITE_CLIENT, "GET", clients.list_revoked, "listRevokedTokens", "Get the ids of all revoked tokens"),
        path="/tokens/revocations",
        resource=None,
        answer="Revocations",
        refusals=(503,),
    ),
)

_BACKUP = Operation(
    method="GET",
    path="/backup",
    handler=backups.get_backup,
    name="getBackup",
    summary="Download a consistent copy of the store",
    tag="Operating",
    scopes=ADMINS,
    media_type=backups.MEDIA_TYPE,
    refusals=(409, 503),
)
_HEALTH = Operation(
    method="GET",
    path="/health",
    handler=system.get_health,
    name="getHealth",
    summary="Whether the server lives, and what keeps it from its work",
    tag="Operating",
    answer="Health",
)
_PAGE = replace(_HEALTH, answer="", refusals=())
_SYSTEM = (
    _HEALTH,
    replace(
        alter(_HEALTH, "GET", system.get_readiness, "getReadiness", "Whether the server can do its work now"),
        path="/health/ready",
        refusals=(503,),
    ),
    replace(
        alter(_PAGE, "GET", system.get_metrics, "getMetrics", "Metrics for Prometheus"),
        path="/metrics",
        scopes=OBSERVERS,
        media_type=CONTENT_TYPE,
        samples={
            kind: f'clicktrail_clicks_total{{outcome="recorded"}} 81.0\n{end}'
            for kind, end in ((CONTENT_TYPE, ""), (CONTENT_TYPE_LATEST, "# EOF\n"))
        },
        other_types=(OPEN_METRICS,),
    ),
    replace(
        alter(_PAGE, "GET", system.get_openapi, "getOpenApi", "This document"), path="/openapi.json", answer="OpenApi"
    ),
    replace(
        alter(_PAGE, "GET", system.get_docs, "getDocs", "Interactive documentation"),
        path="/docs",
        media_type="text/html; charset=utf-8",
        samples={"text/html; charset=utf-8": "<!doctype html>"},
    ),
    replace(
        alter(_PAGE, "GET", system.get_docs_asset, "getDocsFile", "A file of the documentation"),
        path="/docs/{file}",
        media_type="*/*",
        samples={"text/javascript; charset=utf-8": "SwaggerUIBundle({})", "text/css; charset=utf-8": "body {}"},
        refusals=(404,),
    ),
)


def _create_token(lockout: Lockout) -> Operation:
    get_token = alter(_HEALTH, "POST", TokenHandler(lockout), "createToken", "Get an access token", "Grant")
    return replace(
        get_token,
        path="/tokens",
        tag="Tokens",
        answer="Token",
        refusals=(401, 429, 503),
        is_basic=True,
        max_bytes=MAX_GRANT_BYTES,
        amend=tell_oauth_error,
    )


def all_operations(lockout: Lockout, link_path: str = "/r") -> list[Operation]:
    """Every operation, in the order of the documentation; links are followed below `link_path`."""
    return [
        *make_crud(CLICK, _CLICKS, CLICK.path),
        _REMOVE,
        _BATCH,
        _EXPORT,
        _LINK_METRICS,
        _LINK_QR,
        _BANNER_FILTERS,
        *make_crud(PROFILE, _PROFILES, PROFILE.path),
        _MERGE,
        *_with_contacts(),
        *(operation for resource in (LINK, LANGUAGE, SIZE, THEME, BANNER, SITE) for operation in _catalog(resource)),
        _create_token(lockout),
        *_CLIENTS,
        *tracking_operations(link_path),
        IMPORT,
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
