"""GET /r/{code} and GET /b/{bannerId}/{code}: tracking links, which record the click and lead to the landing page."""

from clicktrail.errors import Gone, NotFound, Unavailable
from clicktrail.http.calls import Answer, Call
from clicktrail.ingest.landing import add_parameter, find_landing
from clicktrail.ingest.previews import is_prefetch, is_preview
from clicktrail.model.addresses import parse_ip
from clicktrail.model.click import Hit
from clicktrail.query.fields import MAX_CLICK_TEXT
from clicktrail.query.kinds import MAX_URL_BYTES

_HEADERS = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer-when-downgrade"}


async def follow_link(call: Call) -> Answer:
    """Follow a link."""
    return await _follow(call, None)


async def follow_banner(call: Call) -> Answer:
    """Follow a link from a banner."""
    return await _follow(call, call.path["bannerId"])


async def _follow(call: Call, banner_id: str | None) -> Answer:
    landing = await _landing_of(call)
    query = call.query.decode("latin-1")
    parameters = call.services.recorder.parameters
    target = find_landing(landing, query, parameters.code, call.path["code"])
    if banner_id is not None and banner_id in call.store.catalogue.banners:
        target = add_parameter(target, parameters.banner, banner_id)
    if len(target.encode()) > MAX_URL_BYTES:
        target = find_landing(landing, "", parameters.code, call.path["code"])
    agent = _text(call, "user-agent")
    if call.scope["method"] == "HEAD" or is_preview(agent):
        return _redirect(target)
    address = call.client_address
    call.services.visits.count(address)
    hit = Hit(
        ip=parse_ip(address),
        uri=target,
        referrer=_text(call, "referer"),
        user_agent=agent,
        is_prefetch=is_prefetch(call.headers),
    )
    try:
        click, _ = await call.services.recorder.record(hit)
    except Unavailable:
        call.services.observer.click("refused")
        raise
    call.services.observer.click("recorded")
    return _redirect(add_parameter(target, parameters.click, click.click_id))


async def _landing_of(call: Call) -> str:
    """Raises NotFound, Gone. A link that another process may just have made is asked for before it is not found."""
    link = call.store.catalogue.links.get(call.path["code"]) or await call.store.find_link(call.path["code"])
    if link is None:
        raise NotFound("There is no such link.")
    if not link.enabled or link.uri is None:
        raise Gone("This link is disabled." if link.uri is not None else "This link has no landing page.")
    return link.uri


def _text(call: Call, name: str) -> str | None:
    """A header as a click keeps it: cut to what a text may hold, without what no column can."""
    value = call.headers.get(name, "").replace("\0", "")[:MAX_CLICK_TEXT]
    return value or None


def _redirect(target: str) -> Answer:
    return Answer(302, b"", "text/plain; charset=utf-8", {**_HEADERS, "Location": target})
