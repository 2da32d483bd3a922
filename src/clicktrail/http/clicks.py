"""The Click endpoints of the reference."""

from clicktrail.errors import Conflict, InvalidBody, Mistake, Unavailable
from clicktrail.http.calls import NO_CONTENT, Answer, Call, Services, json_answer
from clicktrail.http.pages import page_answer, read_query
from clicktrail.http.registering import CLIENT_FIELDS, read_registration
from clicktrail.http.render import render_click, render_shown
from clicktrail.http.sentback import COMPARED, leave_out_hidden, refuse_others
from clicktrail.ingest.hits import parse_hit
from clicktrail.model.access import READERS, SYSTEM
from clicktrail.model.click import Click, Hit, differences
from clicktrail.query.fields import CLICK
from clicktrail.query.forms import Values
from clicktrail.query.parse import parse_removal, parse_view
from clicktrail.register import choose_profile
from clicktrail.store import clicks, removal
from clicktrail.store.recall import recall_click, recall_page

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
    page = await call.glance(clicks.list_clicks, call.viewer, query)
    return page_answer(call, query, page, lambda shown: render_shown(shown, catalogue, query.view.language))


async def get_click(call: Call) -> Answer:
    """Get click details."""
    view, click_id = parse_view(call.query, CLICK, call.language, call.reading), call.path["clickId"]
    recalled = recall_click(call.store.memory, call.viewer, click_id)
    if recalled is not None and not view.expansions:
        shown = clicks.Shown(recalled, {})
    else:
        shown = await call.glance(clicks.show_click, call.viewer, click_id, view.expansions)
    return json_answer(render_shown(shown, call.store.catalogue, view.language), headers={"Vary": "Accept-Language"})


async def create_click(call: Call) -> Answer:
    """Add a new click."""
    hit, shown = parse_hit(call.body, call.reading)
    return await record_hit(call.services, hit, call.language, call.url(""), leave_out_hidden(call, shown))


async def record(services: Services, hit: Hit, failure: str = "refused") -> tuple[Click, bool]:
    """The durable click of a hit, and whether it is new; what came of it is counted.

    Raises Unavailable, and counts a `failure`.
    """
    try:
        if hit.click_id is None:
            click, is_new = await services.recorder.record(hit)
        else:
            click, is_new = await services.store.add_given(services.recorder.make(hit))
    except Unavailable:
        services.observer.click(failure)
        raise
    services.observer.click("recorded" if is_new else "repeated")
    return click, is_new


async def record_hit(services: Services, hit: Hit, language: str, origin: str, shown: Values | None = None) -> Answer:
    """Records a hit and answers with its click. Raises Unavailable, Conflict.

    `shown` are read-only keys that came with it: of a click that is there already they must say what is stored.
    """
    click, is_new = await record(services, hit)
    if not is_new:
        mistakes = tuple(
            Mistake("differs from the stored click", pointer=f"/{name}") for name in differences(hit, click)
        )
        if mistakes:
            raise Conflict(f"The uuid or id already stands for the click {click.click_id}, which differs.", mistakes)
        if shown:
            await _refuse_changed(services, click, shown, language)
    document = render_click(click, services.store.catalogue, language)
    return (
        json_answer(document, 201, {"Location": f"{origin}/clicks/{click.click_id}"})
        if is_new
        else json_answer(document)
    )


async def _refuse_changed(services: Services, click: Click, sent: Values, language: str) -> None:
    stored = await services.store.read(clicks.show_click, SYSTEM, click.click_id, COMPARED)
    refuse_others(sent, lambda each: render_shown(stored, services.store.catalogue, each), language)


async def update_click(call: Call) -> Answer:
    """Update a click: tie it to the client who registered."""
    values = await read_registration(call)
    if values is None:  # nothing is said of a client: the answer only shows the click
        if call.viewer.scope not in READERS:
            raise InvalidBody("The body is not valid.", (_NAMES_NOTHING,))
        click = await call.store.read(clicks.get_click, SYSTEM, call.path["clickId"])
        return json_answer(render_click(click, call.store.catalogue, call.language))
    click = await call.store.write(clicks.register, call.store.ids, call.path["clickId"], values, choose_profile)
    return json_answer(render_click(click, call.store.catalogue, call.language))


async def delete_click(call: Call) -> Answer:
    """Delete a click."""
    await call.store.remove(removal.delete_click, call.path["clickId"])
    return NO_CONTENT


async def delete_clicks(call: Call) -> Answer:
    """Delete the clicks that filters find, or say how many that would be."""
    query, is_dry = parse_removal(call.query, CLICK, MAX_REMOVED, call.language, call.reading)
    found = await call.glance(removal.find_removable, query)
    removed = len(found.click_ids) if is_dry else await removal.remove_found(call.store, query, found.click_ids)
    return json_answer({"dryRun": is_dry, "deleted": removed, "left": found.total - len(found.click_ids)})
