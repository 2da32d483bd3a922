"""The Click endpoints of the reference."""

from typing import Annotated

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.audit import tell
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.documents import Count, Document, says
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.endpoint.paging import page_answer
from clicktrail.http.endpoint.render import render_click, render_shown
from clicktrail.http.endpoint.sentback import leave_out_hidden
from clicktrail.http.endpoint.trails import Audit
from clicktrail.http.resources import removing
from clicktrail.http.resources.catalogue import changes_on, create_on, delete_on, get_on, list_on
from clicktrail.http.resources.registering import CLIENT_FIELDS, read_registration
from clicktrail.http.tracking.recording import record_hit
from clicktrail.ingest.hits import parse_hit
from clicktrail.model.access import ADMINS, READERS, RECORDERS, SYSTEM
from clicktrail.query.fields import CLICK
from clicktrail.query.removals import read_removal, removing_of
from clicktrail.store.clicks import click_deletes
from clicktrail.store.reads import clicks as reads_clicks
from clicktrail.store.reads.pages import recall_click, recall_page
from clicktrail.store.registrations.register import register_through

MAX_REMOVED = 10_000
"""Maximum clicks that one request deletes."""
_NAMES_NOTHING = Mistake(f"names no key of a client; allowed: {', '.join(CLIENT_FIELDS)}", pointer="")


async def list_clicks(call: Call) -> Answer:
    query, catalogue = call.asked.listing, call.store.catalogue
    recalled = recall_page(call.store.memory, call.viewer, query)
    if recalled is not None:
        return await page_answer(call, recalled, lambda click: render_click(click, catalogue, query.view.language))
    page = await call.ask(reads_clicks.list_clicks, call.viewer, query)
    return await page_answer(call, page, lambda shown: render_shown(shown, catalogue, query.view.language))


async def get_click(call: Call) -> Answer:
    view, click_id = call.asked.view, call.path["clickId"]
    as_of = call.asked.own["as_of"]
    recalled = recall_click(call.store.memory, call.viewer, click_id)
    if recalled is not None and not view.expansions and as_of is None:
        shown = reads_clicks.Shown(recalled, {})
    else:
        shown = await call.ask(reads_clicks.show_click, call.viewer, click_id, view.expansions, as_of)
    return json_answer(render_shown(shown, call.store.catalogue, view.language), headers={"Vary": "Accept-Language"})


async def create_click(call: Call) -> Answer:
    hit, shown = parse_hit(call.body, call.reading)
    return await record_hit(call.services, hit, call.language, call.url(""), leave_out_hidden(call, shown))


async def update_click(call: Call) -> Answer:
    values = await read_registration(call)
    if values is None:  # the body names no client: the answer only shows the click
        if call.viewer.scope not in READERS:
            raise InvalidBody("The body is not valid.", (_NAMES_NOTHING,))
        click = await call.store.run(reads_clicks.get_click, SYSTEM, call.path["clickId"])
        return json_answer(render_click(click, call.store.catalogue, call.language))
    click = await call.store.run(register_through, call.store.ids, call.viewer, call.path["clickId"], values)
    return json_answer(render_click(click, call.store.catalogue, call.language))


async def delete_click(call: Call) -> Answer:
    await call.store.run(click_deletes.delete_click, call.viewer, call.path["clickId"])
    return NO_CONTENT


class Removal(Document):
    """The result of a deletion by filters."""

    dry_run: Annotated[bool, says("Whether this was a dry run: nothing was deleted.")]
    deleted: Annotated[Count, says("How many clicks were deleted, or would be in a dry run.")]
    left: Annotated[Count, says("How many more clicks the filters found at the start.")]


async def delete_clicks(call: Call) -> Answer:
    query, is_dry = read_removal(call.asked), call.asked.own["dry_run"]
    found = await call.ask(click_deletes.find_removable, query)
    tell(call, found=found.total, most=len(found.click_ids))
    removed = len(found.click_ids) if is_dry else await removing.remove_found(call, query, found.click_ids)
    return json_answer(Removal(dry_run=is_dry, deleted=removed, left=found.total - len(found.click_ids)))


OPERATIONS = (
    list_on(CLICK, handler=list_clicks),
    create_on(CLICK, create_click, RECORDERS, audit=Audit.BY_HAND),
    get_on(CLICK, handler=get_click),
    *changes_on(CLICK, update_click, RECORDERS, audit=Audit.BY_HAND),
    delete_on(CLICK, delete_click),
    Operation(
        route="DELETE /clicks",
        handler=delete_clicks,
        name="deleteClicks",
        summary="Delete the clicks that pass the filters, the oldest first",
        scopes=ADMINS,
        query=removing_of(CLICK, MAX_REMOVED),
        answer=Removal,
        statuses=(200, 429, 503),
    ),
)
