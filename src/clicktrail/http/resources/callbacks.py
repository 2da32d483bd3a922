"""GET /postback: trackers and partners register a client by a GET, with a partner's token in the query string."""

from collections.abc import Iterable
from typing import Any

from clicktrail.errors import Forbidden, InvalidBody, MalformedRequest, MethodNotAllowed, Mistake, Unauthenticated
from clicktrail.http.endpoint.call import Answer, Call
from clicktrail.http.endpoint.operation import PUBLIC, Operation
from clicktrail.http.resources.registrations import Attribution, register
from clicktrail.model.access import Scope
from clicktrail.model.reading import STRICT, Reading
from clicktrail.query.fields import KNOWN_BY, REGISTRATION
from clicktrail.query.forms import Values, check_form
from clicktrail.query.grammar import Grammar, Own
from clicktrail.query.urlencoded import Parameter, parse_parameters

Json = dict[str, Any]
POSTBACK = {
    "click_id": ("clickId",),
    "visitor_id": ("visitorId",),
    "uuid": ("uuid",),
    "code": ("code",),
    "time": ("time",),
    "ip": ("ip",),
    "user_agent": ("userAgent",),
    "profile_uuid": ("profile", "uuid"),
    "first_name": ("profile", "firstName"),
    "middle_name": ("profile", "middleName"),
    "last_name": ("profile", "lastName"),
    "country": ("profile", "countryNumericCode"),
    "email": ("profile", "contacts", "email"),
    "phone": ("profile", "contacts", "phone"),
}
"""Parameter of GET /postback -> its place in the body of POST /registrations. A contact is named by its key."""
_KNOWN_BY = ", ".join(name for name, place in POSTBACK.items() if place[0] in KNOWN_BY)
_CREDENTIAL = "token"


async def receive_postback(call: Call) -> Answer:
    if call.scope["method"] != "GET":
        raise MethodNotAllowed("Allowed here: GET.", headers={"Allow": "GET"})
    call.services.visits.count("address", call.client_address)
    parameters = parse_parameters(call.query)
    token = next((each.value for each in parameters if each.name == _CREDENTIAL), None)
    if not token:
        detail = (
            f"This needs the parameter `{_CREDENTIAL}` in the query string: a token with the scope {Scope.POSTBACK}."
        )
        raise Unauthenticated(detail, headers={"WWW-Authenticate": "Bearer"})
    viewer = call.services.tokens.check_token(token)
    if viewer.scope is not Scope.POSTBACK or viewer.partner_id is None:
        raise Forbidden(f"This token has the scope {viewer.scope}; this needs: {Scope.POSTBACK}.")
    call.services.visits.count("partner", str(viewer.partner_id))
    values = parse_postback(parameters, call.reading)
    try:
        return await register(call, viewer, values)
    except InvalidBody as error:
        raise InvalidBody(
            "The query string has values that cannot be used.", _name_parameters(error.mistakes)
        ) from None


def parse_postback(parameters: list[Parameter], reading: Reading = STRICT) -> Values:
    """The query string of GET /postback -> the values of POST /registrations' body. Raises MalformedRequest."""
    data: Json = {"profile": {}}
    mistakes = []
    for each in parameters:
        place = POSTBACK.get(each.name)
        if place is not None:
            _put(data, place, _text_of(each))
        elif each.name != _CREDENTIAL and reading.is_strict:
            allowed = ", ".join((_CREDENTIAL, *POSTBACK))
            mistakes.append(Mistake(f"is not a parameter; allowed: {allowed}", parameter=each.name))
    try:
        values = check_form(data, REGISTRATION, ("profile",), "", reading)
    except InvalidBody as error:
        mistakes += _name_parameters(error.mistakes, data)
    if not data.keys() & set(KNOWN_BY):
        mistakes.append(Mistake("is missing: give at least one of these", parameter=_KNOWN_BY))
    if mistakes:
        raise MalformedRequest("The query string is not valid.", tuple(mistakes))
    return values


def _text_of(parameter: Parameter) -> str:
    """A value as its field needs it: a raw `+` means plus in a time, and at the beginning of a phone number."""
    if parameter.name == "time":
        return parameter.literal
    if parameter.name == "phone":
        return parameter.literal[:1] + parameter.literal[1:].replace("+", " ")
    return parameter.value


def _put(data: Json, place: tuple[str, ...], value: str) -> None:
    if not value:  # an empty macro of the tracker
        return
    if len(place) == 1:
        data[place[0]] = value
    elif len(place) == 2:
        data["profile"][place[1]] = value
    else:
        data["profile"].setdefault("contacts", []).append({"key": place[2], "value": value})


def _name_parameters(mistakes: Iterable[Mistake], data: Json | None = None) -> tuple[Mistake, ...]:
    """Replaces pointers into the body of POST /registrations by the parameters of GET /postback."""
    return tuple(Mistake(each.detail, parameter=_parameter_of(each.pointer or "", data)) for each in mistakes)


def _parameter_of(pointer: str, data: Json | None) -> str:
    parts = tuple(pointer.split("/")[1:])
    if data is not None and parts[:2] == ("profile", "contacts"):
        return str(data["profile"]["contacts"][int(parts[2])]["key"])
    return ", ".join(name for name, place in POSTBACK.items() if place[: len(parts)] == parts)


OPERATIONS = (
    Operation(
        route="GET /postback",
        handler=receive_postback,
        name="receivePostback",
        summary="Register a client by a GET, with a partner's token",
        scopes=PUBLIC,
        query=Grammar(
            own=tuple(
                Own(name=name, doc=f"`{'.'.join(place)}` of POST /registrations.")
                for name, place in ((_CREDENTIAL, (_CREDENTIAL,)), *POSTBACK.items())
            ),
            is_free=True,
        ),
        answer=Attribution,
        statuses=(201, 200, 401, 403, 409, 422, 429, 503),
    ),
)
