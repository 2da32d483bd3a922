"""Postbacks: which events are sent to partners' own servers, and to which URL."""

from hmac import compare_digest
from ipaddress import ip_address
from typing import Annotated, Any

import can_ada

from clicktrail.delivery.targets import RefusedTarget, check_targets
from clicktrail.errors import Conflict, InvalidBody, Mistake
from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Count, Document, Id, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item
from clicktrail.http.resources.catalogue import changes_on, create_on, created_answer, delete_on, get_on, list_on
from clicktrail.http.resources.own import parse_own
from clicktrail.model.access import ADMINS, OWNERS, PARTNERS, Right
from clicktrail.query.fields import POSTBACK, POSTBACK_SECRET, Record
from clicktrail.query.forms import Form, Values
from clicktrail.store.outbox import deliveries
from clicktrail.store.outbox import subscriptions as postbacks
from clicktrail.store.reads.records import check_there, find_record

_ID = POSTBACK.id_field.name
_NO_STORE = {"Cache-Control": "no-store"}


class PostbackTest(Document):
    """The result of a test event."""

    delivery_id: Annotated[Id, says("The id in the header `webhook-id`.")]
    uri: Annotated[str, says("The URL that was called.", "https://tracker.example.org/postback?event=test")]
    response_status: Annotated[int | None, says("The status of its answer.", 200)]
    error: Annotated[str | None, says("The error; null if the call succeeded.", None)]
    milliseconds: Annotated[Count, says("How long the call took.")]


class Replayed(Document):
    """How many deliveries are sent again."""

    replayed: Annotated[Count, says("Deliveries that are sent again.")]


async def create_postback(call: Call) -> Answer:
    """The answer contains the secret. No later answer shows it."""
    form, rules = parse_own(call, POSTBACK), call.services.limits.own_rules
    if form.shown.get("secret"):
        known = await call.store.run(find_record, call.viewer, POSTBACK, "uuid", form.values.get("uuid") or "")
        form = await _drop_secret(call, known.object_id if known else None, form)
    values = _check_target(call, form.values)
    record, secret = await call.store.run(postbacks.create_postback, call.store.ids, values, call.viewer, rules)
    answer = created_answer(call, POSTBACK, record, secret is not None, form)
    return json_answer(_with_secret(call, record, secret), answer.status, {**answer.headers, **_NO_STORE})


async def update_postback(call: Call) -> Answer:
    form = parse_own(call, POSTBACK)
    values = _check_target(call, form.values)
    await refuse_changed_item(call, POSTBACK, await _drop_secret(call, call.path[_ID], form))
    record = await call.store.run(postbacks.update_postback, call.viewer, call.path[_ID], values)
    return json_answer(render_record(POSTBACK, record, call.language))


async def rotate_secret(call: Call) -> Answer:
    record, secret = await call.store.run(postbacks.rotate_secret, call.viewer, call.path[_ID])
    return json_answer(_with_secret(call, record, secret), headers=_NO_STORE)


async def send_test(call: Call) -> Answer:
    """A partner has one test at a time, and does not learn which internal names exist."""
    caller = call.services.caller
    if caller is None:
        raise Conflict("This server sends no postbacks: CLICKTRAIL_SEND_POSTBACKS is off.")
    target, message = await call.ask(postbacks.prepare_test, call.viewer, call.store.ids, call.path[_ID])
    is_partner = call.viewer.scope in PARTNERS
    with call.services.tests.take(call.viewer.partner_id or message.delivery_id):
        attempt = await caller.call(target, message)
    return json_answer(
        PostbackTest(
            delivery_id=message.delivery_id,
            uri=attempt.uri,
            response_status=attempt.response_status,
            error=attempt.error if is_partner else attempt.reason or attempt.error,
            milliseconds=round(attempt.seconds * 1000),
        )
    )


async def replay_postback(call: Call) -> Answer:
    return json_answer(Replayed(replayed=await call.store.run(deliveries.replay_dead, call.path[_ID])))


def _check_target(call: Call, values: Values) -> Values:
    """Refuses a forbidden address immediately. A host name is checked at every call."""
    if "uri" in values:
        host = can_ada.parse(values["uri"]).hostname.strip("[]")
        try:
            check_targets(host, [ip_address(host)], call.services.limits.postback_networks)
        except RefusedTarget as error:
            raise InvalidBody("The body is not valid.", (Mistake(str(error), pointer="/uri"),)) from None
        except ValueError:  # a host name
            pass
    return values


async def _drop_secret(call: Call, postback_id: str | None, form: Form) -> Form:
    """The form without the secret, which only one answer shows. Raises NotFound, and InvalidBody for a different
    secret.
    """
    shown = dict(form.shown)
    secret = shown.pop("secret", None)
    if secret:
        target = None
        if postback_id is not None:
            await call.store.run(check_there, call.viewer, POSTBACK, postback_id)
            target = await call.store.run(deliveries.find_target, postback_id)
        if target is None or not compare_digest(str(secret).encode(), target.secret.encode()):
            detail = (
                "cannot be chosen: the answer has a secret, and POST /postbacks/{postbackId}/secret makes a new one"
            )
            raise InvalidBody("The body is not valid.", (Mistake(detail, pointer="/secret"),))
    return Form(form.values, shown)


def _with_secret(call: Call, record: Record, secret: str | None) -> dict[str, Any]:
    return render_record(POSTBACK, record, call.language) | {"secret": secret}


OPERATIONS = (
    list_on(POSTBACK),
    create_on(POSTBACK, create_postback, OWNERS, POSTBACK_SECRET, Right.POSTBACKS),
    get_on(POSTBACK),
    *changes_on(POSTBACK, update_postback, OWNERS, right=Right.POSTBACKS),
    delete_on(POSTBACK, scopes=OWNERS, right=Right.POSTBACKS),
    Operation(
        route="POST /postbacks/{postbackId}/secret",
        handler=rotate_secret,
        name="rotatePostbackSecret",
        summary="Give a postback a new secret",
        scopes=OWNERS,
        right=Right.POSTBACKS,
        answer=POSTBACK_SECRET,
        statuses=(200, 404, 409, 503),
    ),
    Operation(
        route="POST /postbacks/{postbackId}/test",
        handler=send_test,
        name="testPostback",
        summary="Send a test event now",
        scopes=OWNERS,
        right=Right.POSTBACKS,
        answer=PostbackTest,
        statuses=(200, 404, 409, 429, 503),
    ),
    Operation(
        route="POST /postbacks/{postbackId}/replay",
        handler=replay_postback,
        name="replayPostback",
        summary="Retry all dead deliveries",
        scopes=ADMINS,
        answer=Replayed,
        statuses=(200, 404, 503),
    ),
)
