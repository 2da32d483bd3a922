"""Deliveries: the events that postbacks sent or will send, and how to send them again."""

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import render_record
from clicktrail.http.resources.catalogue import get_on, list_on
from clicktrail.model.access import ADMINS
from clicktrail.query.fields import DELIVERY
from clicktrail.store.outbox import deliveries


async def replay_delivery(call: Call) -> Answer:
    record = await call.store.run(deliveries.replay, call.path[DELIVERY.id_field.name])
    return json_answer(render_record(DELIVERY, record, call.language))


OPERATIONS = (
    list_on(DELIVERY),
    get_on(DELIVERY),
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
