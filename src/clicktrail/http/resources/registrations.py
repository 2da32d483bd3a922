"""Registrations: which click earned a client, said once and explained whenever it is asked."""

from collections.abc import Iterable
from typing import Any

from clicktrail.errors import Forbidden, InvalidBody, MalformedRequest, MethodNotAllowed, Mistake
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.render import render_moment, render_record
from clicktrail.model.access import Scope, Viewer
from clicktrail.model.attribution import REASONS
from clicktrail.model.reading import STRICT, Reading
from clicktrail.query.fields import CLICK, IDENTITY, KNOWN_BY, PROFILE, REGISTRATION
from clicktrail.query.forms import Values, check_form, decode_json, parse_form
from clicktrail.query.parse import parse_view
from clicktrail.query.urlencoded import Parameter, parse_parameters
from clicktrail.store.registrations import explain, identities
from clicktrail.store.registrations.explain import Attribution
from clicktrail.store.registrations.register import register_client

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
"""Parameter of GET /postback -> where it stands in the body of POST /registrations; a contact by its key."""
_KNOWN_BY = ", ".join(name for name, place in POSTBACK.items() if place[0] in KNOWN_BY)
_KEYS = ("attributionId", "profileId", "clickId", "linkId", "time", "model", "windowDays", "rule", "reason", "named")
_CREDENTIAL = "token"


async def create_registration(call: Call) -> Answer:
    """Register a client, and attribute them to the click that earned them."""
    values = check_known_by(check_form(decode_json(call.body), REGISTRATION, ("profile",), "", call.reading))
    return await _register(call, call.viewer, values)


async def receive_postback(call: Call) -> Answer:
    """Register a client by a GET, as trackers do, with a partner's token in the query string."""
    if call.scope["method"] != "GET":
        raise MethodNotAllowed("Allowed here: GET.", headers={"Allow": "GET"})
    call.services.visits.count("address", call.client_address)
    parameters = parse_parameters(call.query)
    token = next((each.value for each in parameters if each.name == _CREDENTIAL), None)
    viewer = call.services.tokens.check(None if token is None else f"Bearer {token}")
    if viewer.scope is not Scope.POSTBACK or viewer.partner_id is None:
        raise Forbidden(f"This token has the scope {viewer.scope}; needed is: {Scope.POSTBACK}.")
    call.services.visits.count("partner", str(viewer.partner_id))
    values = parse_postback(parameters, call.reading)
    try:
        return await _register(call, viewer, values)
    except InvalidBody as error:
        raise InvalidBody("The query string names what cannot be.", _name_parameters(error.mistakes)) from None


async def get_click_attribution(call: Call) -> Answer:
    """Which clicks were considered beside this one, and why one of them won."""
    parse_view(call.query, PROFILE, reading=call.reading)
    found = await call.ask(explain.get_click_attribution, call.viewer, call.path[CLICK.id_field.name])
    return json_answer(render_attribution(found))


async def get_profile_attribution(call: Call) -> Answer:
    """Which clicks were considered for a client, and why one of them won."""
    parse_view(call.query, PROFILE, reading=call.reading)
    found = await call.ask(explain.get_profile_attribution, call.viewer, call.path[PROFILE.id_field.name])
    return json_answer(render_attribution(found))


async def create_identity(call: Call) -> Answer:
    """Say whose a browser is, so that clicks of all browsers of a person count for them."""
    values = parse_form(call.body, IDENTITY, "POST", call.reading).values
    record, is_new = await call.store.run(identities.add_identity, values["visitorId"], values["uuid"])
    document = render_record(IDENTITY, record, call.language)
    if not is_new:
        return json_answer(document)
    return json_answer(document, 201, {"Location": call.url(f"{IDENTITY.path}/{record['identityId']}")})


async def delete_identity(call: Call) -> Answer:
    """Take back whose a browser is."""
    await call.store.run(identities.delete_identity, call.path[IDENTITY.id_field.name])
    return NO_CONTENT


def check_known_by(values: Values) -> Values:
    """A registration names something that it can be attributed by. Raises InvalidBody."""
    if not any(values.get(name) for name in KNOWN_BY):
        raise InvalidBody("The body is not valid.", (Mistake(f"must have one of {', '.join(KNOWN_BY)}", pointer=""),))
    return values


def parse_postback(parameters: list[Parameter], reading: Reading = STRICT) -> Values:
    """The query string of a postback -> what POST /registrations has in its body. Raises MalformedRequest."""
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
    """A value as its field wants it: a raw `+` is a sign in a time, and at the beginning of a phone number."""
    if parameter.name == "time":
        return parameter.literal
    if parameter.name == "phone":
        return parameter.literal[:1] + parameter.literal[1:].replace("+", " ")
    return parameter.value


def _put(data: Json, place: tuple[str, ...], value: str) -> None:
    if not value:  # a macro that the tracker had nothing for
        return
    if len(place) == 1:
        data[place[0]] = value
    elif len(place) == 2:
        data["profile"][place[1]] = value
    else:
        data["profile"].setdefault("contacts", []).append({"key": place[2], "value": value})


def _name_parameters(mistakes: Iterable[Mistake], data: Json | None = None) -> tuple[Mistake, ...]:
    """Mistakes in a body of POST /registrations, with the parameters of GET /postback that it was made of."""
    return tuple(Mistake(each.detail, parameter=_parameter_of(each.pointer or "", data)) for each in mistakes)


def _parameter_of(pointer: str, data: Json | None) -> str:
    parts = tuple(pointer.split("/")[1:])
    if data is not None and parts[:2] == ("profile", "contacts"):
        return str(data["profile"]["contacts"][int(parts[2])]["key"])
    return ", ".join(name for name, place in POSTBACK.items() if place[: len(parts)] == parts)


async def _register(call: Call, viewer: Viewer, values: Values) -> Answer:
    model = call.services.limits.model
    made, is_new = await call.store.run(register_client, call.store.ids, viewer, values, model)
    headers = {"Cache-Control": "no-store"}
    if is_new:
        headers["Location"] = call.url(f"/profiles/{made.profile_id}/attribution")
    return json_answer(render_attribution(made), 201 if is_new else 200, headers)


def render_attribution(made: Attribution | None) -> Json:
    """How a client was attributed: the decision, what it was made by, and every click that was considered.

    None: no registration has been through here, so nothing is known and nothing was considered.
    """
    if made is None:
        return {**dict.fromkeys(_KEYS), "reason": "No registration has considered it.", "considered": []}
    named = made.named
    return {
        "attributionId": made.attribution_id,
        "profileId": made.profile_id,
        "clickId": made.click_id,
        "linkId": made.link_id,
        "time": render_moment(made.time),
        "model": made.touch,
        "windowDays": made.window_days,
        "rule": made.rule,
        "reason": REASONS[made.rule],
        "named": {
            "clickId": named.click_id,
            "visitorId": named.visitor_id,
            "uuid": named.uuid,
            "code": named.code,
        },
        "considered": [
            {
                "clickId": each.candidate.click_id,
                "linkId": each.candidate.link_id,
                "time": render_moment(each.candidate.time),
                "evidence": each.candidate.evidence.split(","),
                "outcome": each.outcome,
            }
            for each in made.considered
        ],
    }
