"""The Click endpoints of the reference."""

from clicktrail.errors import InvalidBody, Mistake
from clicktrail.http.endpoint.call import NO_CONTENT, Answer, Call, json_answer
from clicktrail.http.endpoint.paging import page_answer, read_query
from clicktrail.http.endpoint.render import render_click, render_shown
from clicktrail.http.endpoint.sentback import leave_out_hidden
from clicktrail.http.resources import removing
from clicktrail.http.resources.registering import CLIENT_FIELDS, read_registration
from clicktrail.http.tracking.recording import record_hit
from clicktrail.ingest.hits import parse_hit
from clicktrail.model.access import READERS, SYSTEM
from clicktrail.query.fields import CLICK
from clicktrail.query.parse import parse_removal, parse_view
from clicktrail.store.clicks import removal
from clicktrail.store.reads import clicks as reads_clicks
from clicktrail.store.reads.recall import recall_click, recall_page
from clicktrail.store.registrations.register import register_through

MAX_REMOVED = 10_000
"""Clicks that one request deletes."""
_NAMES_NOTHING = Mistake(f"names nothing of a client; allowed: {', '.join(CLIENT_FIELDS)}", pointer="")


async def list_clicks(call: Call) -> Answer:
    """Get a clicks list."""
    query = read_query(call, CLICK)
    catalogue = call.store.catalogue
    recalled = recall_page(call.store.memory, call.viewer, query)
    if recalled is not None:
        return page_answer(call, query, recalled, lambda click: render_click(click, catalogue, query.view.language))
    page = await call.ask(reads_clicks.list_clicks, call.viewer, query)
    return page_answer(call, query, page, lambda shown: render_shown(shown, catalogue, query.view.language))


async def get_click(call: Call) -> Answer:
    """Get click details."""
    view, click_id = parse_view(call.query, CLICK, call.language, call.reading), call.path["clickId"]
    recalled = recall_click(call.store.memory, call.viewer, click_id)
    if recalled is not None and not view.expansions:
        shown = reads_clicks.Shown(recalled, {})
    else:
        shown = await call.ask(reads_clicks.show_click, call.viewer, click_id, view.expansions)
    return json_answer(render_shown(shown, call.store.catalogue, view.language), headers={"Vary": "Accept-Language"})


async def create_click(call: Call) -> Answer:
    """Add a new click."""
    hit, shown = parse_hit(call.body, call.reading)
    return await record_hit(call.services, hit, call.language, call.url(""), leave_out_hidden(call, shown))


async def update_click(call: Call) -> Answer:
    """Update a click: tie it to the client who registered."""
    values = await read_registration(call)
    if values is None:  # nothing is said of a client: the answer only shows the click
        if call.viewer.scope not in READERS:
            raise InvalidBody("The body is not valid.", (_NAMES_NOTHING,))
        click = await call.store.run(reads_clicks.get_click, SYSTEM, call.path["clickId"])
        return json_answer(render_click(click, call.store.catalogue, call.language))
    click = await call.store.run(register_through, call.store.ids, call.viewer, call.path["clickId"], values)
    return json_answer(render_click(click, call.store.catalogue, call.language))


async def delete_click(call: Call) -> Answer:
    """Delete a click."""
    await call.store.run(removal.delete_click, call.viewer, call.path["clickId"])
    return NO_CONTENT


async def delete_clicks(call: Call) -> Answer:
    """Delete the clicks that filters find, or say how many that would be."""
    query, is_dry = parse_removal(call.query, CLICK, MAX_REMOVED, call.language, call.reading)
    found = await call.ask(removal.find_removable, query)
    removed = len(found.click_ids) if is_dry else await removing.remove_found(call, query, found.click_ids)
    return json_answer({"dryRun": is_dry, "deleted": removed, "left": found.total - len(found.click_ids)})
