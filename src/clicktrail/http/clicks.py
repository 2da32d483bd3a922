"""The Click endpoints of the reference."""

from clicktrail.errors import Conflict, InvalidBody, Mistake, Unavailable
from clicktrail.http.calls import NO_CONTENT, Answer, Call, Services, json_answer
from clicktrail.http.pages import page_answer, read_query
from clicktrail.http.render import render_click, render_shown
from clicktrail.ingest.hits import parse_hit
from clicktrail.model.click import Click, Hit, differences
from clicktrail.query.fields import CLICK, PROFILE
from clicktrail.query.forms import Values, check_form, decode_json, required_fields
from clicktrail.query.parse import parse_view
from clicktrail.register import choose_profile
from clicktrail.store import clicks
from clicktrail.store.recall import recall_click, recall_page

CLIENT_FIELDS = {
    name: PROFILE.writable[name] for name in ("firstName", "lastName", "middleName", "enabled", "uuid", "contacts")
}
"""The fields of the reference's body; a profile's other fields are changed under /profiles."""


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
    view, click_id = parse_view(call.query, CLICK, call.language), call.path["clickId"]
    recalled = recall_click(call.store.memory, call.viewer, click_id)
    if recalled is not None and not view.expansions:
        shown = clicks.Shown(recalled, {})
    else:
        shown = await call.glance(clicks.show_click, call.viewer, click_id, view.expansions)
    return json_answer(render_shown(shown, call.store.catalogue, view.language), headers={"Vary": "Accept-Language"})


async def create_click(call: Call) -> Answer:
    """Add a new click."""
    return await record_hit(call.services, parse_hit(call.body), call.language, call.url(""))


async def record(services: Services, hit: Hit) -> tuple[Click, bool]:
    """The durable click of a hit, and whether it is new; what came of it is counted. Raises Unavailable."""
    try:
        click, is_new = await services.recorder.record(hit)
    except Unavailable:
        services.observer.click("refused")
        raise
    services.observer.click("recorded" if is_new else "repeated")
    return click, is_new


async def record_hit(services: Services, hit: Hit, language: str, origin: str) -> Answer:
    """Records a hit and answers with its click. Raises Unavailable, Conflict."""
    click, is_new = await record(services, hit)
    if not is_new:
        mistakes = tuple(
            Mistake("differs from the stored click", pointer=f"/{name}") for name in differences(hit, click)
        )
        if mistakes:
            raise Conflict(f"The uuid already stands for the click {click.click_id}, which differs.", mistakes)
    document = render_click(click, services.store.catalogue, language)
    return (
        json_answer(document, 201, {"Location": f"{origin}/clicks/{click.click_id}"})
        if is_new
        else json_answer(document)
    )


async def update_click(call: Call) -> Answer:
    """Update a click: tie it to the client who registered."""
    values = parse_registration(call.body, call.scope["method"])
    click = await call.store.write(clicks.register, call.store.ids, call.path["clickId"], values, choose_profile)
    return json_answer(render_click(click, call.store.catalogue, call.language))


async def delete_click(call: Call) -> Answer:
    """Delete a click."""
    await call.store.remove(clicks.delete_click, call.path["clickId"])
    return NO_CONTENT


def parse_registration(body: bytes, method: str) -> Values:
    """`{"profile": {…}}`, or the same fields without the wrapper -> values. Raises MalformedRequest, InvalidBody."""
    data = decode_json(body)
    required = required_fields(PROFILE, method) & CLIENT_FIELDS.keys()
    if isinstance(data, dict) and data.keys() == {"profile"}:
        return _refuse_empty(check_form(data["profile"], CLIENT_FIELDS, required, "/profile"), "/profile")
    return _refuse_empty(check_form(data, CLIENT_FIELDS, required), "")


def _refuse_empty(values: Values, pointer: str) -> Values:
    """What names nothing would register nobody and show the click to a token that may not read. Raises InvalidBody."""
    if not values:
        mistake = Mistake(f"names nothing; allowed: {', '.join(CLIENT_FIELDS)}", pointer=pointer)
        raise InvalidBody("The body is not valid.", (mistake,))
    return values
