"""Page views of the operator's own sites: the pixel, the beacon, and the snippet that sends it.

A site's key is public. It can add clicks for pages of that site. It can also say, once, which browser a recent click
came from. It cannot read anything or change anything else.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec

from clicktrail.errors import ClicktrailError, Forbidden, InvalidBody, Mistake, TooManyRequests, Unavailable
from clicktrail.http.endpoint.call import PLAIN, Answer, Call, Services, json_answer
from clicktrail.http.endpoint.documents import Document, Id, says
from clicktrail.http.endpoint.operation import PUBLIC, Fields, Operation
from clicktrail.http.endpoint.request_ids import HEADER
from clicktrail.http.endpoint.trails import Audit
from clicktrail.http.tracking.recording import record
from clicktrail.http.tracking.redirects import read_visit
from clicktrail.ingest.campaign import find_campaign
from clicktrail.model.catalogue import CatalogueSite
from clicktrail.model.click import Hit
from clicktrail.model.ids import is_id
from clicktrail.query import kinds
from clicktrail.query.fields import CLICK, Field
from clicktrail.query.forms import check_form, decode_json
from clicktrail.query.grammar import ANYTHING, Grammar, Own
from clicktrail.query.texts import find_origin
from clicktrail.store.clicks.change import recognise

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""One transparent pixel: the 43 bytes of the smallest GIF that every browser shows."""
MAX_VIEW_BYTES = 32 * 1024
"""Maximum bytes of a beacon: an 8 KiB uri and a 2 KiB referrer, escaped."""
VIEW = {
    "uri": replace(CLICK.writable["uri"], kind=kinds.URL),
    **{name: CLICK.writable[name] for name in ("referrer", "locale", "visitorId", "uuid")},
}
"""The keys that a page sends about a view. The server itself finds all others."""
_KEY = Field(name="key", doc="The site's key.", nullable=False)
_CONSENT = Field(
    name="consent",
    kind=kinds.FLAG,
    nullable=False,
    doc="`false` records nothing: what this site has of the browser loses all that leads to it. `uri` may be left out.",
    example=True,
)
PIXEL_PARAMETERS = ("key", *VIEW, _CONSENT.name)
_NO_SITE = "This site key is not registered for this origin."
_ANYWHERE = {"Cross-Origin-Resource-Policy": "cross-origin"}
_NEVER_KEPT = {**_ANYWHERE, "Cache-Control": "no-store, no-cache, must-revalidate, private", "Pragma": "no-cache"}
_SHARED = {"Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
"""`sendBeacon` always sends credentials, so browsers require this header. The server reads no cookie."""
_PREFLIGHT = {
    **_SHARED,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": f"content-type, content-encoding, {HEADER.lower()}",
    "Access-Control-Max-Age": "86400",
}


class ViewAnswer(Document):
    """The click of the view."""

    click_id: Annotated[Id, says("The click.")]


async def get_pixel(call: Call) -> Answer:
    """Always answers with a picture of one pixel."""
    if call.scope["method"] == "GET":
        try:
            data = _read_pixel(call)
            if _objects(data):
                await _note_objection(call, _find_site(call, data.get("key")), data)
                return Answer(200, GIF, "image/gif", _NEVER_KEPT)
            await _record(call, _find_site(call, data.get("key")), data, "lost")
        except (TooManyRequests, Unavailable):
            pass  # already counted
        except (ClicktrailError, ValueError):
            call.services.observer.click("refused")
    return Answer(200, GIF, "image/gif", _NEVER_KEPT)


async def collect(call: Call) -> Answer:
    data = decode_json(call.body)
    if not isinstance(data, dict):
        raise InvalidBody("The body is not valid.", (Mistake("must be an object", pointer=""),))
    origin = call.headers.get("origin", "").lower()
    site = _find_site(call, data.get("key"))
    if origin not in site.origins:
        raise Forbidden(_NO_SITE)
    if _objects(data):
        await _note_objection(call, site, data)
        return Answer(204, headers={**_SHARED, "Access-Control-Allow-Origin": origin, **_NEVER_KEPT})
    click_id, is_new = await _record(call, site, data)
    shown = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": HEADER}
    headers = {**_SHARED, **shown, **_NEVER_KEPT}
    return json_answer(ViewAnswer(click_id=click_id), 201 if is_new else 200, headers)


async def allow_collect(call: Call) -> Answer:
    origin = call.headers.get("origin", "").lower()
    if not any(origin in site.origins for site in call.store.catalogue.sites.values()):
        raise Forbidden("No site has pages at this origin.")
    return Answer(204, headers={"Access-Control-Allow-Origin": origin, **_PREFLIGHT})


async def get_snippet(call: Call) -> Answer:
    parameters = call.services.recorder.parameters
    script, tag = _snippet(parameters.code, parameters.click)
    headers = {**_ANYWHERE, "Cache-Control": "public, max-age=3600", "ETag": tag}
    if tag.removeprefix("W/") in call.headers.get("if-none-match", ""):
        return Answer(304, headers=headers, media_type="text/javascript; charset=utf-8")
    return Answer(200, script, "text/javascript; charset=utf-8", headers)


@cache
def _snippet(code: str, click: str) -> tuple[bytes, str]:
    text = files(__package__).joinpath("snippet.js").read_text(encoding="utf-8")
    script = text.replace("%REFERRAL%", code).replace("%CLICK%", click).encode()
    return script, f'W/"{hashlib.sha256(script).hexdigest()[:16]}"'  # weak: compressed or not, it is the same script


def _read_pixel(call: Call) -> dict[str, Any]:
    """The data in the pixel's query string. Without a uri: the page that shows the pixel. Raises ValueError."""
    found = parse_qs(call.query.decode("latin-1"), max_num_fields=50)
    data: dict[str, Any] = {name: values[-1] for name, values in found.items() if name in PIXEL_PARAMETERS}
    data.setdefault("uri", call.headers.get("referer"))
    return data


def _objects(data: Mapping[str, Any]) -> bool:
    """Whether a browser objects to what is stored of it: it says anything but yes."""
    said = data.get("consent", True)
    return said is not True and kinds.FLAGS.get(str(said).lower()) is not True


async def _note_objection(call: Call, site: CatalogueSite, data: Mapping[str, Any]) -> None:
    """The same for every visitorId, with clicks or without. Raises TooManyRequests, Unavailable."""
    call.services.visits.count("address", call.client_address)
    visitor_id = data.get("visitorId")
    if isinstance(visitor_id, str):
        await call.services.objections.add(site.site_id, visitor_id)


def _find_site(call: Call, key: Any) -> CatalogueSite:
    """Raises Forbidden."""
    site = call.store.catalogue.sites.get(key) if isinstance(key, str) else None
    if site is None:
        raise Forbidden(_NO_SITE)
    return site


async def _record(
    call: Call, site: CatalogueSite, data: Mapping[str, Any], failure: str = "refused"
) -> tuple[str, bool]:
    """The id of a view's click, and whether it is new. Raises ClicktrailError."""
    services = call.services
    address = call.client_address
    try:
        services.visits.count("address", address)
        services.visits.count("site", site.site_id)
    except TooManyRequests:
        services.observer.click("limited")
        raise
    hit = _read_view(call, site, address, data)
    known = await _find_arrival(services, hit, site)
    if known is not None:
        return known, False
    click, is_new = await record(services, hit, failure)
    return click.click_id, is_new


def _read_view(call: Call, site: CatalogueSite, address: str, data: Mapping[str, Any]) -> Hit:
    """A view of a page of the site -> a hit. Raises Forbidden, InvalidBody."""
    sent = check_form({name: data[name] for name in data.keys() - {"key", "consent"}}, VIEW, ("uri",), "", call.reading)
    if find_origin(sent["uri"]) not in site.origins:
        raise Forbidden(_NO_SITE)
    return msgspec.structs.replace(
        read_visit(dict(call.headers), address, sent["uri"]),
        referrer=sent.get("referrer"),
        locale=sent.get("locale"),
        uuid=sent.get("uuid"),
        visitor_id=sent.get("visitor_id"),
        site_id=site.site_id,
    )


async def _find_arrival(services: Services, hit: Hit, site: CatalogueSite) -> str | None:
    """The recorded click whose tracking link has just brought the visitor to this page."""
    parameter = services.recorder.parameters.click
    click_id = find_campaign(hit.uri, parameter, parameter).code
    click_id = click_id.lower() if click_id is not None else ""
    if not is_id(click_id):
        return None
    is_known = await services.store.run(recognise, click_id, hit, services.recorder.make(hit), site.origins)
    return click_id if is_known else None


OPERATIONS = (
    Operation(
        route="GET /p.gif",
        handler=get_pixel,
        name="getPixel",
        summary="Record a page view with a picture of one pixel",
        scopes=PUBLIC,
        query=Grammar(own=tuple(Own(name=name, doc="As in POST /collect.") for name in PIXEL_PARAMETERS), is_free=True),
        media_type="*/*",
        samples={"image/gif": None},
    ),
    Operation(
        route="POST /collect",
        handler=collect,
        name="collect",
        summary="Record a page view with a beacon",
        scopes=PUBLIC,
        doc="Send it from a page of your site: `key` is the key of a site (`POST /sites`), and the browser's `Origin` "
        "must be one of the site's origins. All other beacons get 403, also the example as it is.",
        body=Fields(
            name="View",
            doc="A view of a page of the operator's own site.",
            fields={"key": _KEY, **VIEW, "consent": _CONSENT},
            required=("key", "uri"),
            example={"key": "hQ3vQ0l2dXWg2sXv", "uri": "https://shop.example.org/?utm_source=x"},
        ),
        body_types=(PLAIN,),
        max_bytes=MAX_VIEW_BYTES,
        media_type="*/*",
        answer=ViewAnswer,
        statuses=(201, 200, 204, 403, 409, 422, 429, 503),
        audit=Audit.NEVER,
    ),
    Operation(
        route="OPTIONS /collect",
        handler=allow_collect,
        name="allowCollect",
        summary="Ask whether an origin may send beacons",
        scopes=PUBLIC,
        media_type="*/*",
        statuses=(204, 403),
    ),
    Operation(
        route="GET /clicktrail.js",
        handler=get_snippet,
        name="getSnippet",
        summary="The script that sends page views",
        scopes=PUBLIC,
        query=ANYTHING,
        media_type="*/*",
        samples={"text/javascript; charset=utf-8": "(() => {})()"},
        statuses=(200, 304),
    ),
)
