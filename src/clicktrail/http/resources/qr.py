"""GET /links/{linkId}/qr: a tracking link as a QR code, for print."""

import io

import segno

from clicktrail.http.endpoint.call import Answer, Call
from clicktrail.http.endpoint.operation import Operation
from clicktrail.model.access import READERS
from clicktrail.query.fields import LINK
from clicktrail.query.grammar import Grammar, choice
from clicktrail.store.reads.records import get_record

FORMATS = {"svg": "image/svg+xml", "png": "image/png"}
"""Format -> media type."""
_SCALE = 8
"""Pixels per module in PNG. SVG needs no scale."""


async def get_link_qr(call: Call) -> Answer:
    kind = call.asked.own["format"]
    link = await call.ask(get_record, call.viewer, LINK, call.path["linkId"])
    out = io.BytesIO()
    segno.make_qr(call.link_url(link.code), error="m").save(out, kind=kind, scale=_SCALE)
    return Answer(200, out.getvalue(), FORMATS[kind])


OPERATIONS = (
    Operation(
        route="GET /links/{linkId}/qr",
        handler=get_link_qr,
        name="getLinkQr",
        summary="Get a link as a QR code",
        scopes=READERS,
        query=Grammar(own=(choice("format", "The kind of picture.", FORMATS),)),
        media_type="*/*",
        samples={FORMATS["svg"]: '<svg xmlns="http://www.w3.org/2000/svg" class="segno"></svg>', FORMATS["png"]: None},
        statuses=(200, 404, 429, 503),
    ),
)
