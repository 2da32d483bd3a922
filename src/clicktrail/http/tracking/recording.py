"""From a hit to a durable click. All endpoints share this. Every result is counted."""

from clicktrail.errors import Conflict, Mistake, Unavailable
from clicktrail.http.endpoint.call import Answer, Services, json_answer
from clicktrail.http.endpoint.render import render_click, render_shown
from clicktrail.http.endpoint.sentback import COMPARED, refuse_others
from clicktrail.model.access import SYSTEM
from clicktrail.model.click import Click, Hit
from clicktrail.model.privacy import differences
from clicktrail.query.fields import CLICK
from clicktrail.query.forms import Json
from clicktrail.store.clicks.insert import insert_click
from clicktrail.store.reads import clicks as reads_clicks


async def record(services: Services, hit: Hit, failure: str = "refused") -> tuple[Click, bool]:
    """The durable click of a hit, and whether it is new. Counts the result.

    Raises Unavailable, and then counts a `failure`.
    """
    try:
        if hit.click_id is None:
            click, is_new = await services.turns.record_hit(hit)
        else:
            click, is_new = await services.store.run(insert_click, services.recorder.make(hit), services.store.relink)
    except Unavailable:
        services.observer.click(failure)
        raise
    services.observer.click("recorded" if is_new else "repeated")
    return click, is_new


async def record_hit(services: Services, hit: Hit, language: str, origin: str, shown: Json | None = None) -> Answer:
    """Records a hit and answers with its click. Raises Unavailable, Conflict.

    `shown` are read-only keys of the request. If the click already exists, they must equal the stored values.
    """
    click, is_new = await record(services, hit)
    return await answer_recorded(services, hit, click, is_new, (language, origin), shown)


async def answer_recorded(
    services: Services, hit: Hit, click: Click, is_new: bool, manner: tuple[str, str], shown: Json | None = None
) -> Answer:
    """The answer to a hit that `record` has stored. `manner`: the caller's language, and the API's address."""
    language, origin = manner
    if not is_new:
        memory, made = services.store.memory, services.recorder.make(hit)
        differing = differences(hit, made, click, memory.policy, memory.salts.by_day)
        mistakes = tuple(Mistake("differs from the stored click", pointer=f"/{CLICK.keys[name]}") for name in differing)
        if mistakes:
            raise Conflict(f"The uuid or id already belongs to the click {click.click_id}, which differs.", mistakes)
        if shown:
            await _refuse_changed(services, click, shown, language)
    document = render_click(click, services.store.catalogue, language)
    return (
        json_answer(document, 201, {"Location": f"{origin}/clicks/{click.click_id}"})
        if is_new
        else json_answer(document)
    )


async def _refuse_changed(services: Services, click: Click, sent: Json, language: str) -> None:
    stored = await services.store.run(reads_clicks.show_click, SYSTEM, click.click_id, COMPARED)
    refuse_others(sent, lambda each: render_shown(stored, services.store.catalogue, each), language)
