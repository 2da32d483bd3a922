"""Every operation of the API, and the router made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import ModuleType

from starlette.routing import Route, Router

from clicktrail.http.endpoint.call import Services
from clicktrail.http.endpoint.endpoint import Endpoint, answer_not_found
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.fast.home import Home
from clicktrail.http.resources import (
    audit,
    backups,
    banners,
    batches,
    callbacks,
    clicks,
    contacts,
    deliveries,
    doctor,
    exports,
    history,
    identities,
    imports,
    in_force,
    links,
    live,
    oauth_clients,
    persons,
    postbacks,
    privacy,
    profiles,
    qr,
    registrations,
    reports,
    revocations,
    second_factor,
    session,
    sessions,
    system,
    tokens,
    users,
    visits,
    welcome,
)
from clicktrail.http.resources import sites as own_sites
from clicktrail.http.tracking import redirects, sites
from clicktrail.http.web.pages import PAGES

RESOURCES: Mapping[str, tuple[ModuleType, ...]] = {
    "Recording": (clicks, batches, exports, live, history),
    "Reports": (reports,),
    "Links": (links, qr, visits),
    "Banners": (banners,),
    "Profiles": (profiles, contacts),
    "Persons": (persons,),
    "Sites": (own_sites,),
    "Tokens": (tokens, oauth_clients, revocations),
    "Users": (session, welcome, sessions, second_factor, users),
    "Tracking": (sites, redirects),
    "Registering": (registrations, callbacks, identities),
    "Postbacks": (postbacks, deliveries),
    "Operating": (imports, backups, audit, in_force, doctor, privacy, system),
}
"""Tag of the documentation -> the modules of its operations. `openapi.uses` moves some operations to another tag."""
_FOLLOWED = f"GET {redirects.LINK_PREFIX}/{{code}}"


def operations_by_tag(link_path: str = redirects.LINK_PREFIX) -> dict[str, list[Operation]]:
    """Every operation by tag. `link_path` is the path below which links are followed."""
    return {
        tag: [
            replace(each, route=f"GET {link_path}/{{code}}") if each.route == _FOLLOWED else each
            for resource in resources
            for each in resource.OPERATIONS
        ]
        for tag, resources in RESOURCES.items()
    }


def make_router(services: Services, operations: Iterable[Operation]) -> Router:
    """The ASGI application of all requests, the dashboard's included: one route per path, literal paths before paths
    with parameters.
    """
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in (*operations, *PAGES):
        by_path.setdefault(operation.path, {})[operation.method] = operation
    base = services.limits.base_path.rstrip("/")
    routes = [
        Route(base + path, Endpoint(services, path, by_method))
        for path, by_method in sorted(by_path.items(), key=lambda item: "{" in item[0].split("/")[-1])
    ]
    return Router(routes, redirect_slashes=False, default=Home(base, answer_not_found))
