"""Who may call an operation, with which body and for which answer. Tokens and sessions are told apart here alone."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from starlette.datastructures import Headers

from clicktrail.errors import (
    Forbidden,
    NotAcceptable,
    PasswordRequired,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from clicktrail.http.endpoint.call import FORM, JSON, PLAIN, Call, Services, media_type_of
from clicktrail.http.endpoint.cookies import find_cookie, find_signed_in, read_signed_in, refuse_other_sites
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.problems import MEDIA_TYPE
from clicktrail.model.access import SYSTEM, ActorKind, Right, Scope, Viewer
from clicktrail.model.people import SignedIn
from clicktrail.model.weights import media_weight, parse_weights

_SETTING = {Right.LINKS: "CLICKTRAIL_PARTNER_ORIGINS", Right.POSTBACKS: "CLICKTRAIL_PARTNER_POSTBACKS"}
"""The setting that gives partners a right."""
_SAFE = frozenset({"GET", "HEAD"})


class Access(NamedTuple):
    """On whose behalf a request is served, and the session if it has no token."""

    viewer: Viewer
    signed_in: SignedIn | None = None


async def check_access(operation: Operation, services: Services, scope: Mapping[str, Any], headers: Headers) -> Access:
    """Who calls, if the operation is allowed to them. A token is preferred to a session's cookie.

    Raises Unauthenticated, Forbidden, PasswordRequired.
    """
    if not operation.scopes:
        if operation.is_sign_in:
            refuse_other_sites(services.limits, scope, headers, may_be_silent=True)
        return Access(SYSTEM)
    cookie = None if "authorization" in headers else find_cookie(services.limits, scope, headers)
    if cookie is None:
        access, word = Access(services.tokens.check(headers.get("authorization"))), "token"
    else:
        if scope["method"] not in _SAFE:
            refuse_other_sites(services.limits, scope, headers)
        access, word = await _open_session(services, cookie), "session"
    if access.viewer.scope not in operation.scopes:
        allowed = ", ".join(sorted(operation.scopes))
        raise Forbidden(f"This {word} has the scope {access.viewer.scope}; this needs one of: {allowed}.")
    _check_session(operation, services, access.signed_in)
    _check_right(operation, services, access.viewer)
    return access


async def _open_session(services: Services, cookie: str) -> Access:
    found = await find_signed_in(services, cookie)
    return Access(viewer_of(services, found), found)


def viewer_of(services: Services, found: SignedIn) -> Viewer:
    """The same viewer as a token of the user's scope would have."""
    return services.tokens.make_viewer(found.scope, found.partner_id, found.user_id, found.user_id, ActorKind.USER)


async def still_has_access(call: Call) -> bool:
    """Whether the token or session of a running answer still gives the same rights.

    It notes no use: a page that stays open does not keep its session alive.
    """
    services, headers = call.services, call.headers
    try:
        if call.signed_in is None:
            return services.tokens.check(headers.get("authorization")) == call.viewer
        cookie = find_cookie(services.limits, call.scope, headers)
        found = await read_signed_in(services, cookie or "")
    except (Unauthenticated, Unavailable):  # without an answer of the store it is unknown; the caller may retry
        return False
    return found is not None and viewer_of(services, found) == call.viewer


def _check_session(operation: Operation, services: Services, signed_in: SignedIn | None) -> None:
    if signed_in is None:
        if operation.needs_session:
            raise Forbidden("This is for users who have signed in (POST /session), not for tokens.")
    elif operation.needs_password and not signed_in.is_confirmed(services.store.memory.clock.now_us()):
        raise PasswordRequired(
            "Type the password again (POST /session/confirmation), then repeat this within 5 minutes."
        )


def _check_right(operation: Operation, services: Services, viewer: Viewer) -> None:
    """Raises Forbidden, TooManyRequests."""
    if operation.right is None or viewer.scope is not Scope.PARTNER:
        return
    if operation.right not in viewer.rights:
        raise Forbidden(
            f"This server does not allow partners to change {operation.right} ({_SETTING[operation.right]})."
        )
    services.visits.count("changes", viewer.partner_id or "")


def check_accept(media_type: str, headers: Headers, others: Collection[str] = ()) -> None:
    """Raises NotAcceptable if the Accept header excludes the media type of the answer."""
    accept = headers.get("accept", "")
    if not accept.strip() or media_type == "*/*":
        return
    kind, weights = media_type.partition(";")[0], parse_weights(accept)
    named = (MEDIA_TYPE, *others) if kind == JSON else others
    if not media_weight(weights, kind) and not any(weights.get(other) for other in named):
        raise NotAcceptable(f"The answer is available only as {kind}.")


def check_content_type(headers: Headers, more: Collection[str] = (), is_strict: bool = False) -> None:
    """Allows JSON, `+json`, no type, and the type of curl's `--data` (contract, section 1).

    `is_strict`, for sessions: only types that a browser does not send to another site without asking that site first.
    Raises UnsupportedMediaType.
    """
    kind = media_type_of(headers)
    allowed = {JSON, *more} - {PLAIN} if is_strict else {"", JSON, FORM, *more}
    if kind not in allowed and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"Send the body as {JSON}.", headers={"Accept": JSON})
