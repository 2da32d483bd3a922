"""All refusals: one base class and its kinds.

Each kind has its HTTP status, a stable code and a title. Only `http.endpoint.problems` renders them (RFC 9457).
"""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta


class Mistake(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mistake and its place: `pointer` (RFC 6901) into the body, or the name of a `parameter`."""

    detail: Annotated[str, Meta(description="The mistake, and what is allowed.", examples=["is required"])]
    pointer: Annotated[str | None, Meta(description="The place in the body (RFC 6901).")] = None
    parameter: Annotated[str | None, Meta(description="The parameter of the query string.")] = None


class ClicktrailError(Exception):
    """Base of all refusals. `detail` is for people, `mistakes` lists every mistake, `headers` are sent with the answer.

    `members` are additional members of the problem document.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, mistakes: tuple[Mistake, ...] = (), headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.members: dict[str, str] = {}
        self.detail = detail
        self.mistakes = mistakes
        self.headers = headers or {}


class MalformedRequest(ClicktrailError):
    """The body is not JSON, or the query string does not follow the grammar."""

    status, code, title = 400, "malformed", "Malformed request"


class Unauthenticated(ClicktrailError):
    """There is no token, or the token is not valid (RFC 6750)."""

    status, code, title = 401, "unauthenticated", "Authentication required"


class CodeRequired(Unauthenticated):
    """The password is right, and the user has a second factor: its code is missing."""

    code, title = "code-required", "Code required"


class Forbidden(ClicktrailError):
    """The token is valid, but its scope does not allow this."""

    status, code, title = 403, "forbidden", "Not allowed"


class PasswordRequired(Forbidden):
    """A session may do this only within five minutes after its user typed the password."""

    code, title = "password-required", "Password required"


class NotFound(ClicktrailError):
    """There is no such object, or this token may not see it."""

    status, code, title = 404, "not-found", "Not found"


class MethodNotAllowed(ClicktrailError):
    status, code, title = 405, "method-not-allowed", "Method not allowed"


class NotAcceptable(ClicktrailError):
    """The Accept header excludes every media type that the endpoint can send."""

    status, code, title = 406, "not-acceptable", "Not acceptable"


class SlowBody(ClicktrailError):
    """The whole body did not arrive in time. The connection is closed."""

    status, code, title = 408, "slow-body", "Body too slow"


class Conflict(ClicktrailError):
    status, code, title = 409, "conflict", "Conflict"


class Gone(ClicktrailError):
    """The object existed, and its owner has disabled or expired it."""

    status, code, title = 410, "gone", "Gone"


class TooLarge(ClicktrailError):
    status, code, title = 413, "too-large", "Body too large"


class UnsupportedMediaType(ClicktrailError):
    status, code, title = 415, "unsupported-media-type", "Unsupported media type"


class InvalidBody(ClicktrailError):
    status, code, title = 422, "invalid", "Invalid content"


class TooManyRequests(ClicktrailError):
    """A limit was reached. `Retry-After` is the number of seconds to wait."""

    status, code, title = 429, "too-many-requests", "Too many requests"


class Unavailable(ClicktrailError):
    """Nothing was stored. The caller may send the same request again after `Retry-After` seconds."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"


class ClientLeft(ClicktrailError):
    """The caller closed its connection before the answer. Only the log shows this."""

    status, code, title = 499, "client-left", "Client left"


class StoreInUse(ClicktrailError):
    """Another process owns the embedded store. Raised at start-up, before any request is served."""

    status, code, title = 503, "store-in-use", "Store in use"


class NewerStore(ClicktrailError):
    """A newer version created the store. Raised at start-up, before any request is served."""

    status, code, title = 503, "newer-store", "Store of a newer version"


KINDS: tuple[type[ClicktrailError], ...] = (
    MalformedRequest,
    CodeRequired,
    Unauthenticated,
    PasswordRequired,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    SlowBody,
    Conflict,
    Gone,
    TooLarge,
    UnsupportedMediaType,
    InvalidBody,
    TooManyRequests,
    Unavailable,
)
"""The refusals that a caller can receive. The docs list all; the OpenAPI document the last one of each status."""
