"""Errors as RFC 9457 problem documents: the one place where a refusal becomes a response."""

from clicktrail.errors import ClicktrailError
from clicktrail.http.endpoint.call import Answer, encode

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:clicktrail:problem:"


def render_problem(error: ClicktrailError) -> Answer:
    """The response of a refusal; nothing in it but what the error was made to say."""
    document: dict[str, object] = {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "errors": error.mistakes,
        **error.members,
    }
    return Answer(error.status, encode(document), MEDIA_TYPE, error.headers)


INTERNAL = render_problem(ClicktrailError("The server failed; the failure is in its log. Nothing was stored by half."))
