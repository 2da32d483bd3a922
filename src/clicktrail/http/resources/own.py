"""The bodies of partners, who change their own links and postbacks."""

from typing import Any

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.call import Call
from clicktrail.model.access import PARTNERS
from clicktrail.query.fields import LINK, POSTBACK, Resource
from clicktrail.query.forms import Form, parse_form

_FIXED = ("profileId", "uuid")
"""A partner's objects stay the partner's. Their uuids are the operator's words: a repeated one would show its
object."""
_OWN = {each.name: each.without_writing(_FIXED) for each in (LINK, POSTBACK)}


def parse_own(call: Call, resource: Resource) -> Form:
    """The body of a link or postback. A new one of a partner gets the partner's id. Raises MalformedRequest,
    InvalidBody.
    """
    method = call.scope["method"]
    if call.viewer.scope not in PARTNERS:
        return parse_form(call.body, resource, method, call.reading)
    form = parse_form(call.body, _OWN[resource.name], method, call.reading)
    return form if method != "POST" else _assign(call, form)


def _fold(value: Any) -> Any:
    """Ids may have any letter case."""
    return value.lower() if isinstance(value, str) else value


def _assign(call: Call, form: Form) -> Form:
    owner = call.viewer.partner_id
    fixed = {
        "profileId": ("must be your own profile, or be omitted", owner),
        "uuid": ("can be set only by the operator", None),
    }
    mistakes = tuple(
        Mistake(detail, pointer=f"/{name}")
        for name, (detail, own) in fixed.items()
        if _fold(form.shown.get(name)) not in (None, "", own)
    )
    if mistakes:
        raise InvalidBody("The body is not valid.", mistakes)
    return Form({**form.values, "profile_id": owner}, form.shown)
