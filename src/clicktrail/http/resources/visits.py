"""GET /links/{linkId}/visit: what a visit of a link would get. Nothing is recorded."""

from typing import Annotated

from clicktrail.errors import Gone, NotFound
from clicktrail.http.endpoint.call import Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Document, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.tracking.redirects import Lead, find_lead
from clicktrail.ingest.agents import find_agent
from clicktrail.ingest.previews import is_preview
from clicktrail.model.access import READERS
from clicktrail.query.fields import LINK
from clicktrail.query.grammar import Grammar, Own
from clicktrail.store.reads.records import get_record


class LinkVisit(Document):
    """What a visit would get. Limits, and repeats of the same visitor, are known only when a visit happens."""

    status: Annotated[int, says("The status of the answer: a redirect, or 410.", 302)]
    location: Annotated[
        str | None,
        says("Where the visitor is led, without `click_id`; null for 410.", "https://my.stage.org/?referral=1"),
    ]
    is_landing: Annotated[bool, says("Whether this is the landing page. False: the fallback page, or none.")]
    is_recorded: Annotated[bool, says("Whether the visit becomes a click.")]
    is_preview: Annotated[bool, says("Whether the user agent is a program that shows previews of links.")]
    is_bot: Annotated[bool | None, says("Whether the user agent is a robot's; null without one.")]
    bot_rule: Annotated[str | None, says("The rule that recognised the robot.", "Googlebot")]
    reason: Annotated[str | None, says("Why there is no page; null if there is one.", "This link is disabled.")]


async def get_link_visit(call: Call) -> Answer:
    record = await call.ask(get_record, call.viewer, LINK, call.path["linkId"])
    agent, reason, lead = call.asked.own["user_agent"], None, None
    try:
        lead = await _find_lead(call, record.code)
    except Gone as error:
        reason = str(error)
    bot, shows_preview = find_agent(agent).bot, is_preview(agent)
    is_landing = lead is not None and lead.is_landing
    shown = LinkVisit(
        status=lead.status if lead else Gone.status,
        location=lead.target if lead else None,
        is_landing=is_landing,
        is_recorded=is_landing and not shows_preview,
        is_preview=shows_preview,
        is_bot=None if bot is None else bool(bot),
        bot_rule=bot or None,
        reason=reason,
    )
    return json_answer(shown)


async def _find_lead(call: Call, code: str) -> Lead:
    """Raises Gone. Raises NotFound if the link was deleted a moment ago."""
    store = call.services.store
    link = store.catalogue.links.get(code) or await store.find_link(code)
    if link is None:
        raise NotFound("There is no such link.")
    return find_lead(call.services, link, code, call.asked.own["query"])


OPERATIONS = (
    Operation(
        route="GET /links/{linkId}/visit",
        handler=get_link_visit,
        name="getLinkVisit",
        summary="Show what a visit of a link would get",
        doc="Records nothing. It uses the rules by which visitors are redirected.",
        scopes=READERS,
        query=Grammar(
            own=(
                Own(name="query", doc="The query string of the visitor.", default="", example="utm_campaign=may"),
                Own(name="user_agent", doc="The visitor's user agent.", example="Mozilla/5.0 (X11; Linux x86_64)"),
            )
        ),
        answer=LinkVisit,
        statuses=(200, 404, 429, 503),
    ),
)
