"""Deliveries: the events that postbacks sent or will send, and how to send them again."""

from typing import Annotated

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Count, Document, Moment, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.resources.catalogue import get_on, list_on
from clicktrail.model.access import ADMINS, READERS
from clicktrail.model.times import render_time
from clicktrail.query.fields import DELIVERY
from clicktrail.store.outbox import deliveries, tries


async def replay_delivery(call: Call) -> Answer:
    record = await call.store.run(deliveries.replay, call.path[DELIVERY.id_field.name])
    return json_answer(render_record(DELIVERY, record, call.language))


class DeliveryAttempt(Document):
    """An attempt to send a delivery."""

    time: Annotated[Moment, says("When it began.")]
    response_status: Annotated[int | None, says("The HTTP status of the answer, if there was one.", 500)]
    error: Annotated[str | None, says("Why it failed; null after success.", "answered 500")]
    milliseconds: Annotated[Count, says("How long it took.", 120)]


async def list_attempts(call: Call) -> Answer:
    found = await call.ask(tries.list_tries, call.viewer, call.path[DELIVERY.id_field.name])
    return json_answer(
        [
            DeliveryAttempt(
                time=render_time(each.time),
                response_status=each.response_status,
                error=each.error,
                milliseconds=each.milliseconds,
            )
            for each in found
        ]
    )


OPERATIONS = (
    list_on(DELIVERY),
    get_on(DELIVERY),
    Operation(
        route="GET /deliveries/{deliveryId}/attempts",
        handler=list_attempts,
        name="listDeliveryAttempts",
        summary="List the last attempts of a delivery",
        doc=f"The first one comes first. The last {tries.KEPT} attempts are kept, also those before a replay.",
        scopes=READERS,
        answer=list[DeliveryAttempt],
        statuses=(200, 404, 429, 503),
    ),
    Operation(
        route="POST /deliveries/{deliveryId}/replay",
        handler=replay_delivery,
        name="replayDelivery",
        summary="Send a delivery again",
        scopes=ADMINS,
        answer=DELIVERY,
        statuses=(200, 404, 503),
    ),
)
