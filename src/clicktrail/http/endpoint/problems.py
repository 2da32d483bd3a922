"""Renders errors as problem documents (RFC 9457). No other module turns a refusal into a response."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from clicktrail.errors import ClicktrailError, Mistake
from clicktrail.http.endpoint.call import Answer, encode
from clicktrail.http.endpoint.documents import says

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:clicktrail:problem:"
OAUTH_ERRORS = (
    "invalid_request",
    "invalid_client",
    "invalid_scope",
    "unsupported_grant_type",
    "temporarily_unavailable",
)
"""The possible values of `error` (RFC 6749, sections 5.2 and 4.1.2.1)."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal (RFC 9457) that names every mistake at once."""

    type: Annotated[str, says("The kind of problem, for programs.", "urn:clicktrail:problem:invalid")]
    title: Annotated[str, says("The kind of problem, for people.", "Invalid content")]
    status: Annotated[int, says("The HTTP status.", 422)]
    detail: Annotated[str, says("The reason of this refusal.", "The body is not valid.")]
    errors: Annotated[tuple[Mistake, ...], says("Every mistake.")]
    error: Annotated[
        str | UnsetType,
        says("Only for POST /tokens: the error of RFC 6749.", extra_json_schema={"enum": list(OAUTH_ERRORS)}),
    ] = UNSET
    error_description: Annotated[
        str | UnsetType, says("Only for POST /tokens: the error in a sentence.", "The scope is not allowed.")
    ] = UNSET


def render_problem(error: ClicktrailError) -> Answer:
    """Contains only the error's public text and data."""
    document = Problem(
        type=TYPE_PREFIX + error.code,
        title=error.title,
        status=error.status,
        detail=error.detail,
        errors=error.mistakes,
        **error.members,
    )
    return Answer(error.status, encode(document), MEDIA_TYPE, error.headers)


INTERNAL = render_problem(ClicktrailError("The server failed. Its log has the details. Nothing was stored in part."))
