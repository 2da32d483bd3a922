"""Registrations: stores which click earned a client, and explains the decision on request."""

from typing import Annotated, Any

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, Id, Moment, says
from clicktrail.http.endpoint.operation import Fields, Operation
from clicktrail.http.endpoint.trails import Audit
from clicktrail.http.resources.catalogue import list_on
from clicktrail.model.access import READERS, RECORDERS, Viewer
from clicktrail.model.attribution import Evidence, Outcome, Rule, Touch, explain_rule
from clicktrail.model.times import render_time
from clicktrail.query.fields import EARNED, KNOWN_BY, REGISTRATION
from clicktrail.query.forms import Values, check_form, decode_json
from clicktrail.store.registrations import explain
from clicktrail.store.registrations.candidates import Registration
from clicktrail.store.registrations.register import register_client


class ConsideredClick(Document):
    """A click that was considered, and its outcome."""

    click_id: Annotated[Id, says("The click.")]
    link_id: Annotated[Id | None, says("Its link.")]
    time: Annotated[Moment, says("The time of the click.")]
    evidence: Annotated[list[Evidence], says("How it was found.")]
    outcome: Annotated[Outcome, says("The outcome for this click.", "wins")]


class AttributionNames(Document):
    """What the registration request contained."""

    click_id: Annotated[str | None, says(REGISTRATION["clickId"].doc, REGISTRATION["clickId"].example)]
    visitor_id: Annotated[str | None, says(REGISTRATION["visitorId"].doc, REGISTRATION["visitorId"].example)]
    uuid: Annotated[str | None, says(REGISTRATION["uuid"].doc, REGISTRATION["uuid"].example)]
    code: Annotated[str | None, says(REGISTRATION["code"].doc, None)]


class Attribution(Document):
    """Which click earned a client, and why. If no registration has considered the click, only `reason` is set."""

    attribution_id: Annotated[Id | None, says("The attribution.")]
    profile_id: Annotated[Id | None, says("The client.")]
    click_id: Annotated[Id | None, says("The click that earned the client.")]
    link_id: Annotated[Id | None, says("The link that earned the client.")]
    time: Annotated[Moment | None, says("When the client registered.")]
    model: Annotated[Touch | None, says("The model by which the click was chosen.")]
    window_days: Annotated[int | None, says("The maximum age of a click, in days.", 30)]
    rule: Annotated[Rule | None, says("The rule that decided.", "last-touch")]
    reason: Annotated[str, says("The decision in a sentence.", "The last click in the window earns the client.")]
    named: Annotated[AttributionNames | None, says("The keys of the registration request.")]
    considered: Annotated[tuple[ConsideredClick, ...], says("All clicks that were considered.")]


async def create_registration(call: Call) -> Answer:
    values = check_known_by(check_form(decode_json(call.body), REGISTRATION, ("profile",), "", call.reading))
    return await register(call, call.viewer, values)


async def get_click_attribution(call: Call) -> Answer:
    found = await call.ask(explain.get_click_attribution, call.viewer, call.path["clickId"])
    return json_answer(render_attribution(found))


async def get_profile_attribution(call: Call) -> Answer:
    found = await call.ask(explain.get_profile_attribution, call.viewer, call.path["profileId"])
    return json_answer(render_attribution(found))


def check_known_by(values: Values) -> Values:
    """A registration needs at least one key for attribution. Raises InvalidBody."""
    if not any(values.get(REGISTRATION[name].attribute) for name in KNOWN_BY):
        raise InvalidBody("The body is not valid.", (Mistake(f"must have one of {', '.join(KNOWN_BY)}", pointer=""),))
    return values


async def register(call: Call, viewer: Viewer, values: Values) -> Answer:
    """Registers a client on behalf of a viewer. The answer explains the attribution."""
    model = call.services.limits.model
    made, is_new = await call.store.run(register_client, call.store.ids, viewer, Registration(**values), model)
    headers = {"Cache-Control": "no-store"}
    if is_new:
        headers["Location"] = call.url(f"/profiles/{made.profile_id}/attribution")
    return json_answer(render_attribution(made), 201 if is_new else 200, headers)


def render_attribution(made: explain.Attribution | None) -> Attribution:
    """The decision, its evidence, and every click that was considered."""
    if made is None:
        nothing: dict[str, Any] = dict.fromkeys(Attribution.__struct_fields__)
        return Attribution(**nothing | {"reason": "No registration has considered it.", "considered": ()})
    named = made.named
    return Attribution(
        attribution_id=made.attribution_id,
        profile_id=made.profile_id,
        click_id=made.click_id,
        link_id=made.link_id,
        time=render_time(made.time),
        model=made.touch,
        window_days=made.window_days,
        rule=made.rule,
        reason=explain_rule(made.rule, [each.outcome for each in made.considered]),
        named=AttributionNames(click_id=named.click_id, visitor_id=named.visitor_id, uuid=named.uuid, code=named.code),
        considered=tuple(
            ConsideredClick(
                click_id=each.candidate.click_id,
                link_id=each.candidate.link_id,
                time=render_time(each.candidate.time),
                evidence=[Evidence(word) for word in each.candidate.evidence.split(",")],
                outcome=each.outcome,
            )
            for each in made.considered
        ),
    )


OPERATIONS = (
    list_on(EARNED, "List registrations, and what earned them"),
    Operation(
        route="POST /registrations",
        handler=create_registration,
        name="createRegistration",
        summary="Register a client, and attribute them to the click that earned them",
        scopes=RECORDERS,
        body=Fields(
            name="RegistrationCreate",
            doc="A registration. It needs at least one of `clickId`, `visitorId`, `uuid` and `code`.",
            fields=REGISTRATION,
            required=("profile",),
            example={"visitorId": "v-81", "profile": {"firstName": "Mary", "uuid": "u-7"}},
        ),
        answer=Attribution,
        statuses=(201, 200, 409, 422, 503),
        audit=Audit.BY_HAND,
    ),
    Operation(
        route="GET /profiles/{profileId}/attribution",
        handler=get_profile_attribution,
        name="getProfileAttribution",
        summary="Get a client's attribution",
        scopes=READERS,
        answer=Attribution,
        statuses=(200, 404, 429, 503),
    ),
    Operation(
        route="GET /clicks/{clickId}/attribution",
        handler=get_click_attribution,
        name="getClickAttribution",
        summary="Get a click's attribution",
        scopes=READERS,
        answer=Attribution,
        statuses=(200, 404, 429, 503),
    ),
)
