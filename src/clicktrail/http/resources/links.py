"""Links, and their figures."""

from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.render import LinkMetrics, StayingClicks, render_metrics, render_record
from clicktrail.http.endpoint.sentback import refuse_changed_item
from clicktrail.http.resources.catalogue import created_answer, operations_on
from clicktrail.http.resources.own import parse_own
from clicktrail.model.access import OWNERS, PARTNERS, READERS, Right
from clicktrail.query.fields import LINK
from clicktrail.query.grammar import Grammar, flag
from clicktrail.store.objects import links, own
from clicktrail.store.reads import metrics


async def get_link_metrics(call: Call) -> Answer:
    found = await call.ask(metrics.get_link_metrics, call.viewer, call.path["linkId"], call.asked.own["bots"])
    return json_answer(render_metrics(found))


async def create_link(call: Call) -> Answer:
    form, rules = parse_own(call, LINK), call.services.limits.own_rules
    code = form.values.get("code")
    if code is not None and call.viewer.scope in PARTNERS:
        await call.ask(own.check_unclaimed, code, call.services.recorder.parameters.code)
    record, is_new = await call.store.run(links.create_link, call.store.ids, call.viewer, form.values, rules)
    return created_answer(call, LINK, record, is_new, form)


async def update_link(call: Call) -> Answer:
    form, rules = parse_own(call, LINK), call.services.limits.own_rules
    await refuse_changed_item(call, LINK, form)
    link_id = call.path["linkId"]
    record, staying, _ = await call.store.run(links.update_link, call.viewer, link_id, form.values, rules)
    document = render_record(LINK, record, call.language)
    if staying is not None:
        document["staying"] = StayingClicks(partner_id=staying.partner_id, clicks=staying.clicks)
    return json_answer(document)


OPERATIONS = (
    Operation(
        route="GET /links/{linkId}/metrics",
        handler=get_link_metrics,
        name="getLinkMetrics",
        summary="Get the figures of a link",
        scopes=READERS,
        query=Grammar(own=(flag("bots", "`true` also counts robots."),)),
        answer=LinkMetrics,
        statuses=(200, 404, 409, 429, 503),
    ),
    *operations_on(LINK, create_link, update_link, OWNERS, Right.LINKS),
)
