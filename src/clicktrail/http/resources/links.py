"""Links, and their figures."""

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import LinkMetrics, render_metrics
from clicktrail.http.resources.catalogue import operations_on
from clicktrail.model.access import READERS
from clicktrail.query.fields import LINK
from clicktrail.query.grammar import Grammar, flag
from clicktrail.store.reads import metrics


async def get_link_metrics(call: Call) -> Answer:
    found = await call.ask(metrics.get_link_metrics, call.viewer, call.path["linkId"], call.asked.own["bots"])
    return json_answer(render_metrics(found))


OPERATIONS = (
    Operation(
        route="GET /links/{linkId}/metrics",
        handler=get_link_metrics,
        name="getLinkMetrics",
        summary="Get the figures of a link",
        scopes=READERS,
        query=Grammar(own=(flag("bots", "`true` also counts robots."),)),
        answer=LinkMetrics,
        statuses=(200, 404, 429, 503),
    ),
    *operations_on(LINK),
)
