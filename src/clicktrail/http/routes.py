"""Every operation of the API, and the router made of them."""

from dataclasses import replace

from starlette.routing import Route, Router

from clicktrail.http import catalog, clicks, clients, profiles, system
from clicktrail.http.calls import Handler, Services
from clicktrail.http.endpoint import Endpoint, answer_not_found
from clicktrail.http.observe import CONTENT_TYPE
from clicktrail.http.operations import Operation
from clicktrail.http.tokens import Lockout, TokenHandler
from clicktrail.model.access import ADMINS, OBSERVERS, READERS, RECORDERS
from clicktrail.query.fields import BANNER, CLICK, CLIENT, CONTACT, LANGUAGE, LINK, PROFILE, SIZE, THEME, Resource

CONTACTS_PATH = "/profiles/{profileId}/contacts"


def _crud(resource: Resource, handlers: tuple[Handler, ...], path: str) -> list[Operation]:
    """List, get, create, PUT, PATCH and delete of one resource."""
    listing, getting, creating, updating, deleting = handlers
    word = resource.name.capitalize()
    tag = path.split("/")[1].capitalize()
    writers = RECORDERS if resource is CLICK else ADMINS
    base = Operation(
        method="GET", path=path, handler=listing, name="", summary="", tag=tag, scopes=READERS, resource=resource
    )
    one = replace(base, path=f"{path}/{{{resource.id_field.name}}}", answer=word)
    update = replace(one, handler=updating, scopes=writers, refusals=(404, 409, 422, 503))
    a_word = f"{'an' if resource.name[0] in 'aeiou' else 'a'} {resource.name}"
    return [
        replace(base, name=f"list{word}s", summary=f"Get a {resource.name}s list", is_list=True, answer=word),
        replace(
            base,
            method="POST",
            handler=creating,
            name=f"create{word}",
            summary=f"Add {a_word}",
            scopes=writers,
            body=f"{word}Create",
            answer=word,
            status=201,
            repeat=True,
            refusals=(409, 422, 503),
        ),
        replace(one, handler=getting, name=f"get{word}", summary=f"Get {a_word}", is_view=True, refusals=(404,)),
        replace(update, method="PUT", name=f"replace{word}", summary=f"Update {a_word}", body=f"{word}Replace"),
        replace(update, method="PATCH", name=f"update{word}", summary=f"Change {a_word}", body=f"{word}Update"),
        replace(
            one,
            method="DELETE",
            handler=deleting,
            name=f"delete{word}",
            summary=f"Delete {a_word}",
            scopes=ADMINS,
            answer="",
            status=204,
            refusals=(404, 409, 503),
        ),
    ]


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


def _extras() -> list[Operation]:
    link = Operation(
        method="GET",
        path="/links/{linkId}/metrics",
        handler=catalog.get_link_metrics,
        name="getLinkMetrics",
        summary="Get the figures of a link",
        tag="Links",
        scopes=READERS,
        is_view=True,
        answer="LinkMetrics",
        refusals=(404,),
    )
    facets = replace(
        link,
        path="/banners/filters",
        handler=catalog.list_banner_filters,
        name="getBannerFilters",
        summary="Get the languages, sizes and themes in use",
        tag="Banners",
        answer="BannerFilters",
        refusals=(),
    )
    return [link, facets]


def _clients() -> list[Operation]:
    listing = Operation(
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
    write = replace(listing, is_list=False, method="POST", refusals=(422, 503))
    one = replace(write, path="/clients/{clientId}", refusals=(404, 503))
    return [
        listing,
        replace(
            write,
            handler=clients.create_client,
            name="createClient",
            summary="Add an OAuth client",
            body="ClientCreate",
            answer="ClientSecret",
            status=201,
        ),
        replace(
            one,
            path="/clients/{clientId}/secret",
            handler=clients.rotate_secret,
            name="rotateClientSecret",
            summary="Give an OAuth client a new secret",
            answer="ClientSecret",
        ),
        replace(
            one,
            method="DELETE",
            handler=clients.revoke_client,
            name="revokeClient",
            summary="Revoke an OAuth client and its tokens",
            answer="",
            status=204,
        ),
        replace(
            write,
            path="/tokens/revocations",
            handler=clients.revoke_token,
            name="revokeToken",
            summary="Revoke a token",
            body="Revocation",
            answer="",
            status=204,
        ),
    ]


def _public(lockout: Lockout) -> list[Operation]:
    health = Operation(
        method="GET",
        path="/health",
        handler=system.get_health,
        name="getHealth",
        summary="Whether the server can serve",
        tag="System",
        answer="Health",
        refusals=(503,),
    )
    page = replace(health, answer="", refusals=(), media_type="text/html; charset=utf-8")
    return [
        health,
        replace(
            health,
            method="POST",
            path="/tokens",
            handler=TokenHandler(lockout),
            name="createToken",
            summary="Get an access token",
            tag="Tokens",
            body="Grant",
            answer="Token",
            refusals=(401, 422, 429),
            is_basic=True,
        ),
        replace(
            page,
            path="/metrics",
            handler=system.get_metrics,
            name="getMetrics",
            summary="Metrics for Prometheus",
            scopes=OBSERVERS,
            media_type=CONTENT_TYPE,
        ),
        replace(
            page,
            path="/openapi.json",
            handler=system.get_openapi,
            name="getOpenApi",
            summary="This document",
            answer="OpenApi",
            media_type="application/json",
        ),
        replace(page, path="/docs", handler=system.get_docs, name="getDocs", summary="Interactive documentation"),
        replace(
            page,
            path="/docs/{file}",
            handler=system.get_docs_asset,
            name="getDocsFile",
            summary="A file of the documentation",
            media_type="*/*",
            refusals=(404,),
        ),
    ]


def all_operations(lockout: Lockout) -> list[Operation]:
    """Every operation, in the order of the documentation."""
    return [
        *_crud(CLICK, _CLICKS, CLICK.path),
        *_extras(),
        *_crud(PROFILE, _PROFILES, PROFILE.path),
        *_with_contacts(),
        *(operation for resource in (LINK, LANGUAGE, SIZE, THEME, BANNER) for operation in _catalog(resource)),
        *_clients(),
        *_public(lockout),
    ]


def make_router(services: Services, operations: list[Operation]) -> Router:
    """The ASGI application: one route a path, literal paths before those with parameters."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    base = services.limits.base_path.rstrip("/")
    routes = [
        Route(base + path, Endpoint(services, path, by_method))
        for path, by_method in sorted(by_path.items(), key=lambda item: "{" in item[0].split("/")[-1])
    ]
    return Router(routes, redirect_slashes=False, default=answer_not_found)
